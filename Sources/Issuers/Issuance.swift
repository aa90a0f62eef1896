package import CertificateAPI
package import PKI
package import Wire

/// What a CertificateRequest asks for, checked: every issuer that signs by itself starts from this.
package struct IssuanceRequest: Sendable, Hashable {
    /// The signing request, whose own signature is good.
    package let request: SigningRequest
    package let usages: Usages
    package let isCA: Bool
    package let lifetime: Duration

    /// Throws a sentence for what no later attempt can change, since a CertificateRequest's spec never changes.
    package init(_ spec: CertificateRequest.Spec, limits: PEMLimits = .default) throws(MalformedRequest) {
        do {
            request = try SigningRequest(pem: spec.request.bytes, limit: limits.certificate)
            isCA = spec.isCA ?? false
            usages = try Usages(spec.usages ?? [], isCA: isCA, at: FieldPath.spec["usages"])
            let duration = try Durations.parse(spec.duration, at: FieldPath.spec["duration"])
            lifetime = (duration ?? Durations.defaultLifetime).duration
        } catch {
            throw MalformedRequest(sentence: "\(error)")
        }
        guard lifetime > .zero else {
            throw MalformedRequest(sentence: "spec.duration must be longer than zero, and is \(spec.duration ?? "")")
        }
        if let sentence = disagreement { throw MalformedRequest(sentence: sentence) }
    }

    /// What the signing request says of its uses need not be there; where it is, it must be what the spec says, since
    /// whoever approved the spec has not read the other.
    private var disagreement: String? {
        let asked = request.extensions
        let field: String
        if let constraints = asked.basicConstraints, constraints.isCA != isCA {
            field = "spec.isCA"
        } else if !asked.keyUsage.isEmpty, asked.keyUsage != usages.keyUsage {
            field = "spec.usages"
        } else if !asked.extendedKeyUsage.isEmpty, Set(asked.extendedKeyUsage) != Set(usages.extendedKeyUsage) {
            field = "spec.usages"
        } else {
            return nil
        }
        return "The certificate signing request asks for something else than \(field) says; make a new request in which"
            + " both agree, or leave the extension out of the signing request"
    }

    package struct MalformedRequest: Error, Sendable, Hashable, CustomStringConvertible {
        package let sentence: String
        package var description: String { sentence }
    }
}

/// A certificate that has been signed, and what a CertificateRequest's status says of it.
package struct IssuedCertificate: Sendable, Hashable {
    package let chain: VerifiedChain
    /// For `ca.crt`: the certificate nearest to the root that the issuer knows.
    package let ca: X509Certificate?
    package let notes: [IssuanceNote]

    package var certificate: X509Certificate { chain.chain.leaf }
    /// For `status.certificate`: the leaf, then its chain without the root.
    package var certificatePEM: [UInt8] { Array(chain.chain.pem.utf8) }
    /// For `status.ca`.
    package var caPEM: [UInt8]? { ca.map { Array($0.pem.utf8) } }
}

/// What the user should know about a certificate that was issued nonetheless.
package enum IssuanceNote: Sendable, Hashable {
    /// It ends with its CA, before the time that was asked for.
    case endsWithCA(notAfter: Timestamp, wanted: Timestamp)
    /// The issuer has its own bound, below what was asked for.
    case shortened(notAfter: Timestamp, wanted: Timestamp)
    /// A self-signed certificate without a subject has no issuer's name either.
    case emptyIssuerName
    /// The CA that signed has no name.
    case emptyCAName

    /// The reason of a Warning event; nil where the sentence belongs into the condition only.
    package var eventReason: String? {
        switch self {
        case .endsWithCA, .shortened: nil
        case .emptyIssuerName, .emptyCAName: "BadConfig"
        }
    }

    package var sentence: String {
        switch self {
        case .endsWithCA(let notAfter, let wanted):
            "The certificate ends at \(notAfter.rfc3339) with its CA, not at \(wanted.rfc3339) as asked for; "
                + "renew the CA to get longer ones"
        case .shortened(let notAfter, let wanted):
            "The certificate ends at \(notAfter.rfc3339), not at \(wanted.rfc3339) as asked for, because the issuer "
                + "allows no more; set spec.duration to what it gives"
        case .emptyIssuerName:
            "The certificate has an empty issuer name, which RFC 5280 forbids and strict clients refuse; "
                + "set spec.commonName or spec.subject on the Certificate"
        case .emptyCAName:
            "The certificate has an empty issuer name, which RFC 5280 forbids and strict clients refuse, because its CA has "
                + "no subject; give the CA one and renew it, by spec.commonName where it is a Certificate"
        }
    }
}

/// Why a request was not signed. `reason` is that of the event; the condition's reason is the case.
package enum IssuanceError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Something else has to change first, such as a Secret; the request waits for it.
    case pending(reason: String, message: String)
    /// This request will never be signed.
    case failed(reason: String, message: String)

    package var reason: String {
        switch self {
        case .pending(let reason, _), .failed(let reason, _): reason
        }
    }
    package var description: String {
        switch self {
        case .pending(_, let message), .failed(_, let message): message
        }
    }
}

/// Whether an issuer can sign, as its Ready condition tells it.
package struct IssuerReadiness: Sendable, Hashable {
    package let isReady: Bool
    package let reason: String
    package let message: String
    /// When the answer changes by itself; otherwise it holds until a spec or a Secret changes.
    package let lookAgain: Timestamp?

    package init(isReady: Bool, reason: String, message: String, lookAgain: Timestamp? = nil) {
        self.isReady = isReady
        self.reason = reason
        self.message = message
        self.lookAgain = lookAgain
    }
}

extension IssuanceRequest {
    /// The certificate to sign: subject, names and name constraints of the signing request, usages of the
    /// CertificateRequest. Other extensions of the signing request are left out: what a requester writes there
    /// would become the CA's word.
    func template(notBefore: Timestamp, notAfter: Timestamp, crlDistributionPoints: [String]?) -> CertificateTemplate {
        var extensions = CertificateExtensions()
        extensions.names = request.extensions.names
        extensions.keyUsage = usages.keyUsage
        extensions.extendedKeyUsage = usages.extendedKeyUsage
        let pathLength = isCA ? request.extensions.basicConstraints?.pathLength : nil
        extensions.basicConstraints = BasicConstraints(isCA: isCA, pathLength: pathLength)
        if isCA { extensions.nameConstraints = request.extensions.nameConstraints }
        extensions.crlDistributionPoints = crlDistributionPoints ?? []
        return CertificateTemplate(
            subject: request.subject, publicKey: request.publicKey, notBefore: notBefore, notAfter: notAfter,
            extensions: extensions)
    }
}
