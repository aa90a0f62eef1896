import COpenSSL

/// Unkeyed digests. SHA-1 is here for identifiers that are defined by it, never for signatures.
package enum Digest {
    package static func sha1(_ data: [UInt8]) -> [UInt8] { digest(data, "SHA1", 20) }
    package static func sha256(_ data: [UInt8]) -> [UInt8] { digest(data, "SHA256", 32) }
    package static func sha384(_ data: [UInt8]) -> [UInt8] { digest(data, "SHA384", 48) }
    package static func sha512(_ data: [UInt8]) -> [UInt8] { digest(data, "SHA512", 64) }

    private static func digest(_ data: [UInt8], _ name: String, _ size: Int) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: size)
        var written = 0
        let status = unsafe EVP_Q_digest(nil, name, nil, data, data.count, &output, &written)
        // OpenSSL's default provider always has these; a build without them cannot make certificates at all.
        precondition(status == 1 && written == size, "this OpenSSL has no \(name)")
        return output
    }
}

/// Keyed digests (RFC 2104) for TSIG, external account binding and request signing.
package enum HMAC: String, Sendable, Hashable, CaseIterable {
    case md5 = "MD5"
    case sha1 = "SHA1"
    case sha224 = "SHA224"
    case sha256 = "SHA256"
    case sha384 = "SHA384"
    case sha512 = "SHA512"

    package var byteCount: Int {
        switch self {
        case .md5: 16
        case .sha1: 20
        case .sha224: 28
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }

    /// Throws only where OpenSSL lacks the digest, as a FIPS build lacks MD5.
    package func authenticate(_ data: [UInt8], key: [UInt8]) throws(PKIError) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: byteCount)
        // An empty key is legal, but a null pointer would mean "no key yet".
        let keyOctets = key.isEmpty ? [0] : key
        try openSSL("authenticate with HMAC-\(rawValue)") { () throws(OpenSSLFailure) in
            var written = 0
            let mac = unsafe EVP_Q_mac(
                nil, "HMAC", nil, rawValue, nil, keyOctets, key.count, data, data.count, &output, output.count, &written
            )
            guard unsafe mac != nil, written == byteCount else { throw OpenSSLFailure() }
        }
        return output
    }
}
