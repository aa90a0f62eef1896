import CertificateAPI
import KubeModel
import Wire

/// Everything a shim looks at for one object.
struct ShimView: Sendable, Equatable {
    var source: ShimSource
    /// The Certificates that the object controls, and those that have the name of one it asks for.
    var certificates: [Certificate]
    var settings: ShimSettings
}

enum ShimAction: Sendable, Equatable {
    case create(Certificate)
    /// A merge patch with what differs, and the Certificate it was made from, whose version it carries.
    case change(JSONValue, Certificate)
    case delete(Certificate)
    case complain(BadConfiguration)
}

/// Makes the Certificates of an Ingress, a Gateway or a ListenerSet agree with it.
enum Shim {
    static func decide(_ view: ShimView) -> [ShimAction] {
        let source = view.source
        if source.metadata.isBeingDeleted { return [] }
        do throws(BadConfiguration) {
            guard let issuer = try ShimIssuer.reference(of: source, settings: view.settings) else { return [] }
            if let refusal = source.refusal { throw refusal }
            let wanted = try WantedCertificates.of(source, issuer: issuer, settings: view.settings)
            return source.problems.map { .complain($0) } + wanted.compactMap { settle($0, in: view) }
                + superfluous(in: view)
        } catch {
            return [.complain(error)]
        }
    }

    private static func settle(_ wanted: Certificate, in view: ShimView) -> ShimAction? {
        guard let present = view.certificates.first(where: { $0.metadata.name == wanted.metadata.name }) else {
            return .create(wanted)
        }
        guard view.controls(present), !present.metadata.isBeingDeleted else { return nil }
        let merged = present.brought(to: wanted, of: view)
        guard let patch = MergeDifference.patch(from: present, to: merged) else { return nil }
        return .change(patch, present)
    }

    /// Certificates of this object whose Secret it does not name any more.
    private static func superfluous(in view: ShimView) -> [ShimAction] {
        view.certificates.filter {
            view.controls($0) && !$0.metadata.isBeingDeleted
                && !view.source.secretNames.contains($0.spec.secretName)
        }.map { .delete($0) }
    }
}

extension ShimView {
    fileprivate func controls(_ certificate: Certificate) -> Bool {
        guard let uid = source.metadata.uid else { return false }
        return certificate.metadata.controller?.uid == uid
    }
}

extension Certificate {
    /// This Certificate with every field that a shim can set as `wanted` has it; what only users set stays.
    fileprivate func brought(to wanted: Certificate, of view: ShimView) -> Certificate {
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
        result.metadata.annotations = annotations(broughtTo: wanted, of: view)
        return result
    }

    /// Only the annotations that come from the object are touched. The mark of a temporary certificate may be the
    /// user's own, so it is removed only together with the edit in place that brought it.
    private func annotations(broughtTo wanted: Certificate, of view: ShimView) -> [String: String]? {
        let present = metadata.annotations ?? [:]
        let target = wanted.metadata.annotations ?? [:]
        var keys = Set(view.source.routeKeys + view.settings.copiedAnnotations)
        if present[Names.Annotation.http01OverrideIngressName] != view.source.metadata.name,
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
