import ArgumentParser
import SystemPackage
import TestSupport
import Testing

@testable import certwright

@Suite("configuration files")
struct ConfigurationFileTests {
    func arguments(_ yaml: String, for program: Program = .controller) throws -> [String] {
        try ConfigurationFile.arguments(from: Array(yaml.utf8), for: program)
    }

    func problem(_ yaml: String, for program: Program = .controller) -> String? {
        do {
            _ = try arguments(yaml, for: program)
            return nil
        } catch {
            return "\(error)"
        }
    }

    let controller = """
        apiVersion: controller.config.cert-manager.io/v1alpha1
        kind: ControllerConfiguration
        """

    @Test("every field is a flag, and what is empty says nothing")
    func fields() throws {
        let yaml = """
            \(controller)
            kubeConfig: ""
            namespace: web
            kubernetesAPIQPS: 20.5
            numberOfConcurrentWorkers: 7
            enableCertificateOwnerRef: true
            controllers: ["*", "-ingress-shim"]
            leaderElectionConfig: {enabled: false, leaseDuration: 61s, healthzTimeout: null}
            ingressShimConfig:
              extraCertificateAnnotations: [a.example.com/b]
            acmeHTTP01Config: {solverRunAsNonRoot: false, solverNameservers: []}
            featureGates: {ListenerSets: true, AllBeta: false}
            logging: {format: json, verbosity: 4, options: {json: {infoBufferSize: "0"}}}
            """
        #expect(
            try arguments(yaml) == [
                "--namespace=web", "--kube-api-qps=20.5", "--concurrent-workers=7",
                "--enable-certificate-owner-ref=true", "--controllers=*,-ingress-shim", "--leader-elect=false",
                "--leader-election-lease-duration=61s", "--extra-certificate-annotations=a.example.com/b",
                "--acme-http01-solver-run-as-non-root=false", "--feature-gates=ListenerSets=true,AllBeta=false",
                "--logging-format=json", "--v=4",
            ])
    }

    @Test("metricsTLSConfig is a field of all three kinds", arguments: [Program.controller, .webhook, .cainjector])
    func metricsTLS(of program: Program) throws {
        let kind = ConfigurationFields(program)
        let yaml = """
            apiVersion: \(kind.apiVersion)
            kind: \(kind.kind)
            metricsTLSConfig:
              minTLSVersion: VersionTLS13
              cipherSuites: [TLS_AES_128_GCM_SHA256]
              filesystem: {certFile: "", keyFile: ""}
              dynamic: {secretNamespace: tls, secretName: metrics-ca, dnsNames: [m, m.tls.svc], leafDuration: 48h}
            """
        #expect(
            try arguments(yaml, for: program) == [
                "--metrics-tls-min-version=VersionTLS13", "--metrics-tls-cipher-suites=TLS_AES_128_GCM_SHA256",
                "--metrics-dynamic-serving-ca-secret-namespace=tls",
                "--metrics-dynamic-serving-ca-secret-name=metrics-ca",
                "--metrics-dynamic-serving-dns-names=m,m.tls.svc",
                "--metrics-dynamic-serving-leaf-duration=48h",
            ])
    }

    @Test(
        "what a file cannot say is refused with the path of the field",
        arguments: [
            ("nonsense: 1", "nonsense is not a field of ControllerConfiguration"),
            ("leaderElectionConfig: {leaseduration: 1s}", "leaderElectionConfig.leaseduration is not a field"),
            ("leaderElectionConfig: true", "leaderElectionConfig must be an object"),
            ("numberOfConcurrentWorkers: many", "numberOfConcurrentWorkers must be a number"),
            ("enableCertificateOwnerRef: 1", "enableCertificateOwnerRef must be true or false"),
            ("controllers: '*'", "controllers must be a list of texts"),
            ("featureGates: {A: 1}", "featureGates must be an object"), ("namespace: [a]", "namespace must be a text"),
        ])
    func refused(line: String, part: String) {
        #expect(problem("\(controller)\n\(line)")?.contains(part) == true)
    }

    @Test("a file of another kind, of no kind or with no object is refused")
    func kinds() {
        #expect(problem(controller, for: .cainjector)?.contains("CAInjectorConfiguration") == true)
        #expect(problem("namespace: web")?.contains("kind: ControllerConfiguration") == true)
        #expect(problem("- a")?.contains("one object") == true)
        #expect(problem("a: [")?.contains("no YAML") == true)
        #expect(problem("\(controller)\n---\n\(controller)")?.contains("one object") == true)
    }

    @Test("a flag on the command line goes before the file")
    func precedence() throws {
        let folder = try TemporaryFolder(named: "configuration")
        defer { folder.remove() }
        let yaml = "\(controller)\nleaderElectionConfig: {enabled: false}\nnumberOfConcurrentWorkers: 7\nnamespace: web"
        try folder.write("config.yaml", Array(yaml.utf8))
        for place in [["--config=\(folder.path("config.yaml"))"], ["--config", folder.path("config.yaml")]] {
            let given = ["controller", "--concurrent-workers=3", "--leader-elect=true"] + place
            let expanded = SwitchSyntax.rewritten(try ConfigurationFile.expanded(given))
            let command = try #require(try Certwright.parseAsRoot(expanded) as? ControllerCommand)
            #expect(command.controllers.concurrentWorkers == 3)
            #expect(command.leaderElection.leaderElect)
            #expect(command.cluster.namespaces == ["web"])
        }
    }

    @Test("a file that is not there is said by its path, and without --config nothing is read")
    func missing() throws {
        #expect {
            try ConfigurationFile.expanded(["controller", "--config=/nowhere/config.yaml"])
        } throws: {
            "\($0)".contains("--config=/nowhere/config.yaml: the file cannot be read")
        }
        #expect(try ConfigurationFile.expanded(["controller", "--v=2"]) == ["controller", "--v=2"])
        #expect(
            try ConfigurationFile.expanded(["controller", "--", "--config=x"]) == ["controller", "--", "--config=x"])
    }

    @Test("every field's flag is one that the program knows", arguments: [Program.controller, .cainjector])
    func known(program: Program) {
        let command: any ParsableCommand.Type =
            program == .controller ? ControllerCommand.self : CAInjectorCommand.self
        let help = command.helpMessage(columns: 400)
        let flags = ConfigurationFields(program).fields.values.map(\.flag)
        let unknown = flags.filter { flag in ![" ", "/", ","].contains { help.contains("--\(flag)\($0)") } }
        #expect(unknown == [])
    }
}
