import DNSWire
import NIOPosix
import TestSupport

/// A real authoritative DNS server of another make, BIND, with one zone; it lives while the body of ``run(_:_:)`` runs.
enum Bind {
    static var isInstalled: Bool { TestPrograms.find("named") != nil }

    /// - Parameter records: lines of the zone file, relative to the zone.
    static func run<R: Sendable>(
        zone: String, records: [String], _ body: (Endpoint) async throws -> R
    ) async throws -> R {
        let folder = try TemporaryFolder(named: "bind")
        defer { folder.remove() }
        let port = try FreePorts.take(1)[0]
        let lines =
            [
                "$ORIGIN \(zone).", "$TTL 60", "@ SOA ns1 hostmaster 1 3600 600 86400 5", "@ NS ns1",
                "ns1 A 127.0.0.1",
            ] + records
        try folder.write("zone", Array((lines.joined(separator: "\n") + "\n").utf8))
        let configuration = """
            options {
                directory "\(folder.root)";
                pid-file none;
                session-keyfile none;
                lock-file none;
                managed-keys-directory "\(folder.root)";
                listen-on port \(port) { 127.0.0.1; };
                listen-on-v6 { none; };
                recursion no;
                dnssec-validation no;
                notify no;
            };
            controls { };
            zone "\(zone)" { type primary; file "\(folder.path("zone"))"; };

            """
        try folder.write("named.conf", Array(configuration.utf8))
        let endpoint = Endpoint(host: "127.0.0.1", port: UInt16(port))
        return try await withProcess("named", ["-g", "-c", folder.path("named.conf")], log: folder.path("log")) {
            try await waitUntilReady(endpoint, zone, log: { (try? folder.text("log")) ?? "" })
            return try await body(endpoint)
        }
    }

    private static func waitUntilReady(_ endpoint: Endpoint, _ zone: String, log: () -> String) async throws {
        let client = DNSClient(group: MultiThreadedEventLoopGroup.singleton, timeout: .milliseconds(500))
        let name = try DNSName(zone)
        for _ in 0..<500 {
            // Not up yet is what is being waited for.
            if let answer = try? await client.query(name, .soa, at: .plain(endpoint)), answer.responseCode == .noError {
                return
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw TestServerError("BIND does not answer on \(endpoint): \(log())")
    }
}
