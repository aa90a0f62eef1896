package import DNSWire

/// A real PowerDNS Authoritative Server without zones, with its HTTP API, on free ports of the loopback address.
package struct PowerDNSProcess: Sendable {
    /// Of its API, such as http://127.0.0.1:40001.
    package let host: String
    /// Where it answers DNS.
    package let endpoint: Endpoint
    private let folder: TemporaryFolder

    package static var isInstalled: Bool { TestPrograms.find("pdns_server") != nil }

    /// What it has said.
    package func log() -> String { (try? folder.text("log")) ?? "" }

    /// Starts it, and ends it when `body` is left; it may not answer yet when `body` begins.
    package static func run<R: Sendable>(
        key: String, _ body: (PowerDNSProcess) async throws -> R
    ) async throws -> R {
        let folder = try TemporaryFolder(named: "pdns")
        defer { folder.remove() }
        let ports = try FreePorts.take(2)
        try folder.write("pdns.conf", Array("api-key=\(key)\n".utf8))
        let arguments = [
            "--config-dir=\(folder.root)", "--daemon=no", "--guardian=no", "--launch=lmdb",
            "--lmdb-filename=\(folder.path("db"))", "--local-address=127.0.0.1", "--local-port=\(ports[0])",
            "--webserver=yes", "--webserver-address=127.0.0.1", "--webserver-port=\(ports[1])", "--api=yes",
            "--socket-dir=\(folder.root)", "--loglevel=3",
        ]
        let process = PowerDNSProcess(
            host: "http://127.0.0.1:\(ports[1])", endpoint: Endpoint(host: "127.0.0.1", port: UInt16(ports[0])),
            folder: folder)
        return try await withProcess("pdns_server", arguments, log: folder.path("log")) { try await body(process) }
    }
}
