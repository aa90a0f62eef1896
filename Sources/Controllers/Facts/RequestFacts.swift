package import CertificateAPI
package import KubeModel
package import PKI
package import Wire

/// What is kept of a CertificateRequest: all of it while somebody may still answer it, then only what the Certificate
/// compares itself with.
package struct RequestFacts: KubeObject, Hashable {
    package static var resource: ResourceType { CertificateRequest.resource }

    /// Without labels and annotations.
    package var metadata: ObjectMeta
    package var issuerRef: IssuerReference
    package var state: State
    package var failureTime: Timestamp?
    /// From the annotation; nil when there is none or it is no number.
    package var revision: Int?
    package var certificateName: String?
    package var shape: RequestShape
    /// The object itself, until it is answered.
    package var open: Box<CertificateRequest>?

    package enum State: Sendable, Hashable {
        /// Nobody has said yes or no.
        case undecided
        /// Approved, and not answered yet. The reason is that of the Ready condition, if there is one.
        case pending(reason: String?)
        case issued
        case failed(reason: String, message: String)
        case denied(reason: String, message: String)
        case invalid(reason: String, message: String)

        /// The conditions as external approvers and issuers may have written them.
        package init(_ status: CertificateRequest.Status?) {
            let conditions = status?.conditions ?? []
            let ready = conditions[type: Condition.Kind.ready]
            func words(_ condition: Condition?, _ reason: String) -> (String, String) {
                (condition?.reason.nonEmpty ?? reason, condition?.message ?? "")
            }
            if let denied = conditions[type: Condition.Kind.denied], denied.status == .yes {
                let words = words(denied, "Denied")
                self = .denied(reason: words.0, message: words.1)
            } else if let invalid = conditions[type: Condition.Kind.invalidRequest], invalid.status == .yes {
                let words = words(invalid, "InvalidRequest")
                self = .invalid(reason: words.0, message: words.1)
            } else if ready?.reason == "Issued" || ready?.status == .yes {
                self = .issued
            } else if ready?.reason == "Failed" || status?.failureTime != nil {
                // An issuer that sets failureTime alone has failed as well.
                let words = words(ready, "Failed")
                self = .failed(reason: words.0, message: words.1)
            } else if conditions.isTrue(Condition.Kind.approved) {
                self = .pending(reason: ready?.reason)
            } else {
                self = .undecided
            }
        }

        package var isFinal: Bool {
            switch self {
            case .undecided, .pending: false
            case .issued, .failed, .denied, .invalid: true
            }
        }
    }

    package init(_ request: CertificateRequest) {
        let annotations = request.metadata.annotations ?? [:]
        metadata = request.metadata
        metadata.labels = nil
        metadata.annotations = nil
        issuerRef = request.spec.issuerRef
        state = State(request.status)
        failureTime = request.status?.failureTime
        revision = annotations[Names.Annotation.certificateRevision].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
        certificateName = annotations[Names.Annotation.certificateName]
        shape = RequestShape(request.spec)
        // A request that was denied, or failed, and has no failure time yet gets one from us.
        let isAnswered = state == .issued || (state.isFinal && failureTime != nil)
        open = isAnswered ? nil : Box(request)
    }

    package init(from decoder: any Decoder) throws {
        self.init(try CertificateRequest(from: decoder))
    }

    /// Facts are never written to the cluster.
    package func encode(to encoder: any Encoder) throws {
        throw EncodingError.invalidValue(
            self,
            .init(codingPath: [], debugDescription: "facts about a CertificateRequest are not a CertificateRequest"))
    }

    /// The UID of the Certificate that controls it.
    package var certificateUID: String? {
        metadata.ownerReferences?.first { $0.controller == true && $0.kind == "Certificate" }?.uid
    }
}

/// A value behind a reference, so that whoever holds many of its holders pays a word for its absence.
package final class Box<Value: Sendable & Hashable>: Sendable, Hashable {
    package let value: Value

    package init(_ value: Value) {
        self.value = value
    }

    package static func == (left: Box, right: Box) -> Bool { left.value == right.value }
    package func hash(into hasher: inout Hasher) { hasher.combine(value) }
}

/// What a CertificateRequest asks for, in the parts that a Certificate's spec is compared with.
package struct RequestShape: Sendable, Hashable {
    /// Nil when the signing request cannot be read.
    package let names: NamePrints?
    package let publicKey: Print?
    package let isCA: Bool
    package let usages: Print
    package let duration: GoDuration?
    package let issuer: Print
    package let nameConstraints: Print
    package let signatureAlgorithm: SignatureAlgorithm?
    /// Whether the signing request itself tells the usages.
    package let encodesUsages: Bool

    package init(_ spec: CertificateRequest.Spec) {
        // An unreadable request fails at its issuer; here it only cannot be compared.
        let request = try? SigningRequestContent(pem: spec.request.bytes)
        names = request.map { NamePrints(subject: $0.subject, names: $0.extensions.names) }
        publicKey = request.map { Print($0.publicKey.spki) }
        isCA = spec.isCA ?? false
        let known = try? Usages(spec.usages ?? [], isCA: spec.isCA ?? false, at: .spec["usages"])
        usages = known.map { Print(uses: $0.keyUsage, $0.extendedKeyUsage) } ?? Print(setOf: spec.usages ?? [])
        duration = spec.duration.nonEmpty.flatMap { GoDuration($0) }
        issuer = Print(spec.issuerRef.normalized)
        let extensions = request?.extensions ?? CertificateExtensions()
        nameConstraints = Print(constraints: extensions.nameConstraints)
        signatureAlgorithm = request?.signatureAlgorithm
        encodesUsages = !extensions.keyUsage.isEmpty || !extensions.extendedKeyUsage.isEmpty
    }

    /// What the spec would ask for, without a key.
    package init(_ desired: DesiredCertificate, issuerRef: IssuerReference) {
        names = NamePrints(subject: desired.subject, names: desired.names)
        publicKey = nil
        isCA = desired.isCA
        usages = Print(uses: desired.usages.keyUsage, desired.usages.extendedKeyUsage)
        duration = desired.duration
        issuer = Print(issuerRef.normalized)
        nameConstraints = Print(constraints: desired.nameConstraints)
        signatureAlgorithm = desired.signatureAlgorithm ?? .preferred(for: desired.keyAlgorithm)
        encodesUsages = desired.encodesUsages
    }

    /// The one field that says how to ask, not what for.
    static let encodingField = "spec.encodeUsagesInRequest"

    /// The fields of a Certificate's spec that differ from this request; the key is no field.
    package func differences(from wanted: RequestShape) -> [String] {
        var fields: [String] = []
        if let names, let other = wanted.names {
            if names.subject != other.subject { fields.append("spec.subject") }
            if names.dnsNames != other.dnsNames { fields.append("spec.dnsNames") }
            if names.ipAddresses != other.ipAddresses { fields.append("spec.ipAddresses") }
            if names.uris != other.uris { fields.append("spec.uris") }
            if names.emailAddresses != other.emailAddresses { fields.append("spec.emailAddresses") }
            if names.otherNames != other.otherNames { fields.append("spec.otherNames") }
            if nameConstraints != wanted.nameConstraints { fields.append("spec.nameConstraints") }
            if signatureAlgorithm != wanted.signatureAlgorithm { fields.append("spec.signatureAlgorithm") }
            if encodesUsages != wanted.encodesUsages { fields.append(Self.encodingField) }
        }
        if isCA != wanted.isCA { fields.append("spec.isCA") }
        if usages != wanted.usages { fields.append("spec.usages") }
        if let duration, let other = wanted.duration, duration != other { fields.append("spec.duration") }
        if issuer != wanted.issuer { fields.append("spec.issuerRef") }
        return fields
    }
}

extension Print {
    /// Of name constraints as sets: their order means nothing.
    fileprivate init(constraints: NameConstraints?) {
        self.init(
            constraints.map { constraints in
                [constraints.permitted, constraints.excluded].map { subtrees in
                    [
                        Print(Set(subtrees.dnsDomains)), Print(Set(subtrees.emailAddresses)),
                        Print(Set(subtrees.uriDomains)), Print(Set(subtrees.ipRanges)), Print(Set(subtrees.others)),
                    ]
                } + [[Print(constraints.isCritical)]]
            })
    }
}
