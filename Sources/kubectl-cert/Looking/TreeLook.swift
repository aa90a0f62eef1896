import CertificateAPI
import Diagnosis
import KubeClient
import KubeModel
import Wire

/// Gathers a Certificate's tree from the API server.
struct TreeLook: Sendable {
    let session: Session
    private var client: KubeClient { session.client }

    /// - Parameter controller: where the Secrets of ClusterIssuers may lie, the likeliest place first.
    func tree(_ name: String, clusterResourceNamespaces: [String] = ["cert-manager", "kube-system"]) async throws
        -> CertificateTree
    {
        let certificate = try await session.object(Certificate.self, name)
        let clock = await session.clusterTime()
        return try await tree(of: certificate, now: clock.now, clusterResourceNamespaces)
    }

    func tree(
        of certificate: Certificate, now: Timestamp, _ clusterResourceNamespaces: [String]
    ) async throws -> CertificateTree {
        var tree = CertificateTree(certificate: certificate, now: now)
        tree.secret = await secret(ObjectKey(namespace: tree.namespace, name: certificate.spec.secretName))
        tree.issuer = await issuer(certificate.spec.issuerRef, tree.namespace, clusterResourceNamespaces)
        tree.requests = try await children(CertificateRequest.self, of: [certificate.metadata.uid], tree.namespace)
        guard !tree.requests.isEmpty else { return try await withEvents(tree) }
        tree.orders = try await children(Order.self, of: tree.requests.map(\.metadata.uid), tree.namespace)
        guard !tree.orders.isEmpty else { return try await withEvents(tree) }
        tree.challenges = try await children(Challenge.self, of: tree.orders.map(\.metadata.uid), tree.namespace)
        guard tree.challenges.contains(where: { $0.spec.type == .http01 }) else { return try await withEvents(tree) }
        let challenges = tree.challenges
        tree.pods = await solverObjects(Pod.self, of: challenges, tree.namespace)
        tree.services = await solverObjects(Service.self, of: challenges, tree.namespace)
        tree.ingresses = await solverObjects(Ingress.self, of: challenges, tree.namespace)
        tree.routes = await solverObjects(HTTPRoute.self, of: challenges, tree.namespace)
        return try await withEvents(tree)
    }

    func secret(_ key: ObjectKey) async -> SecretSight {
        do throws(KubeError) {
            return try await client.find(Secret.self, key).map { .found(SecretLook($0)) } ?? .absent
        } catch {
            return .unknown("Secret \(key) could not be read: \(error)")
        }
    }

    private func issuer(
        _ reference: IssuerReference, _ namespace: String, _ clusterResourceNamespaces: [String]
    ) async -> IssuerSight {
        guard reference.isOurs else { return .foreign }
        do throws(KubeError) {
            if reference.isClusterIssuer {
                guard let found = try await client.find(ClusterIssuer.self, ObjectKey(name: reference.name)) else {
                    return .absent
                }
                var look = IssuerLook(found, as: reference)
                look.authority = await authority(found.spec, in: clusterResourceNamespaces)
                return .found(look)
            }
            let key = ObjectKey(namespace: namespace, name: reference.name)
            guard let found = try await client.find(Issuer.self, key) else { return .absent }
            var look = IssuerLook(found, as: reference)
            look.authority = await authority(found.spec, in: [namespace])
            return .found(look)
        } catch {
            return .unknown("\(reference.effectiveKind) \(reference.name) could not be read: \(error)")
        }
    }

    private func authority(_ spec: IssuerSpec, in namespaces: [String]) async -> SecretSight? {
        guard let ca = spec.ca else { return nil }
        var last: SecretSight?
        for namespace in namespaces {
            let sight = await secret(ObjectKey(namespace: namespace, name: ca.secretName))
            if case .found = sight { return sight }
            last = last ?? sight
        }
        return last
    }

    private func children<T: KubeObject>(_ type: T.Type, of owners: [String?], _ namespace: String) async throws -> [T]
    {
        let all = try await client.listAll(type, ListOptions(namespace: namespace)).items
        return all.filter { child in owners.contains { $0 != nil && $0 == child.metadata.controller?.uid } }
    }

    /// What may not be read, or is not served (the Gateway API), is not shown.
    private func solverObjects<T: KubeObject>(
        _ type: T.Type, of challenges: [Challenge], _ namespace: String
    ) async -> [T] {
        let options = ListOptions(namespace: namespace, labelSelector: "\(Names.Label.http01Solver)=true")
        guard let all = try? await client.listAll(type, options).items else { return [] }
        return all.filter { child in challenges.contains { child.answers($0) } }
    }

    private func withEvents(_ tree: CertificateTree) async throws -> CertificateTree {
        var tree = tree
        var uids: Set<String> = []
        func note(_ objects: [some KubeObject]) { uids.formUnion(objects.compactMap(\.metadata.uid)) }
        note([tree.certificate])
        note(tree.requests)
        note(tree.orders)
        note(tree.challenges)
        note(tree.pods)
        note(tree.services)
        note(tree.ingresses)
        note(tree.routes)
        if case .found(let issuer) = tree.issuer, let uid = issuer.metadata.uid { uids.insert(uid) }
        do throws(KubeError) {
            let all = try await client.listAll(Event.self, ListOptions(namespace: tree.namespace)).items
            tree.events = all.filter { $0.involvedObject.uid.map(uids.contains) ?? false }
        } catch {
            guard error.isForbidden else { throw error }  // events are a help, not what counts
        }
        return tree
    }
}
