import ArgumentParser
import CertificateAPI
import KubeClient
import KubeModel
import Wire

/// `kubectl cert version`.
struct VersionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Prints the version of this program, and of the controller in the cluster.")

    @Flag(help: "Of this program alone.") var client = false
    @Flag(help: "Numbers only.") var short = false
    @OptionGroup var output: OutputFlags
    @OptionGroup(title: "Cluster") var connection: ConnectionFlags

    func run() async throws {
        let console = Console(output)
        var server: [String] = []
        if !client {
            server = try await Session.run(connection) { session in
                await ControllerLook(client: session.client).versions()
            }
        }
        var value: JSONValue = ["client": .string(Version.text)]
        if !client { value["controllers"] = .array(server.map { .string($0) }) }
        if console.printed(value) { return }
        console.say(short ? Version.text : "Client: kubectl-cert \(Version.text)")
        if !client, server.isEmpty { console.say("Server: no Deployment of a controller was found") }
        for one in server { console.say(short ? one : "Server: \(one)") }
    }
}
