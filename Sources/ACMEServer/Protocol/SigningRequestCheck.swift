package import ACME
import HTTPTypes
package import PKI
import Wire

/// What a signing request must be to be passed on (RFC 8555 §7.4): issuers take names and subject from it as they are.
package enum SigningRequestCheck {
    private static let defaultUsages: [(name: String, bit: KeyUsage)] = [
        ("digital signature", .digitalSignature), ("key encipherment", .keyEncipherment),
    ]
    /// That and no more may be asked for: none of it lets the holder act for somebody else.
    private static let allowedUsages: [(name: String, bit: KeyUsage)] =
        defaultUsages + [("key agreement", .keyAgreement)]
    private static let allowedPurposes: [(name: String, purpose: ExtendedKeyUsage)] = [
        ("server auth", .serverAuth), ("client auth", .clientAuth),
    ]

    /// The usages that the CertificateRequest names.
    package static func usages(
        of request: SigningRequest, for identifiers: [ACMEIdentifier], accountKey: PublicKey
    ) throws(ServerProblem) -> [String] {
        guard request.publicKey != accountKey else {
            throw bad("The key of the signing request is that of the account (RFC 8555 section 11.1): make another.")
        }
        try checkKey(request.publicKey)
        try checkNames(request, identifiers)
        return try usages(request.extensions)
    }

    private static func bad(_ detail: String) -> ServerProblem { ServerProblem(.badCSR, .badRequest, detail) }

    private static func checkKey(_ key: PublicKey) throws(ServerProblem) {
        guard case .rsa(let bits) = key.algorithm else { return }
        guard (2048...8192).contains(bits) else { throw bad("RSA keys must have 2048 to 8192 bits.") }
    }

    private static func checkNames(
        _ request: SigningRequest, _ identifiers: [ACMEIdentifier]
    ) throws(ServerProblem) {
        var asked: Set<ACMEIdentifier> = []
        for name in request.extensions.names {
            switch name {
            case .dns(let text):
                guard let identifier = try? ACMEIdentifier(dns: text) else {
                    throw bad("The signing request names what is no DNS name.")
                }
                asked.insert(identifier)
            case .ip(let address): asked.insert(.ip(address))
            case .uri, .email, .other, .unknown:
                throw bad("The signing request asks for a name that is neither a DNS name nor an address.")
            }
        }
        for attribute in request.subject.attributes where attribute.oid != commonName {
            throw bad("The subject of the signing request may hold a common name and nothing else.")
        }
        if request.subject.attributes.count > 1 { throw bad("The subject has more than one common name.") }
        if let text = request.subject.commonName, !text.isEmpty {
            guard let name = identifier(text) else {
                throw bad("The common name is neither a DNS name nor an address.")
            }
            // RFC 8555 §7.4 counts the common name among the names; issuers here take only the others for names.
            guard asked.contains(name) else {
                throw bad("The common name must be among the alternative names of the signing request, too.")
            }
        }
        guard asked == Set(identifiers) else {
            throw bad("The names of the signing request are not exactly those of the order.")
        }
    }

    private static func identifier(_ text: String) -> ACMEIdentifier? {
        if let address = IPAddress(text) { return .ip(address) }
        return try? ACMEIdentifier(dns: text)
    }

    private static let commonName = OID("2.5.4.3")

    private static func usages(_ extensions: CertificateExtensions) throws(ServerProblem) -> [String] {
        if extensions.isCA { throw bad("The signing request asks for a CA certificate.") }
        if extensions.nameConstraints != nil { throw bad("The signing request asks for name constraints.") }
        var names: [String] = []
        var rest = extensions.keyUsage
        if rest.isEmpty { names = defaultUsages.map(\.name) }
        for (name, bit) in allowedUsages where rest.contains(bit) {
            names.append(name)
            rest.remove(bit)
        }
        guard rest.isEmpty else { throw bad("The signing request asks for key usages that servers do not need.") }
        var purposes = Set(extensions.extendedKeyUsage)
        if purposes.isEmpty { names.append("server auth") }
        for (name, purpose) in allowedPurposes where purposes.contains(purpose) {
            names.append(name)
            purposes.remove(purpose)
        }
        guard purposes.isEmpty else { throw bad("The signing request asks for purposes other than TLS.") }
        return names
    }
}
