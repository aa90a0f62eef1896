import ArgumentParser
import Diagnosis
import KubeClient
import Wire

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Checks an installation, or an issuer's DNS credentials.",
        subcommands: [CheckAPICommand.self, CheckDNSCommand.self], defaultSubcommand: CheckAPICommand.self)
}

/// `kubectl cert check api`.
struct CheckAPICommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "api", abstract: "Checks that the API is served and guarded by its webhook.",
        discussion: "Sends dry runs, of which nothing is stored. Exits with 1 when the API is not ready in time.")

    @Option(help: "How long to go on trying; 0s for one try.", transform: Self.duration) var wait = Duration.zero
    @Option(help: "The time between two tries.", transform: Self.duration) var interval = Duration.seconds(5)
    @Flag(name: [.customShort("v"), .long], help: "Say at each try what is still waited for.") var verbose = false
    @OptionGroup var place: NamespaceFlags
    @OptionGroup(title: "Cluster") var connection: ConnectionFlags

    @Sendable static func duration(_ text: String) throws -> Duration {
        guard let duration = GoDuration(text), duration.nanoseconds >= 0 else {
            throw ValidationError("\"\(text)\" is no duration: write 1m or 30s.")
        }
        return duration.duration
    }

    func run() async throws {
        let command = self
        let missing = try await Session.run(connection, namespace: place.namespace) { session in
            let client = KubeClient(
                configuration: session.client.configuration, transport: session.transport,
                fieldManager: Version.fieldManager, userAgent: Version.userAgent, retries: RetryPolicy(tries: 1))
            let probe = APIProbe(
                client: client, namespace: session.namespace, goodRequest: try await APIProbe.signingRequest())
            return try await command.wait(for: probe, session.time)
        }
        if let missing { throw CommandFailure("Not ready: \(missing)") }
        Console.write("The cert-manager API is ready\n")
    }

    private func wait(for probe: APIProbe, _ time: any TimeSource) async throws -> String? {
        let end = time.elapsed() + wait
        var said: String?
        while let missing = await probe.missing() {
            let left = end - time.elapsed()
            guard left > .zero else { return missing }
            if missing != said || verbose { Console.note("Waiting: \(missing)") }
            said = missing
            try await time.sleep(for: min(max(interval, .milliseconds(10)), left))
        }
        return nil
    }
}
