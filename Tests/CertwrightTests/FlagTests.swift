import Admission
import ArgumentParser
import HTTPServer
import Injection
import KubeModel
import TestSupport
import Testing
import Wire

@testable import certwright

@Suite("flags of certwright controller")
struct FlagTests {
    func parse(_ arguments: String...) throws -> ControllerCommand {
        let command = try Certwright.parseAsRoot(SwitchSyntax.rewritten(["controller"] + arguments))
        return try #require(command as? ControllerCommand)
    }

    @Test("without flags every default works")
    func defaults() throws {
        let command = try parse()
        #expect(command.leaderElection.leaderElect)
        #expect(command.leaderElection.leaderElectionLeaseDuration.description == "1m0s")
        #expect(command.controllers.concurrentWorkers == 5)
        #expect(command.serving.metricsListenAddress == ListenAddress(host: "0.0.0.0", port: 9402))
        #expect(try ControllerName.selected(by: command.controllers.controllers) == Set(ControllerName.allCases))
    }

    @Test("switches take the Kubernetes spelling")
    func switches() throws {
        let command = try parse("--leader-elect=false", "--enable-certificate-owner-ref=true", "--http2")
        #expect(!command.leaderElection.leaderElect)
        #expect(command.certificates.enableCertificateOwnerRef)
        #expect(command.cluster.connection.http2)
    }

    @Test("every switch of the commands is known to the rewriting, and the other way round")
    func switchList() {
        let commands: [any ParsableCommand.Type] = [
            ControllerCommand.self, WebhookCommand.self, CAInjectorCommand.self, CheckAPICommand.self,
        ]
        let inHelp = commands.flatMap { $0.helpMessage(columns: 400).split(separator: "\n") }.compactMap {
            line -> String? in
            let parts = line.split(separator: "/--no-")
            guard parts.count == 2, let name = parts[1].split(separator: " ").first else { return nil }
            return String(name)
        }
        #expect(Set(inHelp) == SwitchSyntax.switches)
    }

    @Test("lists are split at commas")
    func lists() throws {
        let command = try parse("--dns01-recursive-nameservers=10.0.0.1:53, 10.0.0.2:5353")
        #expect(command.acme.dns01RecursiveNameservers == ["10.0.0.1:53", "10.0.0.2:5353"])
    }

    @Test(
        "what cannot work is refused at start with the flag's name",
        arguments: [
            ("--controllers=*,nonsense", "nonsense"),
            ("--controllers=certificaterequests-issuer-nobody", "not a controller"),
            ("--controllers=*,-certificates-trigger", "works as one"),
            ("--leader-election-renew-deadline=90s", "--leader-election-lease-duration"),
            ("--concurrent-workers=0", "--concurrent-workers"), ("--max-concurrent-challenges=0", "--max-concurrent"),
            ("--enable-gateway-api-listenerset", "--enable-gateway-api"),
            ("--acme-http01-solver-extra-labels=nokey", "nokey"), ("--feature-gates=Nonsense=true", "Known: AllAlpha"),
            ("--feature-gates=ListenerSets", "Name=true"), ("--with=nonsense", "Known: "),
            ("--kube-api-burst=10", "--kube-api-burst must be at least"), ("--kube-api-qps=-2", "--kube-api-qps"),
            ("--metrics-listen-address=nine", "--metrics-listen"),
        ])
    func refused(argument: String, part: String) {
        #expect {
            try parse(argument)
        } throws: { error in
            Certwright.fullMessage(for: error).contains(part)
        }
    }

    @Test("a controller can be left out")
    func leftOut() throws {
        let selected = try ControllerName.selected(by: ["*", "-ingress-shim"])
        #expect(selected == Set(ControllerName.allCases).subtracting([.ingressShim]))
        #expect(
            try ControllerName.selected(by: ["*", "-certificaterequests-issuer-venafi"])
                == Set(ControllerName.allCases).subtracting([.requestsVenafi]))
    }

    @Test("a listener that is 0 is none, as users' flags already say")
    func off() throws {
        let command = try parse("--metrics-listen-address=0", "--internal-healthz-listen-address=127.0.0.1:9000")
        #expect(command.serving.metricsListenAddress == .off)
        #expect(command.serving.healthzListenAddress == ListenAddress(host: "127.0.0.1", port: 9000))
    }

    @Test("flags that mean nothing here are taken, and the log says why they do nothing")
    func notices() throws {
        let command = try parse(
            "--kube-api-qps=100", "--kube-api-burst=200", "--enable-profiling=true",
            "--profiler-address=localhost:6060",
            "--vmodule=x=4", "--log-flush-frequency=5s")
        let notices = command.compatibility.notices
        #expect(notices.count == 4)
        #expect(notices.allSatisfy { $0.hasPrefix("--") && $0.contains("here") && $0.hasSuffix(".") })
        #expect(try parse().compatibility.notices == [])
    }

    @Test("credentials of the pod are for ClusterIssuers, unless the flags say otherwise")
    func ambient() throws {
        let flags = try parse().ambient
        #expect(flags.clusterIssuerAmbientCredentials && !flags.issuerAmbientCredentials)
        let other = try parse("--issuer-ambient-credentials=true", "--cluster-issuer-ambient-credentials=false").ambient
        #expect(!other.clusterIssuerAmbientCredentials && other.issuerAmbientCredentials)
    }

    @Test("other parts run in the controller's process when they are named")
    func companions() throws {
        #expect(try parse().companions.with == [])
        let command = try parse("--with=cainjector", "--enable-apiservices-injectable=false")
        #expect(command.companions.programs == [.controller, .cainjector])
        #expect(
            command.injection.settings(namespaces: []).kinds
                == [.validatingWebhookConfigurations, .mutatingWebhookConfigurations, .customResourceDefinitions])
    }

    @Test("every program takes the flags that say with what certificate /metrics is served, and none means no TLS")
    func metricsTLS() throws {
        let dynamic = [
            "--metrics-dynamic-serving-ca-secret-namespace=tls", "--metrics-dynamic-serving-ca-secret-name=metrics-ca",
            "--metrics-dynamic-serving-dns-names=m,m.tls.svc", "--metrics-dynamic-serving-leaf-duration=48h",
            "--metrics-tls-min-version=VersionTLS13", "--metrics-tls-cipher-suites=TLS_AES_128_GCM_SHA256",
        ]
        func flags(_ command: String, _ arguments: [String]) throws -> MetricsTLSFlags {
            switch try Certwright.parseAsRoot(SwitchSyntax.rewritten([command] + arguments)) {
            case let command as ControllerCommand: command.metricsTLS
            case let command as WebhookCommand: command.metricsTLS
            case let command as CAInjectorCommand: command.metricsTLS
            default: throw TestServerError("no such command")
            }
        }
        for command in ["controller", "webhook", "cainjector"] {
            #expect(try flags(command, []).settings(namespace: "own") == nil)
            let made = try #require(try flags(command, dynamic).settings(namespace: "own"))
            guard case .authority(let authority) = made.source else { throw TestServerError("not of its own making") }
            #expect(authority.secret.description == "tls/metrics-ca")
            #expect(authority.dnsNames == ["m", "m.tls.svc"])
            #expect(authority.leafLifetime == .seconds(48 * 3600))
            #expect(authority.injectsInto == nil)
            #expect(made.options.minimumVersion == .tls13)
            #expect(made.options.cipherSuites == ["TLS_AES_128_GCM_SHA256"])
            let near = try flags(command, ["--metrics-dynamic-serving-ca-secret-name=x"]).settings(namespace: "own")
            guard case .authority(let authority)? = near?.source else { throw TestServerError("not of its own making") }
            #expect(authority.secret.description == "own/x")
            let files = try flags(command, ["--metrics-tls-cert-file=/c", "--metrics-tls-private-key-file=/k"])
            guard case .files("/c", "/k")? = files.settings(namespace: "own")?.source else {
                throw TestServerError("not from files")
            }
        }
    }

    @Test(
        "flags of the certificate of /metrics that do not go together are refused with what to do",
        arguments: [
            (["--metrics-tls-cert-file=/c"], "go together"), (["--metrics-tls-private-key-file=/k"], "go together"),
            (
                [
                    "--metrics-tls-cert-file=/c", "--metrics-tls-private-key-file=/k",
                    "--metrics-dynamic-serving-ca-secret-name=x",
                ], "exclude each other"
            ),
            (["--metrics-dynamic-serving-ca-secret-namespace=x"], "needs --metrics-dynamic-serving-ca-secret-name"),
            (["--metrics-dynamic-serving-leaf-duration=1m"], "at least 1h"),
            (["--metrics-tls-min-version=VersionTLS11"], "--metrics-tls-min-version"),
            (["--metrics-tls-cipher-suites=NONSENSE"], "--metrics-tls-cipher-suites"),
        ])
    func wrongMetricsTLS(flags: [String], part: String) {
        for command in ["controller", "webhook", "cainjector"] {
            do {
                _ = try Certwright.parseAsRoot(SwitchSyntax.rewritten([command] + flags))
                Issue.record("\(command) takes \(flags)")
            } catch {
                #expect(Certwright.message(for: error).contains(part), "\(command): \(flags)")
            }
        }
    }

    @Test("certwright webhook takes the flags that users' manifests give it, and so does the controller that runs it")
    func webhook() throws {
        let flags = [
            "--secure-port=10250", "--dynamic-serving-ca-secret-namespace=tls",
            "--dynamic-serving-ca-secret-name=tls-webhook-ca", "--dynamic-serving-dns-names=a,a.tls,a.tls.svc",
            "--dynamic-serving-leaf-duration=48h", "--tls-min-version=VersionTLS13",
            "--tls-cipher-suites=TLS_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
            "--feature-gates=LiteralCertificateSubject=true",
        ]
        let alone = try Certwright.parseAsRoot(SwitchSyntax.rewritten(["webhook", "--healthz-port=6081"] + flags))
        let command = try #require(alone as? WebhookCommand)
        #expect(command.serving.healthzPort == 6081)
        let settings = command.webhook.authoritySettings(namespace: "other")
        #expect(settings.secret.description == "tls/tls-webhook-ca")
        #expect(settings.dnsNames == ["a", "a.tls", "a.tls.svc"])
        #expect(settings.leafLifetime == .seconds(48 * 3600))
        #expect(settings.injectsInto == nil)
        let together = try Certwright.parseAsRoot(
            SwitchSyntax.rewritten(["controller", "--with=webhook,cainjector", "--inject-own-ca=w"] + flags))
        let controller = try #require(together as? ControllerCommand)
        #expect(controller.companions.programs == [.controller, .webhook, .cainjector])
        #expect(controller.webhook.authoritySettings(namespace: "other").injectsInto == "w")
    }

    @Test(
        "what cannot serve is refused at start",
        arguments: [
            ("--secure-port=70000", "--secure-port"), ("--tls-cert-file=a", "--tls-private-key-file"),
            ("--tls-min-version=VersionTLS11", "--tls-min-version"), ("--tls-cipher-suites=ROT13", "ROT13"),
            ("--enable-client-verification=true", "--client-ca-path"),
            ("--dynamic-serving-leaf-duration=5m", "at least 1h"),
        ])
    func refusedWebhook(argument: String, part: String) {
        #expect {
            try Certwright.parseAsRoot(SwitchSyntax.rewritten(["webhook", argument]))
        } throws: { error in
            Certwright.fullMessage(for: error).contains(part)
        }
    }

    @Test("certwright cainjector takes the flags that users' manifests give it")
    func injector() throws {
        let arguments = SwitchSyntax.rewritten([
            "cainjector", "--v=2", "--leader-election-namespace=kube-system", "--namespace=tls",
            "--ignore-namespaces=a,b", "--enable-certificates-data-source=false",
            "--feature-gates=CAInjectorMerging=true",
            "--metrics-listen-address=0", "--leader-elect=false", "--enable-profiling=false",
        ])
        let command = try #require(try Certwright.parseAsRoot(arguments) as? CAInjectorCommand)
        let settings = command.injection.settings(namespaces: command.namespaces)
        #expect(settings.namespaces == ["tls"])
        #expect(settings.ignoredNamespaces == ["a", "b"])
        #expect(!settings.usesCertificates)
        #expect(settings.kinds == Set(InjectionKind.allCases))
    }
}
