package import ACME
import CertificateAPI
package import KubeClient
package import KubeModel
package import KubeRuntime
package import Logging
import PKI
import Wire

/// The certificates that were issued to clients, by what renewal information names them by: anybody may ask for that, so
/// it is answered without a question to the API server.
package final class ClusterCertificates: RenewalWatch {
    package let requests = Cache<RequestSummary>(indexes: [
        "id": { $0.id.map { [$0] } ?? [] }, "replaces": { $0.replaces.map { [$0] } ?? [] },
    ])
    private let namespaces: [String]
    private let client: KubeClient
    private let logger: Logger

    /// - Parameter namespaces: where there may be requests of ours; none for all.
    package init(namespaces: [String] = [], client: KubeClient, logger: Logger) {
        self.namespaces = Set(namespaces).sorted()
        self.client = client
        self.logger = logger
        requests.divide(into: self.namespaces)
    }

    package func informers(counters: Counters) -> [(name: String, run: @Sendable () async throws -> Void)] {
        (namespaces.isEmpty ? [nil] : namespaces.map(Optional.some)).map { namespace in
            let informer = Informer(
                client: client, cache: requests,
                options: ListOptions(namespace: namespace, labelSelector: Names.ACMERequest.order),
                name: "acme certificates", counters: counters, logger: logger)
            return ("informer of acme certificates", { try await informer.run() })
        }
    }

    package var missing: String? {
        guard requests.isSynced else { return "Still reading the certificates of ACME from the API server." }
        return requests.trouble
    }

    package func sight(of id: RenewalIdentifier) -> RenewalSight? {
        guard var sight = requests.matching(index: "id", value: id.text).lazy.compactMap(\.sight).first else {
            return nil
        }
        sight.isReplaced = requests.matching(index: "replaces", value: id.text).contains { !$0.isFailed }
        return sight
    }
}

/// What renewal information needs of a CertificateRequest; the rest is not kept.
package struct RequestSummary: KubeObject {
    private typealias Key = Names.ACMERequest

    package static var resource: ResourceType { CertificateRequest.resource }
    package var metadata: ObjectMeta
    let id: String?
    let replaces: String?
    let isFailed: Bool
    let sight: RenewalSight?

    private enum CodingKeys: String, CodingKey { case metadata }

    init(_ request: CertificateRequest) {
        metadata = ObjectMeta(name: request.metadata.name, namespace: request.metadata.namespace)
        metadata.uid = request.metadata.uid
        metadata.resourceVersion = request.metadata.resourceVersion
        let annotations = request.metadata.annotations ?? [:]
        replaces = annotations[Key.replaces]
        if case .failed = ClusterDesk.state(request) { isFailed = true } else { isFailed = false }
        guard let leaf = ClusterDesk.leaf(of: request), let name = RenewalIdentifier(leaf) else {
            (id, sight) = (nil, nil)
            return
        }
        id = name.text
        sight = RenewalSight(
            directory: annotations[Key.directory] ?? "", account: annotations[Key.account] ?? "",
            names: leaf.extensions.names, notBefore: leaf.notBefore, notAfter: leaf.notAfter,
            revokedAt: annotations[Key.revoked].flatMap { Timestamp(rfc3339: $0) })
    }

    package init(from decoder: any Decoder) throws { self.init(try CertificateRequest(from: decoder)) }

    /// Never sent.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(metadata, forKey: .metadata)
    }
}
