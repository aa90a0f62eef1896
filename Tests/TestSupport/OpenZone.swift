/// A zone that anybody may write to, and the newer Pebble, which looks names up there.
package struct OpenZone: Sendable {
    package let knot: Knot
    package let pebble: Pebble

    package static func run(
        for cluster: Cluster, _ body: @escaping @Sendable (OpenZone) async throws -> Void
    ) async throws {
        var dns = Knot.Options()
        dns.needsKey = false
        try await Knot.run(dns) { knot in
            var options = Pebble.Options()
            options.version = .next
            options.resolver = "\(knot.endpoint)"
            try await Pebble.run(options, over: cluster.transport) { pebble in
                try await body(OpenZone(knot: knot, pebble: pebble))
            }
        }
    }
}
