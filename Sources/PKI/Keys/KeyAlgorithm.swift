import COpenSSL

/// The keys certificates are made with.
package enum KeyAlgorithm: Sendable, Hashable, CustomStringConvertible {
    case rsa(bits: Int)
    case ecdsa(Curve)
    case ed25519

    package enum Curve: Sendable, Hashable, CaseIterable {
        case p256, p384, p521
    }

    /// "RSA 2048", "ECDSA P-256", "Ed25519".
    package var description: String {
        switch self {
        case .rsa(let bits): "RSA \(bits)"
        case .ecdsa(let curve): "ECDSA \(curve.jwkName)"
        case .ed25519: "Ed25519"
        }
    }
}

extension KeyAlgorithm.Curve {
    package var bits: Int {
        switch self {
        case .p256: 256
        case .p384: 384
        case .p521: 521
        }
    }
    package init?(bits: Int) {
        guard let curve = Self.allCases.first(where: { $0.bits == bits }) else { return nil }
        self = curve
    }

    /// Octets of one coordinate or of the private number.
    var width: Int { (bits + 7) / 8 }
    var jwkName: String { "P-\(bits)" }
    var oid: OID {
        switch self {
        case .p256: .p256
        case .p384: .p384
        case .p521: .p521
        }
    }
    init?(oid: OID) {
        guard let curve = Self.allCases.first(where: { $0.oid == oid }) else { return nil }
        self = curve
    }
    var nid: Int32 {
        switch self {
        case .p256: NID_X9_62_prime256v1
        case .p384: NID_secp384r1
        case .p521: NID_secp521r1
        }
    }
    /// OpenSSL's name of the group.
    var groupName: StaticString {
        switch self {
        case .p256: "prime256v1"
        case .p384: "secp384r1"
        case .p521: "secp521r1"
        }
    }
}

/// How a certificate or request is signed.
package enum SignatureAlgorithm: Sendable, Hashable, CaseIterable {
    case sha256WithRSA, sha384WithRSA, sha512WithRSA
    case ecdsaWithSHA256, ecdsaWithSHA384, ecdsaWithSHA512
    case pureEd25519

    /// A digest that matches the strength of the key, as cert-manager chooses it.
    package static func preferred(for algorithm: KeyAlgorithm) -> SignatureAlgorithm {
        switch algorithm {
        case .rsa(let bits): bits >= 4096 ? .sha512WithRSA : bits >= 3072 ? .sha384WithRSA : .sha256WithRSA
        case .ecdsa(.p256): .ecdsaWithSHA256
        case .ecdsa(.p384): .ecdsaWithSHA384
        case .ecdsa(.p521): .ecdsaWithSHA512
        case .ed25519: .pureEd25519
        }
    }

    package func suits(_ key: KeyAlgorithm) -> Bool {
        switch (self, key) {
        case (.sha256WithRSA, .rsa), (.sha384WithRSA, .rsa), (.sha512WithRSA, .rsa): true
        case (.ecdsaWithSHA256, .ecdsa), (.ecdsaWithSHA384, .ecdsa), (.ecdsaWithSHA512, .ecdsa): true
        case (.pureEd25519, .ed25519): true
        default: false
        }
    }

    /// OpenSSL's name of the digest; Ed25519 has none of its own.
    var digestName: String? {
        switch self {
        case .sha256WithRSA, .ecdsaWithSHA256: "SHA256"
        case .sha384WithRSA, .ecdsaWithSHA384: "SHA384"
        case .sha512WithRSA, .ecdsaWithSHA512: "SHA512"
        case .pureEd25519: nil
        }
    }

    var oid: OID {
        switch self {
        case .sha256WithRSA: .sha256WithRSA
        case .sha384WithRSA: .sha384WithRSA
        case .sha512WithRSA: .sha512WithRSA
        case .ecdsaWithSHA256: .ecdsaWithSHA256
        case .ecdsaWithSHA384: .ecdsaWithSHA384
        case .ecdsaWithSHA512: .ecdsaWithSHA512
        case .pureEd25519: .ed25519
        }
    }

    /// The AlgorithmIdentifier: RSA carries NULL parameters (RFC 4055 §5), the others none.
    func write(to writer: inout DERWriter) {
        writer.constructed { writer in
            writer.oid(oid)
            if suits(.rsa(bits: 2048)) { writer.null() }
        }
    }

    /// Nil for algorithms this program does not verify, such as SHA-1 with RSA.
    init?(identifier: DERElement) throws(DERError) {
        var fields = identifier.children
        let oid = try fields.next(DERTag.oid, "the signature algorithm").oid()
        guard let algorithm = Self.allCases.first(where: { $0.oid == oid }) else { return nil }
        self = algorithm
    }
}
