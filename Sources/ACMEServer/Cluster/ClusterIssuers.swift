package import CertificateAPI
package import KubeClient
import KubeModel
package import KubeRuntime
package import Logging

/// Whether the issuers of the cluster can serve, by their Ready condition.
package final class ClusterIssuers: IssuerWatch {
    package let issuers = Cache<Issuer>()
    /// Nil where only some namespaces are served: ClusterIssuers belong to whoever serves all.
    package let clusterIssuers: Cache<ClusterIssuer>?
    private let namespaces: [String]
    private let client: KubeClient
    private let logger: Logger

    /// - Parameter namespaces: whose Issuers are served; none for all, and ClusterIssuers too.
    package init(namespaces: [String] = [], client: KubeClient, logger: Logger) {
        self.namespaces = Set(namespaces).sorted()
        clusterIssuers = namespaces.isEmpty ? Cache() : nil
        issuers.divide(into: self.namespaces)
        self.client = client
        self.logger = logger
    }

    package func informers(counters: Counters) -> [(name: String, run: @Sendable () async throws -> Void)] {
        func informer<Object: KubeObject>(
            _ cache: Cache<Object>, _ namespace: String?
        ) -> (name: String, run: @Sendable () async throws -> Void) {
            let name = "acme \(Object.resource.plural)"
            let informer = Informer(
                client: client, cache: cache, options: ListOptions(namespace: namespace), name: name,
                counters: counters, logger: logger)
            return ("informer of \(name)", { try await informer.run() })
        }
        guard let clusterIssuers else { return namespaces.map { informer(issuers, $0) } }
        return [informer(issuers, nil), informer(clusterIssuers, nil)]
    }

    package var missing: String? {
        guard issuers.isSynced, clusterIssuers?.isSynced ?? true else {
            return "Still reading issuers from the API server."
        }
        return issuers.trouble ?? clusterIssuers?.trouble
    }

    package func sight(of issuer: IssuerName) -> IssuerSight {
        if issuer.namespace == nil {
            return clusterIssuers?[issuer.key].map { Self.sight($0.spec, $0.status) } ?? .missing
        }
        return issuers[issuer.key].map { Self.sight($0.spec, $0.status) } ?? .missing
    }

    static func sight(_ spec: IssuerSpec, _ status: IssuerStatus?) -> IssuerSight {
        if spec.selfSigned != nil {
            return .unsuitable(
                "A self-signed issuer signs with the key of the certificate, which an ACME client keeps to itself: "
                    + "make a CA with it, and a CA issuer of that.")
        }
        return status?.conditions.isTrue(Condition.Kind.ready) ?? false ? .ready : .notReady
    }
}
