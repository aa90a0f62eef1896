package import PKI

/// The uses of a certificate: `spec.usages` sorted into the two extensions that carry them.
package struct Usages: Sendable, Hashable {
    package let keyUsage: KeyUsage
    /// In the order the user wrote them.
    package let extendedKeyUsage: [ExtendedKeyUsage]

    /// What an empty list means.
    static let `default` = Usages(keyUsage: [.digitalSignature, .keyEncipherment], extendedKeyUsage: [])

    private init(keyUsage: KeyUsage, extendedKeyUsage: [ExtendedKeyUsage]) {
        self.keyUsage = keyUsage
        self.extendedKeyUsage = extendedKeyUsage
    }

    /// The usages named; an empty list means the default, and a CA may always sign certificates.
    package init(_ names: [String], isCA: Bool, at path: FieldPath) throws(FieldProblems) {
        var keyUsage = names.isEmpty ? Usages.default.keyUsage : []
        var extended: [ExtendedKeyUsage] = []
        var problems: [FieldProblem] = []
        for (index, name) in names.enumerated() {
            if let bit = Self.keyUsages[name] {
                keyUsage.insert(bit)
            } else if let usage = Self.extendedKeyUsages[name] {
                if !extended.contains(usage) { extended.append(usage) }
            } else {
                problems.append(.invalid(path[index], name, "unknown keyusage"))
            }
        }
        if isCA { keyUsage.insert(.certSign) }
        if let problems = FieldProblems(problems) { throw problems }
        self.init(keyUsage: keyUsage, extendedKeyUsage: extended)
    }

    static let keyUsages: [String: KeyUsage] = [
        "signing": .digitalSignature, "digital signature": .digitalSignature,
        "content commitment": .contentCommitment, "key encipherment": .keyEncipherment,
        "key agreement": .keyAgreement, "data encipherment": .dataEncipherment, "cert sign": .certSign,
        "crl sign": .crlSign, "encipher only": .encipherOnly, "decipher only": .decipherOnly,
    ]

    static let extendedKeyUsages: [String: ExtendedKeyUsage] = [
        "any": .any, "server auth": .serverAuth, "client auth": .clientAuth, "code signing": .codeSigning,
        "email protection": .emailProtection, "s/mime": .emailProtection, "ipsec end system": .ipsecEndSystem,
        "ipsec tunnel": .ipsecTunnel, "ipsec user": .ipsecUser, "timestamping": .timestamping,
        "ocsp signing": .ocspSigning, "microsoft sgc": .microsoftSGC, "netscape sgc": .netscapeSGC,
    ]

    /// All names the API knows.
    package static var allNames: [String] { keyUsages.keys.sorted() + extendedKeyUsages.keys.sorted() }
}
