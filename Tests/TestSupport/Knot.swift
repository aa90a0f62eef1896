package import DNSWire
import NIOPosix
import Wire

/// A real authoritative DNS server, Knot, with one zone that signed updates may change; it lives while the body of
/// ``run(_:_:)`` runs.
package struct Knot: Sendable {
    /// A TSIG key that may change everything in the zone.
    package struct Key: Sendable {
        package var name: String
        /// As Knot spells it, such as `hmac-sha256`.
        package var algorithm: String
        /// Base64.
        package var secret: String

        package init(name: String, algorithm: String, secret: String) {
            self.name = name
            self.algorithm = algorithm
            self.secret = secret
        }
    }

    package struct Options: Sendable {
        package var zone = "example.test"
        package var keys: [Key] = []
        /// More lines of the zone file, relative to the zone.
        package var records: [String] = []
        /// Keys of updates are asked for; without, everybody on this machine may send them.
        package var needsKey = true

        package init() {}
    }

    package let endpoint: Endpoint
    package let zone: String

    package static var isInstalled: Bool { TestPrograms.find("knotd") != nil }

    /// Starts Knot on a free port of the loopback address, waits until it answers, and ends it when `body` is left.
    package static func run<R: Sendable>(
        _ options: Options = Options(), _ body: (Knot) async throws -> R
    ) async throws -> R {
        let folder = try TemporaryFolder(named: "knot")
        defer { folder.remove() }
        let port = try FreePorts.take(1)[0]
        try folder.write("\(options.zone).zone", Array(zoneFile(options).utf8))
        try folder.write("knot.conf", Array(configuration(options, port: port, folder: folder).utf8))
        let knot = Knot(endpoint: Endpoint(host: "127.0.0.1", port: UInt16(port)), zone: options.zone)
        let arguments = ["-c", folder.path("knot.conf")]
        return try await withProcess("knotd", arguments, log: folder.path("knot.log")) {
            try await knot.waitUntilReady(log: { (try? folder.text("knot.log")) ?? "" })
            return try await body(knot)
        }
    }

    private func waitUntilReady(log: () -> String) async throws {
        let client = DNSClient(group: MultiThreadedEventLoopGroup.singleton, timeout: .milliseconds(500))
        let name = try DNSName(zone)
        for _ in 0..<200 {
            // Not up yet is what is being waited for.
            if let answer = try? await client.query(name, .soa, at: .plain(endpoint)), answer.responseCode == .noError {
                return
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw TestServerError("Knot does not answer on \(endpoint): \(log())")
    }

    private static func zoneFile(_ options: Options) -> String {
        let lines =
            [
                "$ORIGIN \(options.zone).", "$TTL 60", "@ SOA ns1 hostmaster 1 3600 600 86400 5", "@ NS ns1",
                "ns1 A 127.0.0.1",
            ]
            + options.records
        return lines.joined(separator: "\n") + "\n"
    }

    private static func configuration(_ options: Options, port: Int, folder: TemporaryFolder) -> String {
        let keys = options.keys.map { key in
            "  - id: \(key.name)\n    algorithm: \(key.algorithm)\n    secret: \(key.secret)\n"
        }.joined()
        let names = options.keys.map(\.name).joined(separator: ", ")
        let condition = options.needsKey ? "key: [\(names)]" : "address: 127.0.0.1"
        return """
            server:
                rundir: "\(folder.root)"
                listen: 127.0.0.1@\(port)
                udp-workers: 1
                tcp-workers: 1
                background-workers: 1
            database:
                storage: "\(folder.root)"
                journal-db-max-size: 10M
                kasp-db-max-size: 10M
                timer-db-max-size: 1M
                catalog-db-max-size: 5M
            log:
              - target: stderr
                any: info
            \(keys.isEmpty ? "" : "key:\n" + keys)
            acl:
              - id: update
                \(condition)
                action: update
            zone:
              - domain: \(options.zone)
                storage: "\(folder.root)"
                file: "%s.zone"
                zonefile-sync: -1
                zonefile-load: whole
                journal-content: none
                acl: update

            """
    }
}
