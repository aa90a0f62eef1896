import CertificateAPI
import KubeModel
import PKI
import Wire

/// Makes the CertificateRequest for a Certificate.
enum RequestBuilder {
    static func make(
        _ view: CertificateView, revision: Int, key: PrivateKey, keySecret: String
    ) async throws -> CertificateRequest {
        let certificate = view.certificate
        let desired = try view.desired.get()
        let signing = try await SigningRequest.make(
            subject: desired.subject, extensions: desired.requestExtensions, key: key,
            algorithm: desired.signatureAlgorithm)
        var spec = CertificateRequest.Spec(
            request: Base64Data(utf8: signing.pem), issuerRef: certificate.spec.issuerRef)
        spec.duration = certificate.spec.duration
        spec.isCA = certificate.spec.isCA
        spec.usages = certificate.spec.usages
        var metadata = ObjectMeta(
            name: ChildName.request(certificate.metadata.name, revision: revision),
            namespace: certificate.metadata.namespace)
        metadata.labels = certificate.metadata.labels
        // What is to be revoked is no business of the next certificate.
        let copied = view.settings.copiedAnnotations.filter(certificate.metadata.annotations)
            .filter { !$0.key.hasPrefix(Names.Annotation.revocationPrefix) }
        metadata.annotations =
            copied.merging([
                Names.Annotation.certificateRevision: String(revision),
                Names.Annotation.privateKeySecretName: keySecret,
                Names.Annotation.certificateName: certificate.metadata.name,
            ]) { _, ours in ours }
        metadata.ownerReferences = [OwnerReference(controller: certificate)]
        return CertificateRequest(metadata: metadata, spec: spec)
    }
}
