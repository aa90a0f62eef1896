import PKI
import Wire

/// Signed request bodies: JWS in flattened JSON serialization (RFC 7515 §7.2.2) as RFC 8555 §6.2 narrows it.
enum JWS {
    /// How the protected header names the signer; exactly one of the two is ever sent.
    enum Signer: Sendable {
        /// The whole public key: for a new account.
        case jwk
        /// The account URL, byte for byte as the server gave it.
        case kid(String)
    }

    /// The body of a POST. An empty payload is POST-as-GET (RFC 8555 §6.3). Only what is sent inside another one, by a
    /// key that is to become the account's, has no nonce (RFC 8555 §7.3.5).
    static func body(
        payload: [UInt8], url: String, nonce: String?, signer: Signer, key: PrivateKey
    ) async throws(ACMEError) -> [UInt8] {
        var header: JSONObject = ["alg": .string(key.jwsAlgorithm)]
        switch signer {
        case .jwk: header["jwk"] = key.publicKey.jwk
        case .kid(let account): header["kid"] = .string(account)
        }
        if let nonce { header["nonce"] = .string(nonce) }
        header["url"] = .string(url)
        let input = signingInput(header: header, payload: payload)
        do {
            let signature = try await key.signJWS(Array("\(input.header).\(input.payload)".utf8))
            return JSONValue.object(flattened(input, signature: signature)).serialized()
        } catch {
            throw .key(error)
        }
    }

    /// The members of a flattened JWS whose signature is an HMAC: only the binding to an external account has one.
    static func authenticated(
        header: JSONObject, payload: [UInt8], by mac: HMAC, key: [UInt8]
    ) throws(PKIError) -> JSONObject {
        let input = signingInput(header: header, payload: payload)
        let signature = try mac.authenticate(Array("\(input.header).\(input.payload)".utf8), key: key)
        return flattened(input, signature: signature)
    }

    private static func signingInput(header: JSONObject, payload: [UInt8]) -> (header: String, payload: String) {
        (Base64.encodeURL(JSONValue.object(header).serialized()), Base64.encodeURL(payload))
    }

    private static func flattened(_ input: (header: String, payload: String), signature: [UInt8]) -> JSONObject {
        [
            "protected": .string(input.header), "payload": .string(input.payload),
            "signature": .string(Base64.encodeURL(signature)),
        ]
    }
}
