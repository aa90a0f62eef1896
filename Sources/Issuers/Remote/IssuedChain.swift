import CertificateAPI
import PKI
import Wire

/// What an issuer elsewhere has sent back as a certificate, and why it is not taken for one.
struct WrongCertificate: Error, CustomStringConvertible {
    let description: String
}

extension IssuanceRequest {
    /// A certificate that came from elsewhere, checked before it is handed on: it must be for this request's key, be valid
    /// now, and hold the names asked for; and its chain must hold together as far as it goes.
    ///
    /// - Parameter isLifetimeFree: whether the issuer was not told how long the certificate should be valid.
    func issued(
        _ certificates: [X509Certificate], now: Timestamp, isLifetimeFree: Bool = false
    ) throws(WrongCertificate) -> IssuedCertificate {
        do {
            let chain = try Chain.order(certificates)
            let leaf = chain.leaf
            guard leaf.publicKey == request.publicKey else {
                throw WrongCertificate(description: "The certificate that came back is for another key")
            }
            guard now < leaf.notAfter else {
                throw WrongCertificate(
                    description: "The certificate that came back ran out at \(leaf.notAfter.rfc3339)")
            }
            let missing = Set(request.extensions.names.map(\.comparable))
                .subtracting(leaf.extensions.names.map(\.comparable))
            guard missing.isEmpty else {
                let list = missing.map(\.spoken).sorted().joined(separator: ", ")
                throw WrongCertificate(
                    description: "The certificate that came back lacks names that were asked for: \(list)")
            }
            // A CA whose clock is ahead issues what is valid in a moment only: the chain is judged then.
            let time = max(now, leaf.notBefore)
            let verified = try chain.verified(against: [chain.rootMost ?? leaf], at: time)
            let wanted = now + lifetime
            // Minutes more or less are how CAs count, not a bound of theirs.
            let isShorter = !isLifetimeFree && wanted - leaf.notAfter > .seconds(600)
            return IssuedCertificate(
                chain: verified, ca: chain.rootMost,
                notes: isShorter ? [.shortened(notAfter: leaf.notAfter, wanted: wanted)] : [])
        } catch let error as WrongCertificate {
            throw error
        } catch {
            throw WrongCertificate(description: "The certificates that came back cannot be used: \(error)")
        }
    }
}

extension GeneralName {
    /// DNS names are the same in either case, and CAs write them in the one they like.
    fileprivate var comparable: GeneralName {
        if case .dns(let text) = self { .dns(text.lowercased()) } else { self }
    }

    /// For messages.
    fileprivate var spoken: String {
        switch self {
        case .dns(let text), .uri(let text), .email(let text): text
        case .ip(let address): address.text
        case .other(let oid, _): "otherName \(oid)"
        case .unknown(let tag, _): "a name of kind \(tag)"
        }
    }
}
