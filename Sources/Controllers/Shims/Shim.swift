import CertificateAPI
import KubeModel
import Wire

/// Everything the shim looks at for one Ingress.
struct IngressShimView: Sendable, Equatable {
    var ingress: Ingress
    /// The Certificates that this Ingress controls, and those that have the name of one it asks for.
    var certificates: [Certificate]
    var settings: IngressShimSettings
}

enum IngressShimAction: Sendable, Equatable {
    case create(Certificate)
    /// A merge patch with what differs, and the Certificate it was made from, whose version it carries.
    case change(JSONValue, Certificate)
    case delete(Certificate)
    case complain(BadConfiguration)
}

/// Makes the Certificates of an Ingress agree with it.
enum IngressShim {
    static func decide(_ view: IngressShimView) -> [IngressShimAction] {
        if view.ingress.metadata.isBeingDeleted { return [] }
        do throws(BadConfiguration) {
            let annotations = view.ingress.metadata.annotations ?? [:]
            guard let issuer = try IngressIssuer.reference(in: annotations, settings: view.settings) else { return [] }
            let wanted = try WantedCertificates(of: view.ingress, issuer: issuer, settings: view.settings)
            return wanted.problems.map { .complain($0) } + wanted.certificates.compactMap { settle($0, in: view) }
                + superfluous(in: view)
        } catch {
            return [.complain(error)]
        }
    }

    private static func settle(_ wanted: Certificate, in view: IngressShimView) -> IngressShimAction? {
        guard let present = view.certificates.first(where: { $0.metadata.name == wanted.metadata.name }) else {
            return .create(wanted)
        }
        guard view.controls(present), !present.metadata.isBeingDeleted else { return nil }
        let merged = present.brought(to: wanted, of: view.ingress, settings: view.settings)
        guard let patch = MergeDifference.patch(from: present, to: merged) else { return nil }
        return .change(patch, present)
    }

    /// Certificates of this Ingress whose Secret it does not name any more.
    private static func superfluous(in view: IngressShimView) -> [IngressShimAction] {
        let names = Set((view.ingress.spec?.tls ?? []).compactMap(\.secretName))
        return view.certificates.filter {
            view.controls($0) && !$0.metadata.isBeingDeleted && !names.contains($0.spec.secretName)
        }.map { .delete($0) }
    }
}

extension IngressShimView {
    fileprivate func controls(_ certificate: Certificate) -> Bool {
        guard let uid = ingress.metadata.uid else { return false }
        return certificate.metadata.controller?.uid == uid
    }
}

extension Certificate {
    /// This Certificate with every field that an Ingress can set as `wanted` has it; what only users set stays.
    fileprivate func brought(to wanted: Certificate, of ingress: Ingress, settings: IngressShimSettings) -> Certificate
    {
        var result = self
        result.spec.commonName = wanted.spec.commonName
        result.spec.dnsNames = wanted.spec.dnsNames
        result.spec.ipAddresses = wanted.spec.ipAddresses
        result.spec.uris = wanted.spec.uris
        result.spec.emailAddresses = wanted.spec.emailAddresses
        result.spec.subject = wanted.spec.subject
        result.spec.secretName = wanted.spec.secretName
        if spec.issuerRef.normalized != wanted.spec.issuerRef.normalized {
            result.spec.issuerRef = wanted.spec.issuerRef
        }
        result.spec.usages = wanted.spec.usages
        result.spec.duration = wanted.spec.duration
        result.spec.renewBefore = wanted.spec.renewBefore
        result.spec.renewBeforePercentage = wanted.spec.renewBeforePercentage
        result.spec.revisionHistoryLimit = wanted.spec.revisionHistoryLimit
        result.spec.privateKey = wanted.spec.privateKey
        result.spec.secretTemplate = wanted.spec.secretTemplate
        result.metadata.labels =
            Self.equal(metadata.labels, wanted.metadata.labels) ? metadata.labels : wanted.metadata.labels
        result.metadata.annotations = annotations(broughtTo: wanted, of: ingress, settings: settings)
        return result
    }

    /// Only the annotations that come from Ingresses are touched. The mark of a temporary certificate may be the user's
    /// own, so it is removed only together with the edit in place that brought it.
    private func annotations(
        broughtTo wanted: Certificate, of ingress: Ingress, settings: IngressShimSettings
    ) -> [String: String]? {
        let present = metadata.annotations ?? [:]
        let target = wanted.metadata.annotations ?? [:]
        var keys = Set(HTTP01Glue.keys + settings.copiedAnnotations)
        if present[Names.Annotation.http01OverrideIngressName] != ingress.metadata.name,
            target[Names.Annotation.issueTemporaryCertificate] == nil
        {
            keys.remove(Names.Annotation.issueTemporaryCertificate)
        }
        var result = present
        for key in keys { result[key] = target[key] }
        return Self.equal(metadata.annotations, result) ? metadata.annotations : result
    }

    private static func equal(_ one: [String: String]?, _ other: [String: String]?) -> Bool {
        (one ?? [:]) == (other ?? [:])
    }
}
