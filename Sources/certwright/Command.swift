import ArgumentParser

@main
struct Certwright: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certwright",
        abstract: "Issues and renews TLS certificates in Kubernetes.",
        discussion: """
            Flags follow the Kubernetes convention: --flag=value, and --flag=true or --flag=false for switches. \
            Every flag has a default that works; nothing is read from the environment but KUBECONFIG, HTTPS_PROXY, \
            NO_PROXY and, in a pod, what Kubernetes puts there.
            """,
        version: Version.text,
        subcommands: [
            ControllerCommand.self, WebhookCommand.self, CAInjectorCommand.self, ACMEServerCommand.self,
            CheckCommand.self,
        ])

    static func main() async {
        do throws(ConfigurationFile.Problem) {
            let arguments = try ConfigurationFile.expanded(Array(CommandLine.arguments.dropFirst()))
            await main(SwitchSyntax.rewritten(arguments))
        } catch {
            exit(withError: ValidationError(error.description))
        }
    }
}
