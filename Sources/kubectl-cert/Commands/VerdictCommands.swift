import ArgumentParser
import CertificateAPI
import Diagnosis
import KubeClient
import KubeModel
import Wire

struct VerdictFlags: ParsableArguments {
    @Argument(help: "The CertificateRequest's name.", completion: .requests) var name: String

    @Option(help: "The condition's reason, one word in UpperCamelCase.")
    var reason = "KubectlCert"

    @Option(help: "The condition's message.")
    var message: String?

    @OptionGroup var place: NamespaceFlags
    @OptionGroup(title: "Cluster") var connection: ConnectionFlags

    func validate() throws {
        guard !reason.isEmpty, reason.allSatisfy({ $0.isLetter || $0.isNumber || "_:,".contains($0) }) else {
            throw ValidationError("--reason must be one word of letters and digits.")
        }
    }

    func give(_ verdict: RequestVerdict) async throws {
        let flags = self
        try await Session.run(connection, namespace: place.namespace) { session in
            let request = try await session.object(CertificateRequest.self, flags.name)
            let text = flags.message ?? "manually \(verdict.rawValue) by \"kubectl cert\""
            let answer = verdict.decide(
                request, reason: flags.reason, message: text, now: await session.clusterTime().now)
            let word = verdict == .approved ? "Approved" : "Denied"
            switch answer {
            case .settled: Console.write("CertificateRequest \(request.key) is \(verdict.rawValue) already\n")
            case .contradicted(let why): throw CommandFailure("CertificateRequest \(request.key): \(why)")
            case .patch(let patch):
                _ = try await session.client.mergePatch(
                    patch, of: CertificateRequest.self, request.key, subresource: "status")
                Console.write("\(word) CertificateRequest '\(request.key)'\n")
            }
        }
    }
}

struct ApproveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve", abstract: "Approves a CertificateRequest.",
        discussion: "You need the verb approve on the signer. What is approved cannot be denied any more.")
    @OptionGroup var flags: VerdictFlags
    func run() async throws { try await flags.give(.approved) }
}

struct DenyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deny", abstract: "Denies a CertificateRequest.",
        discussion: "You need the verb approve on the signer. What is denied cannot be approved any more.")
    @OptionGroup var flags: VerdictFlags
    func run() async throws { try await flags.give(.denied) }
}
