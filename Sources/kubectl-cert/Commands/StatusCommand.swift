import ArgumentParser
import CertificateAPI
import Diagnosis
import KubeClient
import KubeModel
import Wire

/// `kubectl cert status`: one Certificate with everything that hangs on it, or how a namespace stands.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Shows how certificates stand.",
        subcommands: [StatusCertificateCommand.self, StatusNamespaceCommand.self],
        defaultSubcommand: StatusNamespaceCommand.self)
}

struct StatusCertificateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certificate",
        abstract:
            "Shows a Certificate, its Secret and issuer, and its requests, orders, challenges and solver objects.",
        discussion: "Exits with 1 when the Certificate is not ready.", aliases: ["cert", "certificates"])

    @Argument(help: "The Certificate's name.", completion: .certificates) var name: String
    @OptionGroup var output: OutputFlags
    @OptionGroup var place: NamespaceFlags
    @OptionGroup(title: "Cluster") var connection: ConnectionFlags

    func run() async throws {
        let console = Console(output)
        let isReady = try await Session.run(connection, namespace: place.namespace) { session in
            let controller = await ControllerLook(client: session.client).place()
            let tree = try await TreeLook(session: session).tree(name, clusterResourceNamespaces: controller)
            let node = StatusTree.make(tree)
            if !console.printed(node.json) {
                if console.format == .name {
                    console.say("certificate.cert-manager.io/\(tree.name)")
                } else {
                    TreeText.lines(node, console, now: tree.now, isWide: console.format == .wide).forEach(console.say)
                }
            }
            return node.mood == .good
        }
        if !isReady {
            if console.format == .table || console.format == .wide {
                Console.note("\nkubectl cert why \(name) says what the reason is.")
            }
            throw ExitCode(CommandFailure.notWell)
        }
    }
}

/// `kubectl cert status` alone: the Certificates of a namespace, and what is in flight.
struct StatusNamespaceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "namespace", abstract: "Shows the Certificates of a namespace, and what is under way.",
        discussion: "Exits with 1 when one of them is not ready.")

    @OptionGroup var output: OutputFlags
    @OptionGroup var place: NamespacesFlags
    @OptionGroup(title: "Cluster") var connection: ConnectionFlags

    func run() async throws {
        let console = Console(output)
        let place = place
        let allReady = try await Session.run(connection) { session in
            let namespace = place.chosen(session.client.configuration)
            let all = try await session.client.listAll(Certificate.self, ListOptions(namespace: namespace)).items
            let open = try await session.client.listAll(Challenge.self, ListOptions(namespace: namespace)).items
                .filter { $0.status?.state?.isFinal != true }
            let now = await session.clusterTime().now
            let list = CertificateList(all, now: now)
            ListText.show(list, now: now, console, withNamespace: namespace == nil)
            if console.format == .table || console.format == .wide { Self.tell(open, console) }
            return list.entries.allSatisfy(\.isReady)
        }
        if !allReady { throw ExitCode(CommandFailure.notWell) }
    }

    private static func tell(_ open: [Challenge], _ console: Console) {
        guard !open.isEmpty else { return }
        console.say("")
        var table = Table(headings: ["CHALLENGE", "NAME", "TYPE", "STATE", "WAITS FOR"])
        for challenge in open.sorted(by: { $0.key < $1.key }) {
            table.rows.append([
                .init("\(challenge.key)"), .init(challenge.spec.dnsName), .init(challenge.spec.type.rawValue),
                .init(challenge.status?.state?.rawValue ?? "new", .waiting), .init(challenge.status?.reason ?? ""),
            ])
        }
        table.lines(console).forEach(console.say)
    }
}
