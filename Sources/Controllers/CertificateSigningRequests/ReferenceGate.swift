import CertificateAPI
import KubeClient
import KubeModel

/// Whether somebody may have an Issuer of a namespace sign for them: RBAC verb `reference` on `signers`, asked of the API
/// server. ClusterIssuers are for everybody whose request is approved.
struct ReferenceGate: Sendable {
    let client: KubeClient

    /// By the issuer's name, or by `*` for every issuer of the namespace.
    func mayReference(
        _ reference: IssuerReference, namespace: String, _ request: CertificateSigningRequest
    ) async throws(KubeError) -> Bool {
        for name in [reference.name, "*"] {
            let attributes = SelfSubjectAccessReview.ResourceAttributes(
                namespace: namespace, verb: "reference", group: Names.group, resource: "signers", name: name)
            let spec = request.spec
            let review = SubjectAccessReview(
                .init(user: spec.username, uid: spec.uid, groups: spec.groups, extra: spec.extra, attributes))
            if try await client.create(review).status?.allowed == true { return true }
        }
        return false
    }
}
