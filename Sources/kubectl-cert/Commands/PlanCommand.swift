import ArgumentParser
import CertificateAPI
import DNSWire
import Diagnosis
import KubeClient
import KubeModel
import Wire

/// `kubectl cert plan -f FILE`.
struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Says what applying manifests would do to certificates, without applying them.",
        discussion: """
            Names, issuer, the solver that each name gets, whether a certificate would be asked for, what the webhook would \
            refuse, the verdict of CertificatePolicies, and what is left of the CA's budget. Before an ACME order CAA records, \
            addresses and DNS zones are looked at as the controller does, from this machine: names inside the cluster may look \
            different from here, and Secrets of DNS solvers are read with your rights. No CA is asked, and nothing is changed. \
            Exits with 1 where there is a problem.
            """)

    @Flag(inversion: .prefixedNo, help: "Look at CAA records, addresses and DNS zones before orders.")
    var preflight = true

    @Option(
        help: "A DNS server (host:port, or an https URL) to ask; may be given again. Default: those of this machine.")
    var nameserver: [String] = []

    @Option(
        name: [.customShort("f"), .long], help: "A file of manifests, - for standard input; may be given again.",
        completion: .file())
    var filename: [String]

    @OptionGroup var output: OutputFlags
    @OptionGroup var place: NamespaceFlags
    @OptionGroup(title: "Cluster") var connection: ConnectionFlags

    func validate() throws {
        for server in nameserver where DNSServer(server) == nil {
            throw ValidationError("--nameserver takes host:port or an https URL; \"\(server)\" is neither.")
        }
    }

    func run() async throws {
        let console = Console(output)
        let manifests = try filename.flatMap { try Files.objects($0) }
        let command = self
        let entries = try await Session.run(connection, namespace: place.namespace) { session in
            let entries = Plan.make(
                manifests, namespace: session.namespace, in: try await Self.world(manifests, session))
            guard command.preflight else { return entries }
            let look = await PreflightLook(session, nameservers: command.nameserver.compactMap(DNSServer.init))
            return await look.look(at: entries)
        }
        let shown = entries.filter { $0.action != .passOver || $0.hasProblems }
        if !console.printed(["items": .array(shown.map(\.json))]) { Self.tell(shown, console) }
        if shown.contains(where: \.hasProblems) { throw ExitCode(CommandFailure.notWell) }
    }

    private static func world(_ manifests: [JSONValue], _ session: Session) async throws -> Plan.World {
        var world = Plan.World()
        let named = manifests.compactMap { $0["metadata"]?["namespace"]?.stringValue }
        for namespace in Set(named + [session.namespace]).sorted() {
            let options = ListOptions(namespace: namespace)
            world.certificates += try await session.client.listAll(Certificate.self, options).items
            world.issuers += try await session.client.listAll(Issuer.self, options).items
        }
        do throws(KubeError) {
            world.clusterIssuers = try await session.client.listAll(ClusterIssuer.self).items
        } catch {
            guard error.isForbidden else { throw error }
            Console.note("ClusterIssuers may not be read: what refers to them is taken to be missing.")
        }
        world.now = await session.clusterTime().now
        world.orders = await orders(Set(named + [session.namespace]), session)
        world.policies = await policies(session)
        return world
    }

    /// Of all namespaces, since they share accounts; of those that the manifests name where no more may be read.
    private static func orders(_ namespaces: Set<String>, _ session: Session) async -> [Order] {
        if let all = try? await session.client.listAll(Order.self, ListOptions()).items { return all }
        Console.note("Orders of other namespaces may not be read: the CA's budget may be smaller than what is said.")
        var orders: [Order] = []
        for namespace in namespaces.sorted() {
            orders += (try? await session.client.listAll(Order.self, ListOptions(namespace: namespace)).items) ?? []
        }
        return orders
    }

    /// Nil where they cannot be read; none where the cluster does not know the kind.
    private static func policies(_ session: Session) async -> [CertificatePolicy]? {
        do throws(KubeError) {
            return try await session.client.listAll(CertificatePolicy.self, ListOptions()).items
        } catch {
            return error.isNotFound || error.isUnserved ? [] : nil
        }
    }

    private static func tell(_ entries: [Plan.Entry], _ console: Console) {
        if entries.isEmpty { return Console.note("The manifests hold no Certificate and no issuer.") }
        for entry in entries {
            let mood: StatusNode.Mood = entry.action == .keep ? .plain : .waiting
            console.say("\(entry.kind) \(console.bold("\(entry.key)"))  \(console.paint(entry.action.rawValue, mood))")
            let width = entry.lines.map(\.label.count).max() ?? 0
            for line in entry.lines {
                let pad = String(repeating: " ", count: width - line.label.count + 2)
                let mood: StatusNode.Mood = line.weight == .problem ? .bad : line.weight == .warning ? .waiting : .plain
                console.say("  \(line.label)\(pad)\(console.paint(line.text, mood))")
            }
        }
    }
}

/// `kubectl cert convert -f FILE`.
struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert", abstract: "Rewrites manifests of cert-manager.io/v1alpha2, v1alpha3 and v1beta1 as v1.",
        discussion: "What is of another group is printed as it is. Status is left out. Nothing is applied.")

    @Option(
        name: [.customShort("f"), .long], help: "A file of manifests, - for standard input; may be given again.",
        completion: .file())
    var filename: [String]

    @Option(help: "cert-manager.io/v1, the only version there is to convert to.")
    var outputVersion = "cert-manager.io/v1"

    @Option(name: [.customShort("o"), .long], help: "yaml or json.")
    var output = OutputFormat.yaml

    func validate() throws {
        guard outputVersion == "cert-manager.io/v1" else {
            throw ValidationError("--output-version must be cert-manager.io/v1.")
        }
        guard output == .yaml || output == .json else { throw ValidationError("--output must be yaml or json.") }
    }

    func run() throws {
        var results: [JSONValue] = []
        for manifest in try filename.flatMap({ try Files.objects($0) }) {
            switch Conversion.convert(manifest) {
            case .converted(let value), .unchanged(let value): results.append(value)
            case .unknown(let version):
                throw CommandFailure(
                    "\(version) is unknown: \(Conversion.versions.joined(separator: ", ")) can be read",
                    code: CommandFailure.cluster)
            }
        }
        Console.write(Self.text(results, output))
    }

    static func text(_ values: [JSONValue], _ format: OutputFormat) -> String {
        if format == .json {
            let whole: JSONValue =
                values.count == 1 ? values[0] : ["apiVersion": "v1", "kind": "List", "items": .array(values)]
            return String(decoding: whole.serialized(pretty: true), as: UTF8.self)
        }
        return values.map { Console.yaml($0) }.joined(separator: "---\n")
    }
}
