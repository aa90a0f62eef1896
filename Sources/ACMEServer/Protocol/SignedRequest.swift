import ACME
import HTTPTypes
package import PKI
package import Wire

/// How much of a request is read. Anybody can send one, so everything has a bound.
package struct RequestLimits: Sendable, Hashable {
    package var bodyBytes = 64 << 10
    package var headerBytes = 8 << 10
    /// Of the request, its header and its payload each.
    package var jsonDepth = 6
    package var identifiers = 100
    package var contacts = 10

    package init() {}
}

/// A JWS in flattened JSON serialization (RFC 7515 §7.2.2), read and not yet believed.
package struct SignedObject: Sendable {
    package let header: JSONObject
    package let payload: [UInt8]
    let signature: [UInt8]
    /// What the signature is over.
    let input: [UInt8]
    let algorithm: String
    package let url: String

    package init(_ body: [UInt8], limits: RequestLimits) throws(ServerProblem) {
        guard body.count <= limits.bodyBytes else {
            throw ServerProblem(.malformed, .contentTooLarge, "The request is longer than \(limits.bodyBytes) bytes.")
        }
        try self.init(try Self.json(body, "The request", limits), limits: limits)
    }

    package init(_ json: JSONValue, limits: RequestLimits) throws(ServerProblem) {
        guard let object = json.objectValue else { throw .malformed("The request is not a JSON object.") }
        // RFC 8555 §6.2: one signature, nothing unprotected.
        guard object["signatures"] == nil, object["header"] == nil else {
            throw .malformed("The request has more than one signature, or a header that is not protected.")
        }
        guard let protected = object["protected"]?.stringValue, let payload = object["payload"]?.stringValue,
            let signature = object["signature"]?.stringValue.flatMap({ Base64.decodeURL($0) })
        else {
            throw .malformed("The request is no flattened JWS: it needs protected, payload and signature in base64url.")
        }
        guard protected.utf8.count <= limits.headerBytes * 4 / 3 + 4,
            let headerBytes = Base64.decodeURL(protected), let payloadBytes = Base64.decodeURL(payload)
        else { throw .malformed("The protected header or the payload is not base64url, or too long.") }
        guard let header = try Self.json(headerBytes, "The protected header", limits).objectValue else {
            throw .malformed("The protected header is not a JSON object.")
        }
        guard header["crit"] == nil, header["b64"] == nil else {
            throw .malformed("The protected header asks for an extension of JWS that ACME does not have.")
        }
        guard let algorithm = header["alg"]?.stringValue else { throw .malformed("The protected header names no alg.") }
        guard let url = header["url"]?.stringValue else { throw .malformed("The protected header names no url.") }
        self.header = header
        self.payload = payloadBytes
        self.signature = signature
        self.algorithm = algorithm
        self.url = url
        input = Array("\(protected).\(payload)".utf8)
    }

    static func json(_ bytes: [UInt8], _ what: String, _ limits: RequestLimits) throws(ServerProblem) -> JSONValue {
        do throws(JSONError) {
            return try JSONValue(
                parsing: bytes, limits: JSONLimits(bytes: limits.bodyBytes, depth: limits.jsonDepth))
        } catch {
            throw .malformed("\(what) cannot be read: \(error).")
        }
    }

    /// The key that the header carries whole.
    func carriedKey() throws(ServerProblem) -> PublicKey? {
        guard let jwk = header["jwk"] else { return nil }
        return try AccountKey.read(jwk)
    }

    /// Checks the signature with a key that is the signer's.
    package func check(signedBy key: PublicKey) throws(ServerProblem) {
        guard AccountKey.algorithms.contains(algorithm) else {
            throw Self.algorithmRefused("The algorithm \(algorithm.prefix(20)) is not taken for signatures.")
        }
        guard algorithm == AccountKey.algorithm(of: key) else {
            throw Self.algorithmRefused("The algorithm is not that of the key.")
        }
        guard key.isValidJWSSignature(signature, of: input) else {
            throw .malformed("The signature of the request is not that of its key.")
        }
    }

    /// Checks the MAC of an external account binding (RFC 8555 §7.3.4). Takes as long for a wrong MAC as for a right one.
    func isAuthenticated(with key: [UInt8]) -> Bool {
        guard let mac = Self.macs[algorithm], let expected = try? mac.authenticate(input, key: key) else {
            return false  // an OpenSSL without the digest authenticates nothing
        }
        return constantTimeEqual(expected, signature)
    }

    static let macs: [String: HMAC] = ["HS256": .sha256, "HS384": .sha384, "HS512": .sha512]

    private static func algorithmRefused(_ detail: String) -> ServerProblem {
        var problem = ServerProblem(.badSignatureAlgorithm, .badRequest, detail)
        problem.algorithms = AccountKey.algorithms
        return problem
    }
}

/// A signed request as RFC 8555 §6.2 narrows it: exactly one way of naming the signer, and a nonce.
package struct SignedRequest: Sendable {
    package enum Signer: Sendable, Hashable {
        /// With its key: for new accounts, and for revocations by the key of a certificate.
        case key(PublicKey)
        /// By its URL.
        case account(String)
    }

    package let object: SignedObject
    package let signer: Signer
    package let nonce: String

    package var payload: [UInt8] { object.payload }
    /// Whether it is POST-as-GET (RFC 8555 §6.3).
    package var isRead: Bool { payload.isEmpty }

    package init(_ body: [UInt8], limits: RequestLimits = RequestLimits()) throws(ServerProblem) {
        let object = try SignedObject(body, limits: limits)
        let key = try object.carriedKey()
        switch (key, object.header["kid"]?.stringValue) {
        case (let key?, nil): signer = .key(key)
        case (nil, let kid?): signer = .account(kid)
        default: throw .malformed("The protected header must have exactly one of jwk and kid.")
        }
        guard let nonce = object.header["nonce"]?.stringValue, nonce.utf8.count <= 128 else {
            throw ServerProblem(.badNonce, .badRequest, "The protected header has no nonce.")
        }
        self.object = object
        self.nonce = nonce
    }

    /// The payload of a request that is no read.
    package func members(_ limits: RequestLimits = RequestLimits()) throws(ServerProblem) -> JSONObject {
        guard let members = try SignedObject.json(payload, "The payload", limits).objectValue else {
            throw .malformed("The payload is not a JSON object.")
        }
        return members
    }
}

/// Which keys accounts may have.
package enum AccountKey {
    /// In the order of preference that a refusal tells.
    package static let algorithms = ["ES256", "ES384", "ES512", "EdDSA", "RS256"]

    /// A public key from its JWK: RSA of 2048 to 4096 bits, P-256, P-384, P-521 or Ed25519.
    package static func read(_ jwk: JSONValue) throws(ServerProblem) -> PublicKey {
        func refused(_ detail: String) -> ServerProblem { ServerProblem(.badPublicKey, .badRequest, detail) }
        for secret in ["d", "p", "q", "dp", "dq", "qi", "k"] where jwk[secret] != nil {
            throw refused("The JWK holds a private key, which must never leave its owner: make another one.")
        }
        let key: PublicKey
        do throws(PKIError) {
            // Through the encoding once more: what cannot be written as a SubjectPublicKeyInfo is no key.
            key = try PublicKey(spki: try PublicKey(jwk: jwk).spki)
        } catch {
            throw refused("The key cannot be read: \(error).")
        }
        if case .rsa(let bits) = key.algorithm, !(2048...4096).contains(bits) {
            throw refused("RSA keys must have 2048 to 4096 bits.")
        }
        return key
    }

    static func algorithm(of key: PublicKey) -> String {
        switch key.algorithm {
        case .rsa: "RS256"
        case .ecdsa(.p256): "ES256"
        case .ecdsa(.p384): "ES384"
        case .ecdsa(.p521): "ES512"
        case .ed25519: "EdDSA"
        }
    }
}
