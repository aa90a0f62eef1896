import PKI
package import Wire

/// Proof that a new ACME account belongs to an account a person already has with the CA (RFC 8555 §7.3.4).
package struct ExternalAccountBinding: Sendable {
    package enum Algorithm: String, Sendable, Hashable {
        case hs256 = "HS256"
        case hs384 = "HS384"
        case hs512 = "HS512"
    }

    package let keyID: String
    package let algorithm: Algorithm
    private let key: Redacted<[UInt8]>

    package init(keyID: String, key: Redacted<[UInt8]>, algorithm: Algorithm = .hs256) {
        self.keyID = keyID
        self.key = key
        self.algorithm = algorithm
    }

    /// Reads the key as CAs hand it out: base64url with or without padding, or plain base64; white space around it is
    /// how text files end, and is not part of it.
    package init(keyID: String, encodedKey: [UInt8], algorithm: Algorithm = .hs256) throws(ACMEError) {
        let id = keyID.trimmingWhitespace()
        guard !id.isEmpty else { throw .configuration("the external account binding has an empty keyID") }
        let text = String(decoding: encodedKey, as: UTF8.self).trimmingWhitespace()
        let bytes =
            Base64.decodeURL(text, padding: .forbidden) ?? Base64.decodeURL(text, padding: .allowed)
            ?? Base64.decode(text)
        guard let bytes, !bytes.isEmpty else {
            throw .configuration("the key of the external account binding is not base64url text")
        }
        self.init(keyID: id, key: Redacted(bytes), algorithm: algorithm)
    }

    /// The `externalAccountBinding` member: a JWS without nonce over the account's public key.
    func json(for account: PublicKey, newAccountURL: String) throws(ACMEError) -> JSONValue {
        let header: JSONObject = [
            "alg": .string(algorithm.rawValue), "kid": .string(keyID), "url": .string(newAccountURL),
        ]
        do {
            let members = try JWS.authenticated(
                header: header, payload: account.jwk.serialized(), by: algorithm.hmac, key: key.reveal())
            return .object(members)
        } catch {
            throw .key(error)
        }
    }
}

extension ExternalAccountBinding.Algorithm {
    fileprivate var hmac: HMAC {
        switch self {
        case .hs256: .sha256
        case .hs384: .sha384
        case .hs512: .sha512
        }
    }
}

extension String {
    func trimmingWhitespace() -> String {
        let kept = drop { $0.isWhitespace }
        return String(kept.reversed().drop { $0.isWhitespace }.reversed())
    }
}
