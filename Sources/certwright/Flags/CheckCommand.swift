import ArgumentParser
import Wire

/// `certwright check`: asks a cluster whether an installation works.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Checks whether an installation can be used.",
        subcommands: [CheckAPICommand.self], defaultSubcommand: CheckAPICommand.self)
}

/// `certwright check api`: waits until certificates can be asked for.
struct CheckAPICommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "api",
        abstract: "Waits until the API is usable: served, and guarded by its webhook.",
        discussion: """
            Each try sends two CertificateRequests as dry runs, of which nothing is stored: one that must be taken and \
            come back with who asks for it, and one that the webhook must refuse. Exits with 0 when the API is ready, \
            and with 1 when it is not in time.
            """)

    @OptionGroup(title: "Cluster") var connection: ConnectionFlags

    @Option(help: "The namespace of the dry runs. Default: the pod's own, or the kubeconfig's.")
    var namespace: String?

    @Option(help: "How long to go on trying; 0s for one try.")
    var wait = GoDuration(nanoseconds: 0)

    @Option(help: "The time between two tries.")
    var interval = GoDuration(nanoseconds: 5_000_000_000)

    @Flag(name: [.customShort("v"), .customLong("verbose")], help: "Say at each try what is still waited for.")
    var isVerbose = false

    func validate() throws {
        guard wait.nanoseconds >= 0 else { throw ValidationError("--wait must not be negative.") }
        guard interval.nanoseconds > 0 else { throw ValidationError("--interval must be more than 0s.") }
    }

    func run() async throws {
        let isReady = try await APICheckRun(flags: self).run { print($0) }
        if !isReady { throw ExitCode.failure }
    }
}
