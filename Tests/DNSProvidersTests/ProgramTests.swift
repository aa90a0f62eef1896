import CertificateAPI
import DNSProviders
import TestSupport
import Testing
import Wire

@Suite("exec: programs beside the controller")
struct ProgramTests {
    /// Writes what it was told into files beside it, and does as `config.do` says.
    static let script = """
        #!/bin/sh
        cd "$(dirname "$0")"
        cat > input.json
        env > environment
        grep -q '"do":"fail"' input.json && { echo "first line" >&2; echo "no: $(cat secret-copy 2>/dev/null) s3cr3t-k3yT0ken-0815" >&2; exit 3; }
        grep -q '"do":"hang"' input.json && exec sleep 60
        echo "$CERTWRIGHT_ACTION $CERTWRIGHT_FQDN $CERTWRIGHT_VALUE" >> calls
        exit 0

        """

    static func subject(_ config: JSONValue) -> ContractSubject {
        ContractSubject(
            key: "exec", isOwn: true, config: config, secrets: ["s": ["k": "s3cr3t-k3yT0ken-0815\n"]],
            wrongSecrets: [:],
            calls: CallCounts(coldPresent: 0, warmPresent: 0, warmCleanUp: 0)
        ) { zones, time in
            let dns = FakeDNS(zones, time: time)
            return FakeServer(dns: dns, service: FakeHTTPService(dns: dns))
        }
    }

    static func run(_ config: JSONValue, _ body: (ContractWorld, TemporaryFolder) async throws -> Void) async throws {
        let folder = try TemporaryFolder(named: "exec")
        defer { folder.remove() }
        try folder.write("hook", Array(script.utf8))
        #expect(try await Shell.run("/bin/chmod", ["755", folder.path("hook")]))
        var subject = subject(config)
        subject.machine = [Program.folderVariable: folder.root, "AWS_SECRET_ACCESS_KEY": "not-for-programs"]
        try await body(ContractWorld(subject, clock: SystemTime()), folder)
    }

    @Test("a program gets its errand in the environment and as JSON, and nothing of the controller's own environment")
    func errand() async throws {
        try await Self.run(["program": "hook", "config": ["zone": "Z1"], "secretRef": ["name": "s", "key": "k"]]) {
            world, folder in
            try await world.present("v 1", at: Contract.name)
            try await world.cleanUp("v 1", at: Contract.name)
            #expect(
                try folder.text("calls") == "present \(Contract.name). v 1\ncleanup \(Contract.name). v 1\n")
            let input = try JSONValue(parsing: try folder.text("input.json"))
            #expect(
                input == [
                    "action": "cleanup", "fqdn": .string(Contract.name + "."), "value": "v 1", "dnsName": "",
                    "config": ["zone": "Z1"], "secret": "s3cr3t-k3yT0ken-0815\n",
                ])
            let names = Set(
                try folder.text("environment").split(separator: "\n").compactMap { $0.split(separator: "=").first })
            let own = ["CERTWRIGHT_ACTION", "CERTWRIGHT_DNS_NAME", "CERTWRIGHT_FQDN", "CERTWRIGHT_VALUE"]
            // A shell adds the last three by itself.
            #expect(
                names.subtracting(["PATH", "PWD", "OLDPWD", "_", "SHLVL"].map { $0[...] }) == Set(own.map { $0[...] }))
        }
    }

    @Test("the last line of what a failing program says is the error, without the secret")
    func failure() async throws {
        try await Self.run(
            ["program": "hook", "config": ["do": "fail"], "secretRef": ["name": "s", "key": "k"]]
        ) { world, _ in
            let error = await world.failure { try await world.present("v", at: Contract.name) }
            #expect(error == .refused(provider: "the program hook", detail: "no: redacted"))
        }
    }

    @Test("a program that hangs is ended")
    func hanging() async throws {
        try await Self.run(["program": "hook", "config": ["do": "hang"], "timeoutSeconds": 1]) { world, _ in
            let error = await world.failure { try await world.present("v", at: Contract.name) }
            #expect(error == .unreachable(provider: "the program hook", detail: "it did not end within 1 seconds"))
        }
    }

    @Test("a program that ends without reading its errand does no harm, however long that is")
    func deaf() async throws {
        let long = String(repeating: "x", count: 1 << 20)
        let config: JSONValue = ["program": "deaf", "config": ["more": .string(long)]]
        try await Self.run(config) { world, folder in
            try folder.write("deaf", Array("#!/bin/sh\nexec <&-\nexit 0\n".utf8))
            #expect(try await Shell.run("/bin/chmod", ["755", folder.path("deaf")]))
            try await world.present("v", at: Contract.name)
        }
    }

    @Test("only files of the folder may be named", arguments: ["", "../sh", "/bin/sh", ".hidden", "a b", "a/b"])
    func names(name: String) {
        let subject = Self.subject(["program": .string(name)])
        let problems = DNSProviderRegistry.standard.problems(in: subject.stanza, at: FieldPath("dns01"))
        #expect(problems.map(\.path.text) == ["dns01.webhook.config.program"])
    }

    @Test("without a folder programs are switched off, and a missing one is an error")
    func off() async throws {
        let world = ContractWorld(Self.subject(["program": "hook"]))
        let error = await world.failure { try await world.present("v", at: Contract.name) }
        #expect(error?.description.contains("CERTWRIGHT_DNS_PROGRAMS") == true)
        try await Self.run(["program": "missing"]) { world, _ in
            let error = await world.failure { try await world.present("v", at: Contract.name) }
            guard case .unreachable? = error else { return Contract.expectKind("unreachable", error) }
        }
    }
}
