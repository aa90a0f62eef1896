package import PKI
package import Wire

/// A chain as the server gave it: the certificate first, each next one certifying the one before.
package struct ACMECertificateChain: Sendable, Hashable {
    package let certificates: [X509Certificate]
    /// Whether it is the chain that was preferred, or nothing was.
    package let isPreferred: Bool

    package var leaf: X509Certificate { certificates[0] }  // never empty: see `init`

    /// Joined PEM, without the self-signed root that some servers add.
    package var pem: String {
        let top = certificates.last.map { certificates.count > 1 && $0.isSelfSigned } ?? false
        return certificates.dropLast(top ? 1 : 0).map(\.pem).joined()
    }

    /// Only certificates may be in the answer (RFC 8555 §11.4), and they must lead up from the first one.
    init(body: [UInt8], isPreferred: Bool) throws(ACMEError) {
        let blocks: [PEM.Block]
        do { blocks = try PEM.parse(body, limit: ACMEServer.bodyLimit) } catch {
            throw .malformed("the certificate chain cannot be read: \(error)")
        }
        guard !blocks.isEmpty, blocks.count <= 20 else {
            throw .malformed("the certificate chain has \(blocks.count) certificates")
        }
        if let foreign = blocks.first(where: { $0.label != "CERTIFICATE" }) {
            throw .malformed("the certificate chain holds “\(Problem.presentable(foreign.label))”")
        }
        do { certificates = try blocks.map { block throws(PKIError) in try X509Certificate(der: block.bytes) } } catch {
            throw .malformed("a certificate of the chain cannot be read: \(error)")
        }
        for (lower, upper) in zip(certificates, certificates.dropFirst()) where !lower.isSigned(by: upper) {
            throw .malformed("“\(lower.subject)” is not signed by “\(upper.subject)”, which follows it in the chain")
        }
        self.isPreferred = isPreferred
    }

    var byteCount: Int { certificates.reduce(0) { $0 + $1.der.count } }

    /// Whether the topmost certificate was issued by this common name; what `preferredChain` means.
    func leads(to commonName: String) -> Bool {
        certificates.last?.issuer.commonName == commonName
    }
}

extension ACMEClient {
    /// Downloads the certificate (RFC 8555 §7.4.2). When the default chain is not the preferred one the alternates are
    /// tried in the server's order; when none is, the default is the answer.
    package func certificate(
        _ url: String, preference: ChainPreference = .standard
    ) async throws(ACMEError) -> ACMECertificateChain {
        let (standard, alternates) = try await chain(url, isPreferred: true, as: .fetchCertificate)
        guard !preference.isMet(by: standard) else { return standard }
        var smallest = standard
        for alternate in alternates.prefix(10) where alternate != url {
            let (candidate, _) = try await chain(alternate, isPreferred: true, as: .listCertificateAlternates)
            if preference.isMet(by: candidate) { return candidate }
            if candidate.byteCount < smallest.byteCount { smallest = candidate }
        }
        return preference == .smallest ? smallest : standard.notPreferred
    }

    private func chain(
        _ url: String, isPreferred: Bool, as action: ACMEAction
    ) async throws(ACMEError) -> (ACMECertificateChain, alternates: [String]) {
        let answer = try await post([], to: url, as: action, accept: "application/pem-certificate-chain")
        return (try ACMECertificateChain(body: answer.body, isPreferred: isPreferred), answer.links("alternate"))
    }
}

extension ACMECertificateChain {
    /// Throws unless this is the certificate for that request: its key, exactly its names, and valid now.
    package func check(
        against request: SigningRequest, identifiers: Set<ACMEIdentifier>, now: Timestamp
    ) throws(ACMEError) {
        guard leaf.publicKey == request.publicKey else { throw .wrongCertificate("its key is not the request's") }
        let names = Set(leaf.extensions.names.compactMap(ACMEIdentifier.init))
        guard names == identifiers else {
            let listed = names.sorted().map(\.value).joined(separator: ", ")
            throw .wrongCertificate("its names are \(listed.isEmpty ? "none" : listed)")
        }
        guard leaf.notBefore < leaf.notAfter, now < leaf.notAfter else {
            throw .wrongCertificate("it ran out at \(leaf.notAfter.rfc3339)")
        }
    }

    fileprivate var notPreferred: Self { ACMECertificateChain(certificates: certificates, isPreferred: false) }

    private init(certificates: [X509Certificate], isPreferred: Bool) {
        self.certificates = certificates
        self.isPreferred = isPreferred
    }
}

extension ACMEIdentifier {
    /// The identifier a certificate's name answers to; a kind of name that no order has is none.
    package init?(_ name: GeneralName) {
        switch name {
        case .dns(let text): self = .dns((try? DNSIdentifier.normalised(text)) ?? text)
        case .ip(let address): self = .ip(address)
        case .uri(let text): self = .other(type: "uri", value: text)
        case .email(let text): self = .other(type: "email", value: text)
        case .other, .unknown: return nil
        }
    }
}
