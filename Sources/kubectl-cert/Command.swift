import ArgumentParser
import KubeClient

/// `kubectl cert`: looks at certificates, says why one is not ready, and has things done about it.
@main
struct KubectlCert: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kubectl-cert",
        abstract: "Looks after the certificates of a cluster.",
        usage: "kubectl cert <command>",
        discussion: """
            What cmctl can be told works here as well. Exits with 0 when all is well; with 1 when what was asked about is \
            not well, or was not done; with 2 when the cluster could not be asked; with 3 when `why` finds that things \
            are still under way; with 64 when the command line makes no sense.
            """,
        version: Version.text,
        subcommands: [
            StatusCommand.self, WhyCommand.self, ListCommand.self, InspectCommand.self, RenewCommand.self,
            ApproveCommand.self, DenyCommand.self, CreateCommand.self, CheckCommand.self, VersionCommand.self,
            PlanCommand.self, ConvertCommand.self, RevokeCommand.self, AccountCommand.self,
            TakeoverCommand.self, DashboardCommand.self,
            CompletionCommand.self, CompleteCommand.self,
        ])

    static func main() async {
        do {
            var command = try parseAsRoot(ArgumentOrder.normalised(Array(CommandLine.arguments.dropFirst())))
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error as CommandFailure {
            Console.complain(error.description)
            exit(withError: ExitCode(error.code))
        } catch let error as KubeError {
            Console.complain(error.description)
            exit(withError: ExitCode(CommandFailure.cluster))
        } catch let error as KubeconfigError {
            Console.complain(error.description)
            exit(withError: ExitCode(CommandFailure.cluster))
        } catch {
            exit(withError: error)
        }
    }
}

/// Why a command did not do what it was told: a sentence for the user, and the exit code.
struct CommandFailure: Error, CustomStringConvertible {
    /// What was asked about is not well, or was not done.
    static let notWell: Int32 = 1
    /// The cluster, or a file, could not be read.
    static let cluster: Int32 = 2
    static let underWay: Int32 = 3

    let description: String
    var code = CommandFailure.notWell

    init(_ description: String, code: Int32 = CommandFailure.notWell) {
        self.description = description
        self.code = code
    }
}
