package import KubeClient
import KubeModel
package import Logging
package import Wire

/// Waits until this program may serve CertificateSigningRequests, as the API server's authorizer says.
package struct SigningRequestAccess: Sendable {
    private let client: KubeClient
    private let pause: Duration
    private let time: any TimeSource
    private let logger: Logger

    /// - Parameter pause: between two looks, for rights may be given at any time.
    package init(
        client: KubeClient, pause: Duration = .seconds(300), time: any TimeSource = SystemTime(), logger: Logger
    ) {
        self.client = client
        self.pause = pause
        self.time = time
        self.logger = logger
    }

    /// Returns when every right is there; throws `CancellationError` when cancelled before.
    package func wait() async throws {
        var said: String?
        while let missing = await missing() {
            if said != missing {
                logger.info(
                    "CertificateSigningRequests are left alone until the right to serve them is given",
                    metadata: ["missing": "\(missing)"])
                said = missing
            }
            try await time.sleep(for: pause)
        }
        try Task.checkCancellation()
        logger.info("CertificateSigningRequests for our issuers are served")
    }

    private static let needed: [SelfSubjectAccessReview.ResourceAttributes] = {
        let group = CertificateSigningRequest.resource.group
        let plural = CertificateSigningRequest.resource.plural
        return [
            .init(verb: "list", group: group, resource: plural), .init(verb: "watch", group: group, resource: plural),
            .init(verb: "patch", group: group, resource: plural, subresource: "status"),
            .init(verb: "create", group: "authorization.k8s.io", resource: "subjectaccessreviews"),
        ]
    }()

    /// The first right that is not there, or why none could be asked for.
    private func missing() async -> String? {
        for attributes in Self.needed {
            do throws(KubeError) {
                let review = try await client.create(SelfSubjectAccessReview(attributes))
                if review.status?.allowed == true { continue }
                let resource = [attributes.resource, attributes.subresource].compactMap(\.self).joined(separator: "/")
                return "\(attributes.verb ?? "") \(resource).\(attributes.group ?? "")"
            } catch {
                return "\(error)"
            }
        }
        return nil
    }
}
