import CertificateAPI
import HTTPTypes
import KubeClient
import KubeModel
import Synchronization
import Wire

/// A kind of issuer as RBAC knows it.
struct Signer: Sendable, Hashable {
    var plural: String
    var group: String
    var isNamespaced: Bool

    /// The names under which the right to approve may have been given, the widest first.
    func names(_ issuer: String, namespace: String) -> [String] {
        let kind = "\(plural).\(group)"
        return ["\(kind)/*", isNamespaced ? "\(kind)/\(namespace).\(issuer)" : "\(kind)/\(issuer)"]
    }
}

/// Which resource an issuer's kind is, from the API server's discovery.
final class SignerDirectory: Sendable {
    private struct Kind: Hashable {
        var group: String
        var kind: String
    }
    private struct Entry {
        var signer: Signer?
        var until: Duration
    }

    private let client: KubeClient
    private let time: any TimeSource
    private let known = Mutex<[Kind: Entry]>([:])

    init(client: KubeClient, time: any TimeSource) {
        self.client = client
        self.time = time
    }

    /// Nil when the API server serves no such kind; that is remembered for 30 s, what it serves for 5 min.
    func signer(of reference: IssuerReference) async throws(KubeError) -> Signer? {
        for own in [Issuer.resource, ClusterIssuer.resource]
        where reference.isOurs && reference.effectiveKind == own.kind {
            return Signer(plural: own.plural, group: own.group, isNamespaced: own.isNamespaced)
        }
        let kind = Kind(group: reference.effectiveGroup, kind: reference.effectiveKind)
        let now = time.elapsed()
        if let entry = known.withLock({ $0[kind] }), entry.until > now { return entry.signer }
        let signer = try await discover(kind)
        known.withLock { known in
            // Users choose the names, so that what is remembered of them needs a bound.
            if known.count >= 256 { known.removeAll() }
            known[kind] = Entry(signer: signer, until: now + (signer == nil ? .seconds(30) : .seconds(300)))
        }
        return signer
    }

    private func discover(_ kind: Kind) async throws(KubeError) -> Signer? {
        guard NameRules.subdomainProblem(kind.group) == nil else { return nil }
        guard let group = try await get("/apis/\(kind.group)") else { return nil }
        for version in (group["versions"]?.arrayValue ?? []).prefix(8) {
            guard let name = version["version"]?.stringValue, NameRules.subdomainProblem(name) == nil,
                let list = try await get("/apis/\(kind.group)/\(name)")
            else { continue }
            for resource in list["resources"]?.arrayValue ?? [] where resource["kind"]?.stringValue == kind.kind {
                // Subresources have a slash in their names, and often the kind of what they belong to.
                guard let plural = resource["name"]?.stringValue, !plural.contains("/") else { continue }
                return Signer(
                    plural: plural, group: kind.group, isNamespaced: resource["namespaced"]?.boolValue ?? false)
            }
        }
        return nil
    }

    private func get(_ path: String) async throws(KubeError) -> JSONValue? {
        do throws(KubeError) {
            return try await client.send(KubeRequest(method: .get, path: path, isIdempotent: true))
        } catch {
            guard error.isNotFound || error.isUnserved else { throw error }
            return nil
        }
    }
}
