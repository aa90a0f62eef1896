import CertificateAPI
import Wire

enum CertificateAdmission: KindAdmission {
    static func create(_ object: Certificate, _ request: AdmissionRequest) -> Judgement {
        Judgement(
            problems: object.problems, warnings: CertificateWarnings.of(object.spec),
            issuer: IssuerQuestion(
                issuer: object.spec.issuerRef, namespace: request.namespace,
                wildcards: (object.spec.dnsNames ?? []).filter { $0.hasPrefix("*.") }))
    }

    /// A change of labels, annotations or finalizers alone is not held against the spec: rules that came later must not
    /// keep anybody from it.
    static func update(from old: Certificate, to new: Certificate, _ request: AdmissionRequest) -> Judgement {
        old.spec == new.spec ? .nothing : create(new, request)
    }
}

/// Advice about Certificates that break no rule.
enum CertificateWarnings {
    static func of(_ spec: Certificate.Spec) -> [String] {
        margin(spec) + key(spec)
    }

    private static func margin(_ spec: Certificate.Spec) -> [String] {
        guard spec.renewal?.policy != "Disabled" else { return [] }
        let lifetime = (spec.duration.flatMap { GoDuration($0) } ?? Durations.defaultLifetime).duration
        let field: String
        let margin: Duration
        if let text = spec.renewBefore.nonEmpty, let parsed = GoDuration(text) {
            (field, margin) = ("renewBefore", parsed.duration)
        } else if let percentage = spec.renewBeforePercentage {
            guard (1..<100).contains(percentage) else { return [] }
            (field, margin) = ("renewBeforePercentage", lifetime * percentage / 100)
        } else {
            return []
        }
        guard lifetime > .zero, margin > .zero, margin < lifetime else { return [] }
        if margin * 20 < lifetime {
            return [
                "spec.\(field): renewal begins only \(GoDuration(margin)) before the certificate expires;"
                    + " a few failed attempts would let it expire"
            ]
        }
        if margin * 10 > lifetime * 9 {
            return [
                "spec.\(field): the certificate would be renewed \(GoDuration(lifetime - margin)) after it was issued;"
                    + " an issuer that gives shorter lifetimes would be asked without end"
            ]
        }
        return []
    }

    private static func key(_ spec: Certificate.Spec) -> [String] {
        guard spec.privateKey?.algorithm == "Ed25519", let size = spec.privateKey?.size, size != 0 else { return [] }
        return ["spec.privateKey.size: is ignored, because Ed25519 keys have one size"]
    }
}
