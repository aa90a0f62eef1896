package import CertificateAPI
import KubeModel
package import KubeRuntime
package import Solvers
package import Wire

/// Watches the records of dns-persist-01 between renewals: one that has gone is written again where a provider is
/// configured, and told of where a person has to.
package struct PersistWatch: Sendable {
    static let pause = Duration.seconds(6 * 3600)
    /// A record counts as gone when it is not seen twice, so far apart.
    static let secondLook = Duration.seconds(30)
    static let component = "cert-manager-challenges"

    private let orders: Cache<Order>
    private let certificates: Cache<Certificate>
    private let access: ACMEAccess
    private let solver: any ChallengeSolver
    private let events: EventRecorder
    private let time: any TimeSource

    package init(
        orders: Cache<Order>, certificates: Cache<Certificate>, access: ACMEAccess, solver: any ChallengeSolver,
        events: EventRecorder, time: any TimeSource
    ) {
        self.orders = orders
        self.certificates = certificates
        self.access = access
        self.solver = solver
        self.events = events
        self.time = time
    }

    /// Looks every six hours until cancelled. To be run while this process leads and knows the Orders.
    package func run() async throws {
        while true {
            try await time.sleep(for: Self.pause)
            for (certificate, record) in records() { try await look(at: record, for: certificate) }
        }
    }

    /// The records that certificates of now rely on, one for each name.
    func records() -> [(Certificate, Challenge)] {
        let newest = Self.newest(of: orders.all())
        return newest.flatMap { key, order -> [(Certificate, Challenge)] in
            guard let certificate = certificates[key],
                case .ready(let facts) = access.find(order.spec.issuerRef, namespace: key.namespace).0
            else { return [] }
            return Self.records(of: order, facts).map { (certificate, $0) }
        }
    }

    /// The last Order that made a certificate, by Certificate.
    static func newest(of orders: [Order]) -> [ObjectKey: Order] {
        var newest: [ObjectKey: Order] = [:]
        for order in orders where order.status?.state == .valid {
            guard let name = order.metadata.annotations?[Names.Annotation.certificateName].nonEmpty else { continue }
            let key = ObjectKey(namespace: order.key.namespace, name: name)
            if let other = newest[key], other.madeAt >= order.madeAt { continue }
            newest[key] = order
        }
        return newest
    }

    /// The Challenges that the issuer would make for the Order today and answer by a record that stays.
    static func records(of order: Order, _ facts: ACMEIssuerFacts) -> [Challenge] {
        (order.status?.authorizations ?? []).compactMap { authorization in
            // What cannot be made now, the next order will tell of.
            guard let selection = try? ChallengePlan.selection(for: authorization, of: order, facts),
                selection.method == .dnsPersist01
            else { return nil }
            return try? ChallengePlan.challenge(selection, authorization, of: order, facts)
        }
    }

    private func look(at record: Challenge, for certificate: Certificate) async throws {
        if await solver.check(record).isVisible { return }
        try await time.sleep(for: Self.secondLook)
        let sight = await solver.check(record)
        if sight.isVisible { return }
        let sentence = "The record by which a CA knows \(record.spec.dnsName) is gone or changed (\(sight.sentence))"
        guard !record.isManual else {
            return warn(certificate, "PersistentRecordMissing", "\(sentence); renewal will fail: \(record.recordWish)")
        }
        do throws(SolverError) {
            try await solver.present(record)
            warn(certificate, "PersistentRecordRestored", "\(sentence); it is written again")
        } catch {
            warn(certificate, "PersistentRecordMissing", "\(sentence), and could not be written again: \(error)")
        }
    }

    private func warn(_ certificate: Certificate, _ reason: String, _ message: String) {
        events.record(
            .warning, reason: reason, message: message, on: ObjectReference(to: certificate),
            component: Self.component)
    }
}

extension Order {
    fileprivate var madeAt: Timestamp { metadata.creationTimestamp ?? Timestamp(secondsSince1970: 0) }
}
