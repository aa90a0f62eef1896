import ArgumentParser
import Diagnosis
import KubeModel
import Wire

/// `kubectl cert why NAME`: one cause, its evidence, and what mends it.
struct WhyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why", abstract: "Says why a Certificate is not ready or not renewed, and what mends it.",
        discussion: """
            It walks every object from the Certificate to the solver's pod, looks at the controller (lease, pods, rights, \
            clock) and the webhook, and asks DNS, the name's web server and the CA. Nothing is changed. Exits with 0 when \
            nothing is wrong, with 1 when there is a cause, and with 3 while it is under way.
            """)

    @Argument(help: "The Certificate's name.", completion: .certificates) var name: String

    @Flag(inversion: .prefixedNo, help: "Ask DNS, web servers and the CA from here.")
    var probes = true

    @OptionGroup var output: OutputFlags
    @OptionGroup var place: NamespaceFlags
    @OptionGroup(title: "Cluster") var connection: ConnectionFlags

    func run() async throws {
        let console = Console(output)
        // `certificate/shop`, as kubectl and cmctl have it, is shop.
        let plain = name.split(separator: "/").last.map(String.init) ?? name
        let view = try await Session.run(connection, namespace: place.namespace) { session in
            try await DiagnosisLook(session: session, probes: probes).view(plain)
        }
        let finding = Diagnosis.decide(view)
        if !console.printed(FindingText.json(finding, of: view.tree.certificate.key)) {
            FindingText.lines(finding, of: view.tree.certificate.key, console).forEach(console.say)
        }
        switch finding {
        case .well: break
        case .underWay: throw ExitCode(CommandFailure.underWay)
        case .cause: throw ExitCode(CommandFailure.notWell)
        }
    }
}
