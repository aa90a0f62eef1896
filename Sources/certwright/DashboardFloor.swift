import CertificateAPI
import Controllers
import Dashboard
import HTTPServer
import KubeModel
import KubeRuntime
import Wire

/// Serves the pages of `--dashboard` from the controllers' caches: nothing more is asked of the API server for them.
struct DashboardFloor {
    let flags: DashboardFlags
    let stores: Stores
    let budgets: [@Sendable () -> [OrderBudget.Reading]]
    let time: any TimeSource

    func parts() -> [Part] {
        guard flags.dashboard else { return [] }
        // One snapshot at a time, however many ask.
        let keeper = SnapshotKeeper(age: .seconds(1), time: time) {
            [stores, budgets, time] () async throws(Site.Unreadable) in
            try Self.snapshot(stores, budgets, time)
        }
        let site = Site { () async throws(Site.Unreadable) in try await keeper.current() }
        var limits = ServerLimits()
        limits.connections = 64
        let server = Server(address: "127.0.0.1", port: flags.dashboardPort, limits: limits) { await site.answer($0) }
        return [Part("dashboard") { try await server.run() }]
    }

    static func snapshot(
        _ stores: Stores, _ budgets: [@Sendable () -> [OrderBudget.Reading]], _ time: any TimeSource
    ) throws(Site.Unreadable) -> Snapshot {
        if let missing = stores.missing { throw Site.Unreadable(missing) }
        let place =
            stores.namespaces.isEmpty
            ? "All namespaces" : "Namespaces \(stores.namespaces.prefix(20).joined(separator: ", "))"
        var snapshot = Snapshot(now: time.now(), source: "\(place), as the controller sees them")
        snapshot.certificates = stores.certificates.all()
        snapshot.requests = stores.requests.all().map(CertificateRequest.init)
        snapshot.orders = stores.orders.all()
        snapshot.challenges = stores.challenges.all()
        snapshot.issuers = stores.issuers.all()
        snapshot.clusterIssuers = stores.clusterIssuers?.all() ?? []
        if let trouble = stores.trouble { snapshot.notes.append("This may be old. \(trouble)") }
        for reading in budgets.flatMap({ $0() }) {
            snapshot.counted[reading.account] = .init(used: reading.used, waiting: reading.waiting)
        }
        return snapshot
    }
}

extension CertificateRequest {
    /// What is kept of it, for showing: the words of its conditions, and nothing of what is signed.
    fileprivate init(_ facts: RequestFacts) {
        if let open = facts.open?.value {
            self = open
            spec.request = Base64Data([])
            return
        }
        self.init(metadata: facts.metadata, spec: .init(request: Base64Data([]), issuerRef: facts.issuerRef))
        metadata.annotations = facts.revision.map { [Names.Annotation.certificateRevision: "\($0)"] }
        status = Status()
        status?.failureTime = facts.failureTime
        status?.conditions = Self.conditions(facts.state)
    }

    private static func conditions(_ state: RequestFacts.State) -> [Condition] {
        func ready(_ status: Condition.Status, _ reason: String, _ message: String? = nil) -> Condition {
            Condition(type: Condition.Kind.ready, status: status, reason: reason, message: message)
        }
        let approved = Condition(type: Condition.Kind.approved, status: .yes)
        switch state {
        case .undecided: return []
        case .pending(let reason): return [approved, ready(.no, reason ?? "Pending")]
        case .issued: return [approved, ready(.yes, "Issued")]
        case .failed(let reason, let message): return [approved, ready(.no, reason, message)]
        case .denied(let reason, let message):
            let denied = Condition(type: Condition.Kind.denied, status: .yes, reason: reason, message: message)
            return [denied, ready(.no, "Denied")]
        case .invalid(let reason, let message):
            return [
                Condition(type: Condition.Kind.invalidRequest, status: .yes, reason: reason, message: message),
                ready(.no, "Failed", message),
            ]
        }
    }
}
