import ArgumentParser
import CertificateAPI
import Diagnosis
import KubeClient
import KubeModel
import Wire

/// `kubectl cert plan -f FILE`.
struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Says what applying manifests would do to certificates, without applying them.",
        discussion: """
            Names, issuer, the solver that each name gets, whether a certificate would be asked for, and what the webhook \
            would refuse. No CA and no DNS is asked, and nothing is changed. Exits with 1 where there is a problem.
            """)

    @Option(
        name: [.customShort("f"), .long], help: "A file of manifests, - for standard input; may be given again.",
        completion: .file())
    var filename: [String]

    @OptionGroup var output: OutputFlags
    @OptionGroup var place: NamespaceFlags
    @OptionGroup(title: "Cluster") var connection: ConnectionFlags

    func run() async throws {
        let console = Console(output)
        let manifests = try filename.flatMap { try Files.objects($0) }
        let entries = try await Session.run(connection, namespace: place.namespace) { session in
            Plan.make(manifests, namespace: session.namespace, in: try await Self.world(manifests, session))
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
        return world
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
