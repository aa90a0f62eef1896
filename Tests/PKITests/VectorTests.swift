import PKI
import Testing
import Wire

@Suite("Published vectors")
struct VectorTests {
    @Test("RFC 7515 A.3: the signature verifies, and one of ours has its shape (J5)")
    func es256() async throws {
        let jwk: JSONValue = [
            "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        ]
        let input = Array(
            ("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"
                + "cnVlfQ").utf8)
        let signature = try #require(
            Base64.decodeURL("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"))
        let key = try PublicKey(jwk: jwk)
        #expect(key.isValidJWSSignature(signature, of: input))
        #expect(!key.isValidJWSSignature(signature.reversed(), of: input))
        #expect(key.jwk == jwk)
        #expect(key.jwk.objectValue?.keys == ["crv", "kty", "x", "y"])
    }

    @Test("RFC 7638 §3.1: the thumbprint of an RSA key (J12)")
    func thumbprint() throws {
        let jwk: JSONValue = [
            "e": "AQAB", "kty": "RSA",
            "n": .string(
                "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhM"
                    + "stn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6q"
                    + "MQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8a"
                    + "wapJzKnqDKgw"),
        ]
        let key = try PublicKey(jwk: jwk)
        #expect(key.thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
        #expect(key.jwk == jwk)
        #expect(key.algorithm == .rsa(bits: 2048))
    }

    @Test("RFC 8037 A: an Ed25519 key, its thumbprint and its only signature")
    func ed25519() async throws {
        let seed = try #require(Base64.decodeURL("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"))
        let prefix: [UInt8] = [0x30, 0x2E, 2, 1, 0, 0x30, 5, 6, 3, 0x2B, 0x65, 0x70, 4, 0x22, 4, 0x20]
        let key = try PrivateKey(der: prefix + seed)
        #expect(key.publicKey.jwk["x"]?.stringValue == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
        #expect(key.publicKey.thumbprint == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
        let signature = try await key.signJWS(Array("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc".utf8))
        #expect(
            Base64.encodeURL(signature)
                == "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")
        #expect(key.jwsAlgorithm == "EdDSA")
    }

    @Test("RFC 4231 and 2202: HMAC test cases 1 and 2", arguments: HMAC.allCases)
    func hmac(function: HMAC) throws {
        let expected: [HMAC: (String, String)] = [
            .md5: ("9294727a3638bb1c13f48ef8158bfc9d", "750c783e6ab0b503eaa86e310a5db738"),
            .sha1: ("b617318655057264e28bc0b6fb378c8ef146be00", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            .sha224: (
                "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22",
                "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44"
            ),
            .sha256: (
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
            ),
            .sha384: (
                "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"
            ),
            .sha512: (
                "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f170"
                    + "2e696c203a126854",
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b"
                    + "636e070a38bce737"
            ),
        ]
        let (first, second) = try #require(expected[function])
        let key = [UInt8](repeating: 0x0B, count: function == .md5 ? 16 : 20)
        #expect(try function.authenticate(Array("Hi There".utf8), key: key) == Hex.decode(first))
        #expect(
            try function.authenticate(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))
                == Hex.decode(second))
        #expect(try function.authenticate([], key: []).count == function.byteCount)
    }

    @Test("digests of \"abc\" (FIPS 180-4)")
    func digests() {
        let abc = Array("abc".utf8)
        #expect(Hex.encode(Digest.sha1(abc)) == "a9993e364706816aba3e25717850c26c9cd0d89d")
        #expect(
            Hex.encode(Digest.sha256(abc)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(Digest.sha384(abc).count == 48)
        #expect(Digest.sha512([]).count == 64)
    }

    @Test("P-256 coordinates and signature halves that begin with zeros keep their width (J5, J13)")
    func leadingZeros() async throws {
        var isXShort = false
        var isYShort = false
        for _ in 0..<4000 where !(isXShort && isYShort) {
            let key = try await PrivateKey.generate(.ecdsa(.p256))
            let x = try #require(Base64.decodeURL(key.publicKey.jwk["x"]?.stringValue ?? ""))
            let y = try #require(Base64.decodeURL(key.publicKey.jwk["y"]?.stringValue ?? ""))
            #expect(x.count == 32 && y.count == 32)
            guard x[0] == 0 || y[0] == 0 else { continue }
            isXShort = isXShort || x[0] == 0
            isYShort = isYShort || y[0] == 0
            #expect(try PublicKey(jwk: key.publicKey.jwk) == key.publicKey)
        }
        #expect(isXShort && isYShort)
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var isShort = false
        for counter in 0..<4000 where !isShort {
            let data = Array("\(counter)".utf8)
            let signature = try await key.signJWS(data)
            #expect(signature.count == 64)
            isShort = signature[0] == 0 || signature[32] == 0
            if isShort { #expect(key.publicKey.isValidJWSSignature(signature, of: data)) }
        }
        #expect(isShort)
    }

    @Test(
        "JWS signatures have fixed widths (J5, J7)", arguments: [(KeyAlgorithm.ecdsa(.p384), 96), (.ecdsa(.p521), 132)])
    func widths(algorithm: KeyAlgorithm, width: Int) async throws {
        let key = try await PrivateKey.generate(algorithm)
        let signature = try await key.signJWS([1])
        #expect(signature.count == width)
        #expect(key.publicKey.isValidJWSSignature(signature, of: [1]))
    }

    @Test("comparison in constant time compares")
    func comparison() {
        #expect(constantTimeEqual([], []))
        #expect(constantTimeEqual([1, 2], [1, 2]))
        #expect(!constantTimeEqual([1, 2], [1, 3]))
        #expect(!constantTimeEqual([1, 2], [1, 2, 3]))
        #expect(SecureRandom.bytes(32) != SecureRandom.bytes(32))
        #expect(SecureRandom.bytes(0).isEmpty)
    }
}
