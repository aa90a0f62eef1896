import ArgumentParser
import CertificateAPI
import Dashboard
import HTTPServer
import HTTPTransport
import KubeClient
import KubeModel
import Wire

/// `kubectl cert dashboard`: pages about the cluster's certificates, for a browser on this machine.
struct DashboardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dashboard", abstract: "Serves web pages about the cluster's certificates on this machine.",
        discussion: """
            It reads with your rights and changes nothing; Secrets are never read. It listens on 127.0.0.1 alone, but whoever \
            is logged in on this machine can connect there. Ctrl-C ends it.
            """)

    @Option(help: "The port on 127.0.0.1; 0 takes any free one.") var port = 9404

    @Option(name: [.customShort("n"), .long], help: "Only this namespace. Default: all.")
    var namespace: String?

    @Option(help: "How old what is shown may be: 10s, 1m.", transform: ListCommand.span)
    var age = Duration.seconds(10)

    @OptionGroup(title: "Cluster") var connection: ConnectionFlags

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port must be from 0 to 65535.") }
    }

    func run() async throws {
        let command = self
        try await Session.run(connection) { session in
            let look = DashboardLook(session: session, namespace: command.namespace)
            // What cannot be read at all is told here rather than in a browser.
            try await look.tryOut()
            let keeper = SnapshotKeeper(age: command.age, time: session.time) { () async throws(Site.Unreadable) in
                try await look.snapshot()
            }
            let site = Site { () async throws(Site.Unreadable) in try await keeper.current() }
            try await command.serve(site)
        }
    }

    private func serve(_ site: Site) async throws {
        var limits = ServerLimits()
        limits.connections = 64
        let server = Server(address: "127.0.0.1", port: port, limits: limits) { await site.answer($0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            do {
                Console.write("http://127.0.0.1:\(try await server.boundPort)/\n")
            } catch {
                throw CommandFailure(
                    "127.0.0.1:\(port) cannot be listened on: \(error). --port 0 takes any free port.",
                    code: CommandFailure.cluster)
            }
            try await group.waitForAll()
        }
    }
}

/// Reads what the pages show from the API server.
struct DashboardLook: Sendable {
    let session: Session
    /// Nil for all.
    let namespace: String?

    func tryOut() async throws {
        do throws(KubeError) {
            _ = try await session.client.page(Certificate.resource, ListOptions(namespace: namespace), limit: 1)
        } catch {
            guard error.isForbidden, namespace == nil else { throw error }
            throw CommandFailure(
                "Certificates of all namespaces may not be listed. Say -n NAMESPACE for those of one.",
                code: CommandFailure.cluster)
        }
    }

    func snapshot() async throws(Site.Unreadable) -> Snapshot {
        var snapshot = Snapshot(
            now: await session.clusterTime().now,
            source: namespace.map { "Namespace \($0) of \(session.client.configuration.server)" }
                ?? "The cluster at \(session.client.configuration.server)")
        do throws(KubeError) {
            snapshot.certificates = try await list(Certificate.self)
        } catch {
            throw Site.Unreadable("\(error)")
        }
        snapshot.requests = await optional(CertificateRequest.self, &snapshot).map(\.withoutBulk)
        snapshot.orders = await optional(Order.self, &snapshot).map(\.withoutBulk)
        snapshot.challenges = await optional(Challenge.self, &snapshot)
        snapshot.issuers = await optional(Issuer.self, &snapshot)
        snapshot.clusterIssuers = await optional(ClusterIssuer.self, &snapshot)
        return snapshot
    }

    private func list<T: KubeObject>(_ type: T.Type) async throws(KubeError) -> [T] {
        let options = ListOptions(namespace: T.resource.isNamespaced ? namespace : nil)
        return try await session.client.listAll(type, options).items
    }

    /// What may not be read is missing from the pages, which say so.
    private func optional<T: KubeObject>(_ type: T.Type, _ snapshot: inout Snapshot) async -> [T] {
        do throws(KubeError) {
            return try await list(type)
        } catch {
            snapshot.notes.append("\(T.resource.plural) could not be read and are not shown: \(error)")
            return []
        }
    }
}

extension CertificateRequest {
    /// Only for showing: what makes it large is left out.
    fileprivate var withoutBulk: CertificateRequest {
        var request = self
        request.spec.request = Base64Data([])
        request.status?.certificate = nil
        request.status?.ca = nil
        return request
    }
}

extension Order {
    fileprivate var withoutBulk: Order {
        var order = self
        order.spec.request = Base64Data([])
        order.status?.certificate = nil
        return order
    }
}
