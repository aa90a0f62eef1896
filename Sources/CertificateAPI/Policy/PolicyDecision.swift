import KubeModel
package import PKI
package import Wire

/// What a request asks for, in the parts that policies look at.
package struct PolicySubject: Sendable, Hashable {
    package var namespace: String
    package var issuer: IssuerReference
    package var subject: DistinguishedName
    package var names: [GeneralName]
    package var usages: Usages
    package var isCA: Bool
    /// Nil where the issuer may choose.
    package var duration: GoDuration?
    package var key: KeyAlgorithm

    /// Nil for a request that cannot be read: no issuer signs it either.
    package init?(_ spec: CertificateRequest.Spec, namespace: String) {
        guard let request = try? SigningRequestContent(pem: spec.request.bytes),
            let usages = try? Usages(spec.usages ?? [], isCA: spec.isCA ?? false, at: FieldPath.spec["usages"])
        else { return nil }
        self.namespace = namespace
        issuer = spec.issuerRef
        subject = request.subject
        names = request.extensions.names
        self.usages = usages
        isCA = spec.isCA ?? false
        duration = spec.duration.nonEmpty.flatMap { GoDuration($0) }
        key = request.publicKey.algorithm
    }

    /// For a Certificate that has no request yet.
    package init(_ desired: DesiredCertificate, issuer: IssuerReference, namespace: String) {
        self.namespace = namespace
        self.issuer = issuer
        subject = desired.subject
        names = desired.names
        usages = desired.usages
        isCA = desired.isCA
        duration = desired.duration
        key = desired.keyAlgorithm
    }
}

package enum PolicyVerdict: Sendable, Hashable {
    /// No policy selects the request.
    case ungoverned
    /// By the policy of that name.
    case allowed(by: String)
    /// What each policy that selects the request has against it, by the name of the policy.
    case denied([String: [String]])
    /// The signing request cannot be read. What another program would read there nobody knows.
    case unreadable

    /// For a denial: a sentence for each policy.
    package var sentence: String? {
        if self == .unreadable {
            return "The signing request cannot be read, so that no CertificatePolicy can allow it"
        }
        guard case .denied(let reasons) = self else { return nil }
        return reasons.sorted { $0.key < $1.key }
            .map { "CertificatePolicy \($0.key) does not allow \($0.value.joined(separator: ", "))" }
            .joined(separator: "; ")
    }
}

/// Judges requests by policies: pure, so that what it says of a Certificate in advance is what comes of it.
package enum PolicyDecision {
    package static func judge(_ subject: PolicySubject, by policies: [CertificatePolicy]) -> PolicyVerdict {
        var reasons: [String: [String]] = [:]
        for policy in policies.sorted(by: { $0.metadata.name < $1.metadata.name }) where policy.selects(subject) {
            let objections = policy.objections(to: subject)
            if objections.isEmpty { return .allowed(by: policy.metadata.name) }
            reasons[policy.metadata.name] = objections
        }
        return reasons.isEmpty ? .ungoverned : .denied(reasons)
    }
}

extension CertificatePolicy {
    fileprivate func selects(_ subject: PolicySubject) -> Bool {
        let namespaces = spec.selector?.namespaces ?? []
        let issuers = spec.selector?.issuers ?? []
        func fits(_ pattern: String?, _ text: String) -> Bool {
            pattern.nonEmpty.map { PolicyPattern($0, separator: nil).matches(text) } ?? true
        }
        let isNamespace = namespaces.isEmpty || namespaces.contains { fits($0, subject.namespace) }
        let reference = subject.issuer
        return isNamespace
            && (issuers.isEmpty
                || issuers.contains { issuer in
                    fits(issuer.name, reference.name) && fits(issuer.kind, reference.effectiveKind)
                        && fits(issuer.group, reference.effectiveGroup)
                })
    }

    /// What the policy has against it, each as the end of a sentence "does not allow …".
    fileprivate func objections(to subject: PolicySubject) -> [String] {
        if let problem = problems().first { return ["anything, because it cannot be read: \(problem)"] }
        let allowed = spec.allowed ?? .init()
        return allowed.objections(toSubject: subject.subject) + allowed.objections(toNames: subject)
            + allowed.objections(toOthers: subject)
    }
}

extension CertificatePolicy.Allowed {
    fileprivate func objections(toSubject name: DistinguishedName) -> [String] {
        var objections: [String] = []
        let (fields, common) = (name.fields, name.commonName.nonEmpty)
        if let common, !Self.fits(common.lowercased(), commonNames, .dot) {
            objections.append("the common name \"\(common)\"")
        }
        for text in fields.organizations where !Self.fits(text, organizations, nil) {
            objections.append("the organization \"\(text)\"")
        }
        for text in fields.organizationalUnits where !Self.fits(text, organizationalUnits, nil) {
            objections.append("the organizational unit \"\(text)\"")
        }
        let judged = (common == nil ? 0 : 1) + fields.organizations.count + fields.organizationalUnits.count
        if name.attributes.count > judged, otherSubjectAttributes != true {
            objections.append("what else the subject has")
        }
        return objections
    }

    fileprivate func objections(toNames subject: PolicySubject) -> [String] {
        var objections: [String] = []
        for name in subject.names where !allows(name) {
            switch name {
            case .dns(let text): objections.append("the DNS name \(text)")
            case .ip(let address): objections.append("the IP address \(address)")
            case .uri(let text): objections.append("the URI \(text)")
            case .email(let text): objections.append("the email address \(text)")
            case .other(let oid, _): objections.append("an otherName of type \(oid), as no policy can")
            case .unknown: objections.append("a name of an unknown kind, as no policy can")
            }
        }
        return objections
    }

    private func allows(_ name: GeneralName) -> Bool {
        switch name {
        case .dns(let text): Self.fits(text.lowercased(), dnsNames, .dot)
        case .uri(let text): Self.fits(text, uris, .slash)
        case .email(let text): Self.fits(text.lowercased(), emailAddresses, .at)
        case .ip(let address):
            (ipAddresses ?? []).contains { text in
                if let range = IPRange(text) { return range.contains(address) }
                return IPAddress(text) == address
            }
        case .other, .unknown: false
        }
    }

    private static func fits(_ text: String, _ patterns: [String]?, _ separator: PolicyPattern.Separator?) -> Bool {
        (patterns ?? []).contains { pattern in
            // DNS names and email addresses are the same in either case.
            let pattern = separator == .dot || separator == .at ? pattern.lowercased() : pattern
            return PolicyPattern(pattern, separator: separator).matches(text)
        }
    }

    fileprivate func objections(toOthers subject: PolicySubject) -> [String] {
        var objections: [String] = []
        if subject.isCA, isCA != true { objections.append("a CA") }
        // Nothing thrown here: `problems` has been asked.
        if let usages, let allowed = try? Usages(usages, isCA: isCA ?? false, at: FieldPath.spec["allowed"]["usages"]) {
            let extra = subject.usages.extendedKeyUsage.filter { !allowed.extendedKeyUsage.contains($0) }
            if !subject.usages.keyUsage.isSubset(of: allowed.keyUsage) || !extra.isEmpty {
                objections.append("the usages asked for; it has \(usages.joined(separator: ", "))")
            }
        }
        // Without a duration the issuer gives its own, which is what is not bounded then.
        let duration = subject.duration ?? Durations.defaultLifetime
        if let text = minDuration.nonEmpty, let bound = GoDuration(text), duration < bound {
            objections.append("a duration of \(duration), below \(text)")
        }
        if let text = maxDuration.nonEmpty, let bound = GoDuration(text), bound < duration {
            objections.append("a duration of \(duration), above \(text)")
        }
        if let privateKeys, !privateKeys.contains(where: { $0.fits(subject.key) }) {
            objections.append("a private key of \(subject.key)")
        }
        return objections
    }
}

extension CertificatePolicy.Key {
    fileprivate func fits(_ key: KeyAlgorithm) -> Bool {
        switch key {
        case .rsa(let bits): algorithm == "RSA" && isInBounds(bits)
        case .ecdsa(let curve): algorithm == "ECDSA" && isInBounds(curve.bits)
        case .ed25519: algorithm == "Ed25519"
        }
    }

    private func isInBounds(_ bits: Int) -> Bool { (minSize ?? 0) <= bits && bits <= (maxSize ?? .max) }
}
