package import CertificateAPI
package import KubeClient
import KubeModel
package import KubeRuntime
package import Logging

/// Whether the issuers of the cluster can serve, by their Ready condition.
package final class ClusterIssuers: IssuerWatch {
    package let issuers = Cache<Issuer>()
    package let clusterIssuers = Cache<ClusterIssuer>()
    private let client: KubeClient
    private let logger: Logger

    package init(client: KubeClient, logger: Logger) {
        self.client = client
        self.logger = logger
    }

    package func informers(counters: Counters) -> [(name: String, run: @Sendable () async throws -> Void)] {
        let issuers = Informer(client: client, cache: issuers, counters: counters, logger: logger)
        let clusterIssuers = Informer(client: client, cache: clusterIssuers, counters: counters, logger: logger)
        return [
            ("informer of issuers for acme", { try await issuers.run() }),
            ("informer of clusterissuers for acme", { try await clusterIssuers.run() }),
        ]
    }

    package var missing: String? {
        guard issuers.isSynced, clusterIssuers.isSynced else { return "Still reading issuers from the API server." }
        return issuers.trouble ?? clusterIssuers.trouble
    }

    package func sight(of issuer: IssuerName) -> IssuerSight {
        if issuer.namespace == nil {
            return clusterIssuers[issuer.key].map { Self.sight($0.spec, $0.status) } ?? .missing
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
