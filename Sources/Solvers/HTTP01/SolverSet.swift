package import CertificateAPI
package import KubeModel
import PKI
import Wire

/// The HTTP-01 challenges that one pod, Service and Ingress answer: those of one namespace, issuer and account key whose
/// solvers ask for the same pods and the same way in. Where any of that differs, so does the set.
package struct SolverSet: Sendable, Hashable {
    package let namespace: String
    /// 16 hexadecimal digits.
    package let digest: String

    package init(namespace: String, digest: String) {
        self.namespace = namespace
        self.digest = digest
    }

    /// Nil for a challenge that has objects of its own.
    package init?(_ challenge: Challenge) {
        guard challenge.mode == .shared, challenge.method == .http01, let thumbprint = challenge.thumbprint,
            let http01 = challenge.spec.solver.http01, let stanza = try? JSONValue(encoding: http01)
        else { return nil }  // what came out of JSON can be written as JSON
        let issuer = challenge.spec.issuerRef.normalized
        let parts: JSONValue = [
            .string(issuer.group ?? ""), .string(issuer.kind ?? ""), .string(issuer.name), .string(thumbprint),
            stanza.sorted,
        ]
        namespace = challenge.metadata.namespace ?? ""
        digest = Hex.encode(Array(Digest.sha256(parts.serialized()).prefix(8)))
    }

    /// Of its pod, Service and Ingress.
    package var key: ObjectKey { ObjectKey(namespace: namespace, name: SolverObjects.namePrefix + digest) }
}

extension JSONValue {
    /// The members of all objects in it in the order of their keys, so that equal values are written alike.
    fileprivate var sorted: JSONValue {
        switch self {
        case .object(let object):
            .object(object.sorted().reduce(into: JSONObject()) { $0[$1.key] = $1.value.sorted })
        case .array(let items): .array(items.map(\.sorted))
        default: self
        }
    }
}
