import Glibc
import HTTPServer

/// Answers one HTTP-01 challenge until it is told to stop.
@main
enum Program {
    static func main() async {
        let flags: Flags
        switch Flags.parse(CommandLine.arguments.dropFirst()) {
        case .run(let parsed): flags = parsed
        case .help:
            print(Flags.help)
            return
        case .problem(let sentence):
            complain("acmesolver: \(sentence)\n\(Flags.help)")
            exit(2)
        }
        signal(SIGPIPE, SIG_IGN)
        endAtOnceOnSIGTERM()
        let challenge = Challenge(flags)
        let server = Server(address: "0.0.0.0", port: flags.port, limits: Challenge.limits) { challenge.answer($0) }
        complain("Serving the challenge for \(flags.domain) on port \(flags.port).")
        do {
            try await server.run()
        } catch {
            complain("acmesolver: port \(flags.port) cannot be served: \(error)")
            exit(1)
        }
    }

    /// There is nothing to finish: a validation that meets a closed port is tried again by the CA. As process 1 of a
    /// container, a signal without a handler would be ignored.
    private static func endAtOnceOnSIGTERM() {
        for number in [SIGTERM, SIGINT] { signal(number) { _ in _exit(0) } }
    }
}

/// One line to standard error, in one write.
func complain(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
