import CertificateAPI
package import KubeClient
import KubeModel
import Synchronization
package import Wire

/// Whether users may approve or deny requests: RBAC verb `approve` on `signers`, asked of the API server.
package final class ApprovalRights: Sendable {
    private struct Question: Hashable {
        var user: UserInfo
        var signer: String
    }
    private struct Answer {
        var isAllowed: Bool
        var until: Duration
    }

    /// A right that was just asked for is usually asked for again at once; one that was taken away counts at once.
    private static let memory = Duration.seconds(1)

    private let client: KubeClient
    private let directory: SignerDirectory
    private let time: any TimeSource
    private let known = Mutex<[Question: Answer]>([:])

    package init(client: KubeClient, time: any TimeSource = SystemTime()) {
        self.client = client
        self.time = time
        directory = SignerDirectory(client: client, time: time)
    }

    func verdict(_ question: ApprovalQuestion) async throws(KubeError) -> ApprovalVerdict {
        guard let signer = try await directory.signer(of: question.issuer) else { return .noSuchSigner }
        for name in signer.names(question.issuer.name, namespace: question.namespace) {
            if try await isAllowed(question.user, name) { return .allowed }
        }
        return .notAllowed
    }

    private func isAllowed(_ user: UserInfo, _ signer: String) async throws(KubeError) -> Bool {
        let question = Question(user: user, signer: signer)
        let now = time.elapsed()
        if let answer = known.withLock({ $0[question] }), answer.until > now { return answer.isAllowed }
        let review = try await client.send(
            .create(Self.resource, namespace: nil, Self.review(of: user, signer)))
        let isAllowed = review["status"]?["allowed"]?.boolValue ?? false
        known.withLock { known in
            if known.count >= 256 { known = known.filter { $0.value.until > now } }
            known[question] = Answer(isAllowed: isAllowed, until: now + Self.memory)
        }
        return isAllowed
    }

    private static let resource = ResourceType(
        group: "authorization.k8s.io", version: "v1", kind: "SubjectAccessReview", plural: "subjectaccessreviews",
        isNamespaced: false)

    static func review(of user: UserInfo, _ signer: String) -> JSONValue {
        var spec: JSONValue = [
            "resourceAttributes": [
                "verb": "approve", "group": "cert-manager.io", "version": "*", "resource": "signers",
                "name": .string(signer),
            ]
        ]
        for (field, value) in Identity.members(of: user) { spec[field == "username" ? "user" : field] = value }
        return ["apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec]
    }
}

package enum ApprovalVerdict: Sendable, Hashable {
    case allowed
    case notAllowed
    /// The API server has no resource of the issuer's kind.
    case noSuchSigner
}
