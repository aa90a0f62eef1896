import Glibc
import HTTPServer

/// Answers ACME challenges until it is told to stop.
@main
enum Program {
    static func main() async {
        let flags: Flags
        switch Flags.parse(CommandLine.arguments.dropFirst()) {
        case .run(let parsed): flags = parsed
        case .help:
            print(Flags.help, terminator: "")
            return
        case .problem(let sentence):
            complain("acmesolver: \(sentence)\n\(Flags.help)")
            exit(2)
        }
        signal(SIGPIPE, SIG_IGN)
        endAtOnceOnSIGTERM()
        do {
            let tls = try identity(flags)
            complain("Serving \(flags.subject) on port \(flags.port).")
            try await serve(flags, tls)
        } catch {
            complain("acmesolver: port \(flags.port) cannot be served: \(error)")
            exit(1)
        }
    }

    /// Over IPv6 and IPv4; over IPv4 alone where the node has no IPv6.
    private static func serve(_ flags: Flags, _ tls: ServerIdentity?) async throws {
        do {
            try await server(flags, tls, address: "::").run()
        } catch {
            try await server(flags, tls, address: "0.0.0.0").run()
        }
    }

    private static func identity(_ flags: Flags) throws -> ServerIdentity? {
        guard case .tls(let domain, let key) = flags.answer else { return nil }
        return try ServerIdentity(validating: domain, keyAuthorization: key)
    }

    private static func server(_ flags: Flags, _ tls: ServerIdentity?, address: String) -> Server {
        let challenge = Challenge(flags)
        return Server(
            address: address, port: flags.port, limits: Challenge.limits, tls: tls.map { tls in TLSServing { tls } }
        ) { challenge.answer($0) }
    }

    /// There is nothing to finish: a validation that meets a closed port is tried again by the CA. As process 1 of a
    /// container, a signal without a handler would be ignored.
    private static func endAtOnceOnSIGTERM() {
        for number in [SIGTERM, SIGINT] { signal(number) { _ in _exit(0) } }
    }
}

extension Flags {
    fileprivate var subject: String {
        switch answer {
        case .one(let domain, _, _): "the challenge for \(domain)"
        case .any: "the challenges of one account"
        case .tls(let domain, _): "the certificate that validates \(domain)"
        }
    }
}

/// One line to standard error, in one write.
func complain(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
