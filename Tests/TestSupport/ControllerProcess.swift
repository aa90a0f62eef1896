import Glibc
package import HTTPTransport
import HTTPTypes
import SystemPackage

/// `certwright controller`, or another of its commands, as a process of its own, from the build that the tests belong to.
package struct ControllerProcess: Sendable {
    package let healthURL: String
    package let metricsURL: String
    private let transport: any HTTPTransport
    private let folder: TemporaryFolder

    /// Starts it with that kubeconfig and those flags on free ports, waits until its caches are whole, and ends it when
    /// `body` is left. An error of `body` carries the end of the program's log.
    ///
    /// - Parameter electing: whether the command takes part in an election, which is then switched off.
    package static func run<R: Sendable>(
        _ command: String = "controller", kubeconfig: String, flags: [String] = [], electing: Bool = true,
        over transport: any HTTPTransport,
        _ body: (ControllerProcess) async throws -> R
    ) async throws -> R {
        let folder = try TemporaryFolder(named: "controller")
        defer { folder.remove() }
        let ports = try FreePorts.take(2)
        let process = ControllerProcess(
            healthURL: "http://127.0.0.1:\(ports[0])", metricsURL: "http://127.0.0.1:\(ports[1])/metrics",
            transport: transport, folder: folder)
        let arguments =
            [
                command, "--kubeconfig=\(restricted(kubeconfig))",
                "--healthz-listen-address=127.0.0.1:\(ports[0])", "--metrics-listen-address=127.0.0.1:\(ports[1])",
            ] + (electing ? ["--leader-elect=false"] : []) + flags
        defer { TestOutput.keep((try? process.log()) ?? "", of: command) }
        do {
            return try await withProcess(try program("certwright"), arguments, log: folder.path("log")) {
                try await process.waitUntilReady()
                return try await body(process)
            }
        } catch {
            let log = (try? process.log()) ?? ""
            let end = log.split(separator: "\n").suffix(25).joined(separator: "\n")
            throw TestServerError("\(error)\nThe end of the controller's log:\n\(end)")
        }
    }

    /// The same cluster's kubeconfig as the program's own service account, where the run names one: then the rights that
    /// the chart gives are all that it has (scripts/check-rights).
    private static func restricted(_ kubeconfig: String) -> String {
        guard kubeconfig == Cluster.kubeconfig, let value = getenv("CERTWRIGHT_TEST_PROGRAM_KUBECONFIG") else {
            return kubeconfig
        }
        return String(cString: value)
    }

    /// What it has logged so far.
    package func log() throws -> String { try folder.text("log") }

    /// The answer of a path such as "/readyz".
    package func health(_ path: String) async throws -> Response {
        try await transport.send(TransportRequest(url: healthURL + path, proxy: .none))
    }

    package func metrics() async throws -> String {
        let answer = try await transport.send(TransportRequest(url: metricsURL, proxy: .none))
        return String(decoding: answer.body, as: UTF8.self)
    }

    /// A program of this build: it lies beside the tests.
    package static func program(_ name: String) throws -> String {
        guard let tests = FilePath("/proc/self/exe").resolved else { throw TestServerError("no /proc/self/exe") }
        return tests.removingLastComponent().appending(name).string
    }

    private func waitUntilReady() async throws {
        let end = ContinuousClock.now + .seconds(60)
        while true {
            if let answer = try? await health("/readyz"), answer.status == .ok { return }
            guard .now < end else { throw TestServerError("the controller is not ready after 60 s") }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}

extension FilePath {
    /// Where a symbolic link leads; nil when it is none.
    fileprivate var resolved: FilePath? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink(string, &buffer, buffer.count - 1)
        guard count > 0 else { return nil }
        return FilePath(String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
}
