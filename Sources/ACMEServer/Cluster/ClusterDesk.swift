package import ACME
import CertificateAPI
package import KubeClient
import KubeModel
import HTTPTypes
package import PKI
package import Wire

/// Has certificates made by CertificateRequests: they are approved, judged by policies and signed as everybody else's.
package struct ClusterDesk: IssuanceDesk {
    private typealias Key = Names.ACMERequest

    private let client: KubeClient
    private let store: ClusterStore
    private let time: any TimeSource

    package init(client: KubeClient, store: ClusterStore, time: any TimeSource = SystemTime()) {
        self.client = client
        self.store = store
        self.time = time
    }

    package func begin(_ order: ServerOrder, _ wish: IssuanceWish) async throws(KeepingError) {
        var spec = CertificateRequest.Spec(
            request: Base64Data(utf8: wish.request.pem), issuerRef: order.issuer.reference)
        spec.usages = wish.usages
        spec.duration = wish.duration
        var metadata = ObjectMeta(name: order.requestName, namespace: order.namespace)
        metadata.labels = [Key.order: order.id, Key.publicKey: Self.label(of: wish.request.publicKey)]
        metadata.annotations = [Key.account: order.account, Key.directory: order.issuer.path]
        if let replaces = order.replaces { metadata.annotations?[Key.replaces] = replaces }
        do throws(KubeError) {
            _ = try await client.create(CertificateRequest(metadata: metadata, spec: spec))
        } catch {
            guard error.isAlreadyExists else { throw .unavailable("\(error)") }
            // The same once more, because an answer was lost, is fine.
            guard try await find(order)?.spec.request == spec.request else { throw .exists }
        }
    }

    package func state(of order: ServerOrder) async throws(KeepingError) -> IssuanceState {
        try await find(order).map(Self.state) ?? .none
    }

    package func outcome(of order: ServerOrder, within limit: Duration) async throws(KeepingError) -> IssuanceState {
        let end = time.elapsed() + limit
        while true {
            guard let request = try await find(order) else { return .none }
            let state = Self.state(request)
            let left = end - time.elapsed()
            guard state == .pending, left > .zero, let version = request.metadata.resourceVersion else { return state }
            let hasChanged = await client.waitForChange(
                of: CertificateRequest.resource, request.key, since: version, atMost: min(left, .seconds(5)))
            // Where it cannot be watched, the client asks again.
            guard hasChanged else { return state }
        }
    }

    package func find(_ certificate: X509Certificate) async throws(KeepingError) -> IssuedRecord? {
        let selector = "\(Key.publicKey)=\(Self.label(of: certificate.publicKey))"
        for namespace in store.boundNamespaces.sorted() {
            let list: ObjectList<CertificateRequest>
            do throws(KubeError) {
                list = try await client.listAll(
                    CertificateRequest.self, ListOptions(namespace: namespace, labelSelector: selector))
            } catch {
                throw .unavailable("\(error)")
            }
            for request in list.items where Self.leaf(of: request) == certificate {
                let annotations = request.metadata.annotations ?? [:]
                return IssuedRecord(
                    account: annotations[Key.account] ?? "", issuer: annotations[Key.directory] ?? "",
                    isRevoked: annotations[Key.revoked] != nil, place: "\(request.key)")
            }
        }
        return nil
    }

    package func revoke(
        _ record: IssuedRecord, _ reason: RevocationReason, at now: Timestamp
    ) async throws(KeepingError) {
        let parts = record.place.split(separator: "/").map(String.init)
        guard parts.count == 2 else { throw .unavailable("\(record.place) names no request") }
        let patch: JSONValue = [
            "metadata": ["annotations": [Key.revoked: .string(now.rfc3339), Key.reason: .string("\(reason)")]]
        ]
        do throws(KubeError) {
            _ = try await client.mergePatch(
                patch, of: CertificateRequest.self, ObjectKey(namespace: parts[0], name: parts[1]))
        } catch {
            throw .unavailable("\(error)")
        }
    }

    /// Deletes the requests of ours whose certificate has run out, and those that came to nothing and are a week old.
    package func sweep(at now: Timestamp) async throws {
        for namespace in store.boundNamespaces.sorted() {
            let list = try await client.listAll(
                CertificateRequest.self, ListOptions(namespace: namespace, labelSelector: Key.order))
            for request in list.items where Self.isDone(request, at: now) {
                try await client.delete(
                    CertificateRequest.self, request.key, preconditions: Preconditions(uid: request.metadata.uid))
            }
        }
    }

    static func isDone(_ request: CertificateRequest, at now: Timestamp) -> Bool {
        if let leaf = leaf(of: request) { return leaf.notAfter < now }
        guard let made = request.metadata.creationTimestamp else { return false }
        return made + .seconds(7 * 86_400) < now
    }

    // MARK: Reading requests

    private func find(_ order: ServerOrder) async throws(KeepingError) -> CertificateRequest? {
        do throws(KubeError) {
            let key = ObjectKey(namespace: order.namespace, name: order.requestName)
            guard let request = try await client.find(CertificateRequest.self, key),
                request.metadata.labels?[Key.order] == order.id
            else { return nil }
            return request
        } catch {
            throw .unavailable("\(error)")
        }
    }

    /// What its conditions say, in words that may leave the cluster.
    static func state(_ request: CertificateRequest) -> IssuanceState {
        if request.metadata.annotations?[Key.revoked] != nil { return .revoked }
        let conditions = request.status?.conditions ?? []
        if conditions.isTrue(Condition.Kind.denied) {
            let message = conditions[type: Condition.Kind.denied]?.message ?? ""
            return .failed(.unauthorized("The certificate was denied: \(Problem.presentable(message))"))
        }
        if conditions.isTrue(Condition.Kind.invalidRequest) {
            return .failed(ServerProblem(.badCSR, .badRequest, "The issuer refuses the signing request."))
        }
        let ready = conditions[type: Condition.Kind.ready]
        if ready?.status == .yes, let certificate = request.status?.certificate?.bytes, !certificate.isEmpty {
            return .issued(chain(certificate, ca: request.status?.ca?.bytes))
        }
        if ready?.status == .no, ready?.reason == "Failed" {
            // What the issuer said may name what is inside; the request has it, and so do the cluster's own people.
            return .failed(
                ServerProblem(
                    .serverInternal, .internalServerError,
                    "The issuer could not sign; CertificateRequest \(request.key) says why."))
        }
        return .pending
    }

    /// The chain with its root where that stands alone above the leaf: certbot takes no chain of one.
    private static func chain(_ pem: [UInt8], ca: [UInt8]?) -> [UInt8] {
        guard let ca, let certificates = try? Chain.parse(pem: pem, limits: .default), certificates.count == 1,
            let root = try? X509Certificate(pem: ca), root != certificates[0], certificates[0].isSigned(by: root)
        else { return pem }
        return Array((certificates[0].pem + root.pem).utf8)
    }

    static func leaf(of request: CertificateRequest) -> X509Certificate? {
        guard let pem = request.status?.certificate?.bytes, !pem.isEmpty else { return nil }
        return (try? Chain.parse(pem: pem, limits: .default))?.first  // no certificate of ours
    }

    /// Sixty-three characters fit into a label; these are 160 bits.
    private static func label(of key: PublicKey) -> String { String(Hex.encode(Digest.sha256(key.spki)).prefix(40)) }
}
