package import CertificateAPI
import DNSWire
import KubeModel
import Subprocess
import SystemPackage
package import Wire

/// A program beside the controller, in its image or on a volume of its pod (docs/dns/exec.md).
///
/// Only programs of one folder are run: the one that the environment of the controller names in CERTWRIGHT_DNS_PROGRAMS. So
/// whoever may write Issuers may call what the operator put there, and nothing else.
package struct Program: OwnDNSProvider {
    package static let key = "exec"
    package static let fields = ["program", "config", "secretRef", "timeoutSeconds"]
    package static let folderVariable = "CERTWRIGHT_DNS_PROGRAMS"

    package struct Config: Decodable, Sendable, Hashable {
        /// A file's name in the folder.
        package var program: String
        /// Handed on as it stands.
        package var config: JSONValue?
        /// Handed on as text.
        package var secretRef: SecretKeySelector?
        /// 1 to 300; 60 where it is not given.
        package var timeoutSeconds: Int?
    }

    private let config: Config
    private let context: ProviderContext
    private let path: String
    private let secret: Redacted<String>?

    package static func problems(in config: Config, at path: FieldPath) -> [FieldProblem] {
        var problems: [FieldProblem] = []
        let isName = config.program.utf8.allSatisfy { octet in
            switch octet {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        if config.program.isEmpty || !isName || config.program.hasPrefix(".") {
            problems.append(
                .invalid(
                    path["program"], config.program, "must be the name of a file in the controller's folder of programs"
                ))
        }
        if let seconds = config.timeoutSeconds, !(1...300).contains(seconds) {
            problems.append(.invalid(path["timeoutSeconds"], seconds, "must be 1 to 300"))
        }
        return problems + (config.secretRef?.problems(at: path["secretRef"]) ?? [])
    }

    package init(_ config: Config, in context: ProviderContext) async throws(DNSProviderError) {
        guard let folder = context.machine.variable(Self.folderVariable).nonEmpty, folder.hasPrefix("/") else {
            throw .refused(
                provider: "exec",
                detail:
                    "programs are switched off here: set \(Self.folderVariable) of the controller to the folder that holds them"
            )
        }
        self.config = config
        self.context = context
        path = "\(folder)/\(config.program)"
        guard let reference = config.secretRef else {
            secret = nil
            return
        }
        let octets = try await context.value(of: reference, at: context.path["secretRef"])
        secret = Redacted(String(decoding: octets.reveal(), as: UTF8.self))
    }

    package func present(_ record: TXTRecord) async throws(DNSProviderError) { try await run("present", record) }
    package func cleanUp(_ record: TXTRecord) async throws(DNSProviderError) { try await run("cleanup", record) }

    private struct Outcome: Sendable {
        var isSuccess: Bool
        var errors: String
    }

    private func run(_ action: String, _ record: TXTRecord) async throws(DNSProviderError) {
        let outcome: Outcome
        do {
            outcome = try await runInTime(action, record)
        } catch let error as DNSProviderError {
            throw error
        } catch {
            throw .unreachable(
                provider: name, detail: "it could not be run: \(ServiceText.clean("\(error)", hiding: hidden))")
        }
        guard !outcome.isSuccess else { return }
        let last =
            outcome.errors.split(separator: "\n").last.map(String.init) ?? "it ended with an error and said nothing"
        throw .refused(provider: name, detail: ServiceText.clean(last, hiding: hidden))
    }

    private var name: String { "the program \(config.program)" }
    /// The secret may be a file of many lines; none of them is repeated.
    private var hidden: [Redacted<String>] {
        (secret?.reveal() ?? "").split(separator: "\n").map { Redacted(String($0)) }
    }

    /// A program that hangs is ended.
    private func runInTime(_ action: String, _ record: TXTRecord) async throws -> Outcome {
        let seconds = config.timeoutSeconds ?? 60
        return try await withThrowingTaskGroup(of: Outcome.self) { group in
            group.addTask { try await start(action, record) }
            group.addTask { [context, name] in
                try await context.time.sleep(for: .seconds(seconds))
                throw DNSProviderError.unreachable(provider: name, detail: "it did not end within \(seconds) seconds")
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
    }

    /// The program sees none of the controller's own environment, where clouds keep credentials.
    private func start(_ action: String, _ record: TXTRecord) async throws -> Outcome {
        var input: JSONValue = [
            "action": .string(action), "fqdn": .string(record.name.description), "value": .string(record.value),
            "dnsName": .string(context.challenge.dnsName),
        ]
        input["config"] = config.config
        input["secret"] = secret.map { .string($0.reveal()) }
        let errand = input.serialized()
        let result = try await Subprocess.run(
            .path(FilePath(path)),
            environment: .custom([
                "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "CERTWRIGHT_ACTION": action,
                "CERTWRIGHT_FQDN": record.name.description, "CERTWRIGHT_VALUE": record.value,
                "CERTWRIGHT_DNS_NAME": context.challenge.dnsName,
            ]), input: .inputWriter, output: .discarded, error: .string(limit: 65_536)
        ) { execution in
            // A program may end without reading its errand. Subprocess, given the bytes, traps on a pipe that nobody reads.
            _ = try? await execution.standardInputWriter.write(errand)
            try? await execution.standardInputWriter.finish()
        }
        return Outcome(isSuccess: result.terminationStatus.isSuccess, errors: result.standardError)
    }
}
