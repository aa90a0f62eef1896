package import KubeModel
package import PKI
package import Wire

/// A CA's certificate with its chain, and its key, as read from a Secret and found fit to sign.
package struct CAKeyPair: Sendable {
    /// The CA's own certificate first.
    package let chain: VerifiedChain
    package let key: PrivateKey

    package var certificate: X509Certificate { chain.chain.leaf }
    /// The certificate nearest to the root, the CA's own if there is no other.
    package var rootMost: X509Certificate { chain.chain.rootMost ?? certificate }

    /// The earliest end of all certificates above a leaf: nothing this CA signs is valid longer.
    package var notAfter: Timestamp {
        (chain.chain.certificates + [rootMost]).map(\.notAfter).min() ?? certificate.notAfter
    }

    /// Reads `tls.crt`, `tls.key` and, if there, `ca.crt`, which may add what is missing above `tls.crt`.
    package init(_ secret: Secret, limits: PEMLimits = .default, at now: Timestamp) throws(CAProblem) {
        let name = secret.key
        key = try CAKeyPair.parse(secret, "tls.key") { (pem) throws(PKIError) in
            try PrivateKey(pem: pem, limit: limits.privateKey)
        }
        let chain = try CAKeyPair.chain(secret, limits)
        let certificate = chain.leaf
        guard certificate.publicKey == key.publicKey else { throw .keyMismatch(name) }
        guard certificate.canSignCertificates else { throw .notCA(name, "\(certificate.subject)") }
        for certificate in chain.certificates + (chain.root.map { [$0] } ?? []) {
            let subject = "\(certificate.subject)"
            if now > certificate.notAfter { throw .expired(name, subject, certificate.notAfter) }
            if now < certificate.notBefore { throw .notYetValid(name, subject, certificate.notBefore) }
        }
        do {
            self.chain = try chain.verified(against: [chain.rootMost ?? certificate], at: now)
        } catch {
            throw .unusable(name, "tls.crt", error)
        }
    }

    private static func chain(_ secret: Secret, _ limits: PEMLimits) throws(CAProblem) -> Chain {
        var chain = try parse(secret, "tls.crt") { (pem) throws(PKIError) in
            try Chain.order(Chain.parse(pem: pem, limits: limits))
        }
        guard let pem = secret["ca.crt"], !pem.isEmpty else { return chain }
        var candidates = try parse(secret, "ca.crt") { (pem) throws(PKIError) in
            var limits = limits
            limits.chain = limits.bundle
            return try Chain.parse(pem: pem, limits: limits)
        }
        // The bundle may hold roots of others as well; only those that signed what we have are of use.
        while chain.root == nil, let end = chain.certificates.last,
            let index = candidates.firstIndex(where: { end.isSigned(by: $0) && $0 != end })
        {
            let next = candidates.remove(at: index)
            guard let longer = try? Chain.order(chain.certificates + [next]) else { break }  // keeps the chain we have
            chain = longer
        }
        return chain
    }

    private static func parse<T>(
        _ secret: Secret, _ dataKey: String, _ read: ([UInt8]) throws(PKIError) -> T
    ) throws(CAProblem) -> T {
        guard let pem = secret[dataKey], !pem.isEmpty else { throw .missing(secret.key, dataKey) }
        do {
            return try read(pem)
        } catch {
            throw .unusable(secret.key, dataKey, error)
        }
    }
}

/// Why the Secret of a CA issuer cannot be signed with.
package enum CAProblem: Error, Sendable, Hashable, CustomStringConvertible {
    case secretMissing(ObjectKey)
    case missing(ObjectKey, String)
    case unusable(ObjectKey, String, PKIError)
    case keyMismatch(ObjectKey)
    case notCA(ObjectKey, String)
    case expired(ObjectKey, String, Timestamp)
    case notYetValid(ObjectKey, String, Timestamp)

    /// For the issuer's Ready condition.
    package var issuerReason: String {
        switch self {
        case .secretMissing, .missing, .unusable: "ErrGetKeyPair"
        case .keyMismatch, .notCA, .expired, .notYetValid: "ErrInvalidKeyPair"
        }
    }

    /// For the event on a request that waits.
    package var requestReason: String {
        if case .secretMissing = self { "SecretMissing" } else { "SecretInvalidData" }
    }

    /// When the problem goes away without anybody's doing.
    package var endsAt: Timestamp? {
        if case .notYetValid(_, _, let time) = self { time } else { nil }
    }

    package var description: String {
        switch self {
        case .secretMissing(let secret): "Secret \(secret) does not exist; create it, or the Certificate that fills it"
        case .missing(let secret, let key): "Secret \(secret) has no data under \(key)"
        case .unusable(let secret, let key, let error): "\(key) in Secret \(secret) cannot be used: \(error)"
        case .keyMismatch(let secret): "tls.key in Secret \(secret) is not the key of the certificate in tls.crt"
        case .notCA(let secret, let subject):
            "The certificate \"\(subject)\" in Secret \(secret) is not a CA: it may not sign certificates"
        case .expired(let secret, let subject, let time):
            "The certificate \"\(subject)\" in Secret \(secret) expired at \(time.rfc3339)"
        case .notYetValid(let secret, let subject, let time):
            "The certificate \"\(subject)\" in Secret \(secret) is valid only from \(time.rfc3339), which is yet to come by "
                + "the controller's clock; where that time has passed, the clock is wrong"
        }
    }
}
