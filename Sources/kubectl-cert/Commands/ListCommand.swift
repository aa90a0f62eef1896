import ArgumentParser
import CertificateAPI
import Diagnosis
import KubeClient
import KubeModel
import Wire

/// `kubectl cert list --expiring 30d`.
struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists Certificates, those that run out first at the top.",
        discussion: """
            kubectl cert list -A --expiring 30d shows what runs out within 30 days, or has done so, or was never issued. \
            Exits with 0 whatever it finds.
            """)

    @Option(help: "Only what runs out within this time: 30d, 2w, 720h.", transform: Self.span)
    var expiring: Duration?

    @Option(name: [.customShort("l"), .long], help: "A label selector.")
    var selector: String?

    @Option(help: "Only Certificates of this issuer: NAME or KIND/NAME.")
    var issuer: String?

    @OptionGroup var output: OutputFlags
    @OptionGroup var place: NamespacesFlags
    @OptionGroup(title: "Cluster") var connection: ConnectionFlags

    @Sendable static func span(_ text: String) throws -> Duration {
        guard let span = HumanDuration.parse(text), span > .zero else {
            throw ValidationError("\"\(text)\" is no length of time: write 30d, 2w or 720h.")
        }
        return span
    }

    func run() async throws {
        let console = Console(output)
        let command = self
        try await Session.run(connection) { session in
            let namespace = command.place.chosen(session.client.configuration)
            let options = ListOptions(namespace: namespace, labelSelector: command.selector)
            let found = try await session.client.listAll(Certificate.self, options)
            for bad in found.malformed {
                Console.note("Certificate \(bad.key.map { "\($0)" } ?? "?") cannot be read: \(bad.problem)")
            }
            let now = await session.clusterTime().now
            let list = CertificateList(found.items, now: now, within: command.expiring, issuer: command.issuer)
            ListText.show(list, now: now, console, withNamespace: namespace == nil)
        }
    }
}
