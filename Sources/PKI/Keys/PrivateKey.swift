import COpenSSL
import Wire

/// How a private key is written: `pkcs1` is the traditional form of its kind (PKCS#1 for RSA, SEC1 for ECDSA).
/// Ed25519 has only PKCS#8.
package enum KeyEncoding: Sendable, Hashable {
    case pkcs1, pkcs8
}

/// A private key held by OpenSSL and cleansed when the last reference goes. It never prints.
package final class PrivateKey: Sendable, CustomStringConvertible {
    let handle: KeyHandle
    package let publicKey: PublicKey

    package var algorithm: KeyAlgorithm { publicKey.algorithm }
    package var description: String { "redacted \(algorithm) key" }

    init(handle: KeyHandle, publicKey: PublicKey) {
        self.handle = handle
        self.publicKey = publicKey
    }

    /// Makes a new key. RSA takes from 50 ms to many seconds and runs on PKI's own threads; the others take
    /// tens of microseconds and run in place.
    package static func generate(_ algorithm: KeyAlgorithm) async throws(PKIError) -> PrivateKey {
        switch algorithm {
        case .rsa(let bits):
            guard (2048...8192).contains(bits) else {
                throw .unsupported(what: "an RSA key of \(bits) bits", reason: "2048 to 8192 bits are")
            }
            return try await SlowWork.shared.run { () throws(PKIError) in try KeyGeneration.generate(algorithm) }
        case .ecdsa, .ed25519: return try KeyGeneration.generate(algorithm)
        }
    }

    /// Signs `data`; ECDSA signatures are DER. RSA runs on PKI's own threads, since 8192 bits take 20 ms and more.
    package func sign(_ data: [UInt8], _ algorithm: SignatureAlgorithm) async throws(PKIError) -> [UInt8] {
        guard algorithm.suits(self.algorithm) else {
            throw .mismatch("an \(self.algorithm) key cannot make signatures of kind \(algorithm)")
        }
        switch self.algorithm {
        case .rsa(let bits) where bits > 2048:
            return try await SlowWork.shared.run { () throws(PKIError) in try self.signNow(data, algorithm) }
        default: return try signNow(data, algorithm)
        }
    }

    private func signNow(_ data: [UInt8], _ algorithm: SignatureAlgorithm) throws(PKIError) -> [UInt8] {
        try openSSL("sign with an \(self.algorithm) key") { () throws(OpenSSLFailure) -> [UInt8] in
            let context = try DigestContext()
            try unsafe require(
                EVP_DigestSignInit_ex(context.pointer, nil, algorithm.digestName, nil, nil, handle.pointer, nil))
            var length = unsafe Int(EVP_PKEY_get_size(handle.pointer))
            var signature = [UInt8](repeating: 0, count: length)
            try unsafe require(EVP_DigestSign(context.pointer, &signature, &length, data, data.count))
            signature.removeLast(signature.count - length)
            return signature
        }
    }
}

enum KeyGeneration {
    static func generate(_ algorithm: KeyAlgorithm) throws(PKIError) -> PrivateKey {
        let handle = try openSSL("generate an \(algorithm) key") { () throws(OpenSSLFailure) -> KeyHandle in
            let context = try KeyContext(named: algorithm.openSSLName)
            try unsafe require(EVP_PKEY_keygen_init(context.pointer))
            switch algorithm {
            case .rsa(let bits): try unsafe require(EVP_PKEY_CTX_set_rsa_keygen_bits(context.pointer, Int32(bits)))
            case .ecdsa(let curve):
                try unsafe require(EVP_PKEY_CTX_set_group_name(context.pointer, curve.groupName.cString))
            case .ed25519: break
            }
            var key: OpaquePointer?
            try unsafe require(EVP_PKEY_generate(context.pointer, &key))
            return unsafe KeyHandle(adopting: try require(key))
        }
        return PrivateKey(handle: handle, publicKey: PublicKey(try handle.publicParts(algorithm)))
    }
}

extension KeyAlgorithm {
    var openSSLName: String {
        switch self {
        case .rsa: "RSA"
        case .ecdsa: "EC"
        case .ed25519: "ED25519"
        }
    }
}

extension KeyHandle {
    func publicParts(_ algorithm: KeyAlgorithm) throws(PKIError) -> PublicKeyParts {
        try openSSL("read back a key") { () throws(OpenSSLFailure) -> PublicKeyParts in
            switch algorithm {
            case .rsa: .rsa(modulus: try number("n"), exponent: try number("e"))
            case .ecdsa(let curve): .ec(curve, point: try octets("pub", count: 1 + 2 * curve.width))
            case .ed25519: .ed25519(try octets("pub", count: 32))
            }
        }
    }

    /// A number of the key, big-endian.
    func number(_ name: String, width: Int? = nil) throws(OpenSSLFailure) -> [UInt8] {
        var number: OpaquePointer?
        try unsafe require(EVP_PKEY_get_bn_param(pointer, name, &number))
        return try unsafe BigNumber(adopting: try require(number)).octets(width: width)
    }

    func octets(_ name: String, count: Int) throws(OpenSSLFailure) -> [UInt8] {
        var octets = [UInt8](repeating: 0, count: count)
        var written = 0
        try unsafe require(EVP_PKEY_get_octet_string_param(pointer, name, &octets, count, &written))
        guard written == count else { throw OpenSSLFailure(reason: "the \(name) part has \(written) octets") }
        return octets
    }
}
