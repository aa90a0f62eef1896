package import Wire

extension PublicKey {
    /// The key as a JSON Web Key with exactly the required members, in the order RFC 7638 §3.2 hashes them.
    package var jwk: JSONValue {
        var object = JSONObject()
        for (name, value) in jwkMembers { object[name] = .string(value) }
        return .object(object)
    }

    /// RFC 7638: SHA-256 of the canonical JWK, in base64url without padding.
    package var thumbprint: String {
        let members = jwkMembers.map { "\"\($0)\":\"\($1)\"" }.joined(separator: ",")
        return Base64.encodeURL(Digest.sha256(Array("{\(members)}".utf8)))
    }

    /// Every value is base64url or a curve's name, so none needs escaping.
    private var jwkMembers: [(String, String)] {
        guard let parts = try? PublicKeyParts(spki: spki) else { return [] }  // checked by init
        switch parts {
        case .rsa(let modulus, let exponent):
            return [("e", Base64.encodeURL(exponent)), ("kty", "RSA"), ("n", Base64.encodeURL(modulus))]
        case .ec(let curve, let point):
            let x = Array(point[1..<1 + curve.width])
            let y = Array(point[(1 + curve.width)...])
            return [
                ("crv", curve.jwkName), ("kty", "EC"), ("x", Base64.encodeURL(x)), ("y", Base64.encodeURL(y)),
            ]
        case .ed25519(let octets):
            return [("crv", "Ed25519"), ("kty", "OKP"), ("x", Base64.encodeURL(octets))]
        }
    }

    /// The key of a required-members JWK, as found in published vectors.
    package init(jwk: JSONValue) throws(PKIError) {
        func octets(_ name: String) throws(PKIError) -> [UInt8] {
            guard let octets = jwk[name]?.stringValue.flatMap({ Base64.decodeURL($0) }) else {
                throw .malformed(what: "the JWK", reason: "member \(name) is missing or not base64url")
            }
            return octets
        }
        do {
            switch jwk["kty"]?.stringValue {
            case "RSA":
                self.init(
                    try PublicKeyParts.checked(
                        modulus: Array(try octets("n").drop { $0 == 0 }), exponent: try octets("e")))
            case "EC":
                guard let curve = KeyAlgorithm.Curve.allCases.first(where: { $0.jwkName == jwk["crv"]?.stringValue })
                else { throw DERError("its curve is not supported") }
                let point = [4] + (try octets("x")) + (try octets("y"))
                self.init(.ec(curve, point: try PublicKeyParts.checked(point: point, on: curve)))
            case "OKP" where jwk["crv"]?.stringValue == "Ed25519":
                self.init(.ed25519(try octets("x")))
            default: throw DERError("its key type is not supported")
            }
        } catch let error as DERError {
            throw error.of("the JWK")
        } catch let error as PKIError {
            throw error
        } catch {
            throw .malformed(what: "the JWK", reason: "\(error)")
        }
    }
}

extension PrivateKey {
    /// The JWS "alg" of this key (RFC 7518 §3.1, RFC 8037 §3.1).
    package var jwsAlgorithm: String {
        switch algorithm {
        case .rsa: "RS256"
        case .ecdsa(.p256): "ES256"
        case .ecdsa(.p384): "ES384"
        case .ecdsa(.p521): "ES512"
        case .ed25519: "EdDSA"
        }
    }

    /// A signature as JWS wants it: for ECDSA both numbers in fixed width, one after the other (RFC 7518 §3.4).
    package func signJWS(_ data: [UInt8]) async throws(PKIError) -> [UInt8] {
        switch algorithm {
        case .rsa: return try await sign(data, .sha256WithRSA)
        case .ed25519: return try await sign(data, .pureEd25519)
        case .ecdsa(let curve):
            let signature = try await sign(data, .preferred(for: algorithm))
            do {
                return try ECDSASignature.fixedWidth(signature, width: curve.width)
            } catch {
                throw error.of("the signature just made")
            }
        }
    }
}

enum ECDSASignature {
    static func fixedWidth(_ der: [UInt8], width: Int) throws(DERError) -> [UInt8] {
        var numbers = try DERReader.single(der, DERTag.sequence, "the signature").children
        var output: [UInt8] = []
        for name in ["R", "S"] {
            let number = try numbers.next(DERTag.integer, name).unsignedInteger()
            guard number.count <= width else { throw DERError("\(name) is too large") }
            output += [UInt8](repeating: 0, count: width - number.count) + number
        }
        try numbers.finish("the signature")
        return output
    }

    /// Back to DER, for verifying. Nil unless both halves have the same length.
    static func der(fixedWidth octets: [UInt8]) -> [UInt8]? {
        guard octets.count % 2 == 0, !octets.isEmpty else { return nil }
        return DERWriter.sequence { writer in
            writer.integer(magnitude: Array(octets[..<(octets.count / 2)]))
            writer.integer(magnitude: Array(octets[(octets.count / 2)...]))
        }
    }
}

extension PublicKey {
    /// Whether `signature`, in JWS form, belongs to `data` and this key.
    package func isValidJWSSignature(_ signature: [UInt8], of data: [UInt8]) -> Bool {
        switch algorithm {
        case .rsa: return isValidSignature(signature, of: data, .sha256WithRSA)
        case .ed25519: return isValidSignature(signature, of: data, .pureEd25519)
        case .ecdsa(let curve):
            guard signature.count == 2 * curve.width, let der = ECDSASignature.der(fixedWidth: signature) else {
                return false
            }
            return isValidSignature(der, of: data, .preferred(for: algorithm))
        }
    }
}
