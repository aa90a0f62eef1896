package import CertificateAPI
import KubeModel
package import KubeRuntime
package import Wire

/// The caches of Orders and Challenges, and how what an informer reads becomes what they hold.
package enum ACMECaches {
    /// Index: by the UID of the object that controls them.
    package static let owner = "owner"
    /// Index: those under way, by issuer (`IssuerLookup.indexValue`).
    package static let issuer = "issuer"
    /// Index: Orders that a limit of the CA holds up, or did when they were given up, by issuer.
    package static let held = "held"
    /// Index: Challenges that are not over, by issuer.
    package static let open = "open"
    /// Index of issuers: by the Secrets they read.
    package static let secret = "secret"
    /// Index of issuers: by the other issuers that their requests may be taken to (`IssuerLookup.indexValue`).
    package static let others = "others"

    package static func orders() -> Cache<Order> {
        Cache(indexes: [
            owner: { [$0.metadata.controller?.uid].compactMap(\.self) },
            issuer: { order in
                guard order.status?.state?.isFinal != true else { return [] }
                return [IssuerLookup.indexValue(order.spec.issuerRef, namespace: order.key.namespace)]
            },
            held: { order in
                guard order.status?.state != .valid, order.metadata.annotations?[Names.Annotation.heldUntil] != nil
                else { return [] }
                return [IssuerLookup.indexValue(order.spec.issuerRef, namespace: order.key.namespace)]
            },
        ])
    }

    package static func challenges() -> Cache<Challenge> {
        Cache(indexes: [
            owner: { [$0.metadata.controller?.uid].compactMap(\.self) },
            issuer: { [IssuerLookup.indexValue($0.spec.issuerRef, namespace: $0.key.namespace)] },
            open: { challenge in
                guard challenge.status?.state?.isFinal != true else { return [] }
                return [IssuerLookup.indexValue(challenge.spec.issuerRef, namespace: challenge.key.namespace)]
            },
        ])
    }

    package static func issuers() -> Cache<Issuer> {
        Cache(indexes: [
            secret: { issuer in issuer.spec.secretNames.map { "\(issuer.key.namespace)/\($0)" } },
            others: { OtherIssuers($0.metadata.annotations, kind: Issuer.resource.kind).indexValues(from: $0.key) },
        ])
    }

    /// - Parameter namespace: where the Secrets of ClusterIssuers lie.
    package static func clusterIssuers(secretsIn namespace: String) -> Cache<ClusterIssuer> {
        Cache(indexes: [
            secret: { issuer in issuer.spec.secretNames.map { "\(namespace)/\($0)" } },
            others: {
                OtherIssuers($0.metadata.annotations, kind: ClusterIssuer.resource.kind).indexValues(from: $0.key)
            },
        ])
    }

    /// For the informer of `orders`: a failed or completed Order, of which there is one for each certificate ever
    /// issued, is kept without the request and the certificate, which are most of it.
    package static func order(_ value: JSONValue) throws -> Order {
        let order = try value.decode(Order.self)
        // A valid one that has no certificate yet still needs its request, to compare them.
        let isOver = order.status?.state?.isFailure == true || order.status?.certificate != nil
        return isOver ? order.withoutBulk : order
    }
}

extension Order {
    /// Only for reading: it must not be written back.
    var withoutBulk: Order {
        var order = self
        order.spec.request = Base64Data([])
        if order.status?.certificate != nil { order.status?.certificate = Base64Data([]) }
        return order
    }
}
