import ArgumentParser
import CertificateAPI
import DNSProviders
import DNSWire
import Diagnosis
import KubeClient
import KubeModel
import NIOPosix
import Solvers
import Wire

/// `kubectl cert check dns ISSUER --zone ZONE`.
struct CheckDNSCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dns", abstract: "Tries whether an issuer's DNS credentials can do what a challenge needs.",
        discussion: """
            Finds the zone, writes a TXT record under a made-up name in it, waits until its name servers show it, and removes \
            it; each step twice. Says which right is missing, and which are more than is needed. Credentials are read from the \
            Secrets that the issuer names, with your rights in the cluster. Exits with 1 when a step fails.
            """)

    @Argument(help: "The issuer: NAME, issuer/NAME or clusterissuer/NAME.") var issuer: IssuerName
    @Option(help: "The zone, or any name in it that certificates are for.", transform: Self.zone) var zone: DNSName
    @Option(help: "Which of spec.acme.solvers, from 0 on. Default: the one that the zone's name gets.") var solver: Int?
    @Option(help: "How long the record may take to be seen.", transform: CheckAPICommand.duration)
    var wait = Duration.seconds(120)
    @Option(
        name: .customLong("dns01-recursive-nameservers"),
        help: "DNS servers that find the zone and its name servers, as the controller's flag. Default: this machine's.",
        transform: Self.servers)
    var nameservers: [DNSServer] = []
    @Flag(
        name: .customLong("dns01-recursive-nameservers-only"),
        help: "Ask those for the record too, and not the zone's own name servers.")
    var onlyNameservers = false
    @OptionGroup var output: OutputFlags
    @OptionGroup var place: NamespaceFlags
    @OptionGroup(title: "Cluster") var connection: ConnectionFlags

    @Sendable static func zone(_ text: String) throws -> DNSName {
        guard let name = try? DNSName(text), !name.isRoot else {
            throw ValidationError("\"\(text)\" is no DNS name: write example.com.")
        }
        return name
    }

    @Sendable static func servers(_ text: String) throws -> [DNSServer] {
        try text.split(separator: ",").map { part in
            guard let server = DNSServer(String(part)) else {
                throw ValidationError("\"\(part)\" is no DNS server: write 192.0.2.53:53 or an https URL.")
            }
            return server
        }
    }

    func run() async throws {
        let console = Console(output)
        let command = self
        let (subject, report) = try await Session.run(connection, namespace: place.namespace) { session in
            let subject = try await command.find(session)
            return (subject, try await command.test(subject, session))
        }
        if !console.printed(Self.json(report, subject, zone)) { Self.tell(report, subject, zone, console) }
        if !report.isGood { throw ExitCode(CommandFailure.notWell) }
    }

    /// What is tried.
    struct Subject: Sendable {
        /// As people are told of it, such as "Issuer web/acme".
        var issuer: String
        var index: Int
        var provider: String
        var stanza: Solver.DNS01
        /// Where the Secrets lie: the first of these that has those that the stanza names.
        var namespaces: [String]
    }

    private func find(_ session: Session) async throws -> Subject {
        if issuer.scope != .clusterIssuer,
            let found = try await session.client.find(Issuer.self, session.key(issuer.name))
        {
            return try subject("Issuer \(found.key)", found.spec, [session.namespace])
        }
        if issuer.scope != .issuer,
            let found = try await session.client.find(ClusterIssuer.self, ObjectKey(name: issuer.name))
        {
            return try subject(
                "ClusterIssuer \(issuer.name)", found.spec, await ControllerLook(client: session.client).place())
        }
        throw CommandFailure(
            "There is no issuer \(issuer.name) in namespace \(session.namespace), and no ClusterIssuer: see kubectl get "
                + "issuers,clusterissuers -A")
    }

    private func subject(_ issuer: String, _ spec: IssuerSpec, _ namespaces: [String]) throws -> Subject {
        let solvers = spec.acme?.solvers ?? []
        let index = try self.solver ?? Self.choice(from: solvers, for: zone, issuer)
        guard solvers.indices.contains(index), let stanza = solvers[index].dns01 else {
            throw CommandFailure("\(issuer) has no DNS-01 solver at spec.acme.solvers[\(index)]")
        }
        if stanza.isManual {
            throw CommandFailure(
                "spec.acme.solvers[\(index)] of \(issuer) has a person write the records: there is no credential")
        }
        let own = DNSProviderRegistry.ownConfig(of: stanza, at: FieldPath("dns01"))?.name
        return Subject(
            issuer: issuer, index: index, provider: own ?? stanza.provider?.key ?? "none", stanza: stanza,
            namespaces: namespaces)
    }

    /// The solver that a challenge for the zone's own name gets, labels of Certificates apart.
    static func choice(from solvers: [Solver], for zone: DNSName, _ issuer: String) throws -> Int {
        var authorization = Order.Authorization(url: "")
        authorization.identifier = zone.text
        authorization.challenges = [.init(url: "", token: "", type: "dns-01")]
        if let chosen = try? SolverSelection.choose(from: solvers, for: authorization, labels: [:], annotations: [:]) {
            return chosen.index
        }
        let others = solvers.indices.filter { solvers[$0].dns01 != nil }
        guard others.count == 1, let only = others.first else {
            throw CommandFailure(
                others.isEmpty
                    ? "\(issuer) has no DNS-01 solver"
                    : "No DNS-01 solver of \(issuer) is for \(zone.text): name one with --solver")
        }
        return only
    }

    private func test(_ subject: Subject, _ session: Session) async throws -> DNSSelfTest.Report {
        let resolver = Resolver(
            servers: nameservers.isEmpty ? ResolvConf.system().servers : nameservers,
            client: DNSClient(
                group: MultiThreadedEventLoopGroup.singleton, timeout: .seconds(2),
                https: DNSOverHTTP(session.transport)))
        let secrets = ClientSecrets(client: session.client)
        var context = ProviderContext(
            secrets: secrets, namespace: await secrets.place(of: subject), resolver: resolver,
            http: session.transport, time: session.time, allowsAmbientCredentials: false,
            cluster: ClusterDoor(session.client))
        context.challenge = ChallengeFacts(dnsName: zone.text)
        let sight = RecordSight(resolver: resolver, stanza: subject.stanza, onlyRecursive: onlyNameservers)
        let test = DNSSelfTest(
            subject.stanza, at: FieldPath("spec.acme.solvers[\(subject.index)].dns01"), in: context, patience: wait
        ) { try await sight.shows($0) }
        return await test.run(zone: zone, label: Self.label())
    }

    private static func label() -> String {
        "check-" + String((0..<10).compactMap { _ in "abcdefghijklmnopqrstuvwxyz0123456789".randomElement() })
    }
}

extension CheckDNSCommand {
    static func tell(_ report: DNSSelfTest.Report, _ subject: Subject, _ zone: DNSName, _ console: Console) {
        console.say(
            "\(console.bold(subject.issuer)), solver \(subject.index) (\(subject.provider)), in \(zone.text)")
        let width = DNSSelfTest.Step.allCases.map(\.rawValue.count).max() ?? 0
        for step in DNSSelfTest.Step.allCases {
            let pad = String(repeating: " ", count: width - step.rawValue.count + 2)
            let outcome =
                switch report.outcomes[step] {
                case .done: console.paint("ok", .good)
                case .failed(let sentence): console.paint(sentence, .bad)
                case .skipped, nil: console.dim("not tried")
                }
            console.say("  \(step.rawValue)\(pad)\(outcome)")
        }
        for sentence in report.excess { console.say(console.paint("More than is needed: \(sentence)", .waiting)) }
        for sentence in report.remarks { console.say(sentence) }
    }

    static func json(_ report: DNSSelfTest.Report, _ subject: Subject, _ zone: DNSName) -> JSONValue {
        let steps = DNSSelfTest.Step.allCases.map { step -> JSONValue in
            switch report.outcomes[step] {
            case .done: ["step": .string("\(step)"), "outcome": "done"]
            case .failed(let sentence):
                ["step": .string("\(step)"), "outcome": "failed", "message": .string(sentence)]
            case .skipped, nil: ["step": .string("\(step)"), "outcome": "skipped"]
            }
        }
        return [
            "issuer": .string(subject.issuer), "solver": .integer(Int64(subject.index)),
            "provider": .string(subject.provider), "zone": .string(zone.text), "ok": .bool(report.isGood),
            "steps": .array(steps), "excess": .array(report.excess.map { .string($0) }),
            "remarks": .array(report.remarks.map { .string($0) }),
        ]
    }
}

/// Secrets as the user may read them.
private struct ClientSecrets: SecretSource {
    let client: KubeClient

    func secret(_ key: ObjectKey) async throws -> Secret? { try await client.find(Secret.self, key) }

    /// The first of the namespaces that has a Secret which the stanza names; where none has, the likeliest.
    func place(of subject: CheckDNSCommand.Subject) async -> String {
        guard subject.namespaces.count > 1 else { return subject.namespaces.first ?? "" }
        for namespace in subject.namespaces {
            for name in Self.names(in: .object(subject.stanza.providers)) {
                // What may not be read here is looked for in the next; where it is nowhere, the first step says so.
                if let found = try? await secret(ObjectKey(namespace: namespace, name: name)), found.metadata.name != ""
                {
                    return namespace
                }
            }
        }
        return subject.namespaces.first ?? ""
    }

    /// The Secrets that a configuration names: its fields are called `…SecretRef`, at any depth.
    private static func names(in value: JSONValue) -> [String] {
        (value.objectValue ?? [:]).flatMap { member in
            guard member.key.hasSuffix("SecretRef") else { return names(in: member.value) }
            return [member.value["name"]?.stringValue].compactMap(\.self)
        }
    }
}
