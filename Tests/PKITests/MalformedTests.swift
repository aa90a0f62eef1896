import PKI
import Testing
import Wire

/// Whatever the bytes: an error or a value, never a crash.
@Suite("Malformed input")
struct MalformedTests {
    /// Cut at every length, and every byte changed in several ways.
    private func damaged(_ bytes: [UInt8], _ check: ([UInt8], _ isCut: Bool) -> Void) {
        for length in bytes.indices { check(Array(bytes[..<length]), true) }
        for index in bytes.indices {
            for change in [UInt8(0x01), 0x80, 0xFF, bytes[index], bytes[index] ^ 0x84] {
                var copy = bytes
                copy[index] ^= change
                check(copy, false)
            }
        }
    }

    private func useEverything(_ certificate: X509Certificate) {
        _ = certificate.subject.description + certificate.issuer.description + certificate.notBefore.rfc3339
        _ = certificate.notAfter.rfc3339
        _ = certificate.extensions.names.count + certificate.serial.count + certificate.fingerprintSHA256.count
        _ = certificate.publicKey.thumbprint
        _ = certificate.isSelfSigned
        _ = certificate.extensions.extendedKeyUsage.map(\.oid.dotted)
    }

    @Test("a certificate damaged at any byte")
    func certificates() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var template = try Samples.template("a", key.publicKey)
        template.extensions = try Samples.everyExtension()
        template.subject = try Samples.fullSubject()
        let der = try await template.signed(by: nil, key: key).der
        damaged(der) { bytes, isCut in
            let certificate = try? X509Certificate(der: bytes)
            #expect(!isCut || certificate == nil)
            if let certificate { useEverything(certificate) }
            if let certificate, bytes != der { #expect(!certificate.isSelfSigned) }
        }
        #expect(throws: PKIError.self) { try X509Certificate(der: der + [0]) }
        #expect(throws: PKIError.tooLarge(what: "the certificate", bytes: der.count, limit: 100)) {
            try X509Certificate(der: der, limit: 100)
        }
    }

    @Test("a request damaged at any byte is never accepted")
    func requests() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let request = try await SigningRequest.make(
            subject: try Samples.fullSubject(), extensions: try Samples.everyExtension(), key: key)
        damaged(request.der) { bytes, _ in
            #expect(bytes == request.der || (try? SigningRequest(der: bytes)) == nil)
        }
        #expect(throws: PKIError.self) { try SigningRequest(der: request.der + [0]) }
    }

    @Test("a private key damaged at any byte", arguments: Samples.algorithms, [KeyEncoding.pkcs1, .pkcs8])
    func keys(algorithm: KeyAlgorithm, encoding: KeyEncoding) async throws {
        let key = try await PrivateKey.generate(algorithm)
        let der = try key.der(encoding)
        damaged(der) { bytes, isCut in
            let read = try? PrivateKey(der: bytes)
            #expect(!isCut || read == nil)
        }
        #expect(throws: PKIError.self) { try PrivateKey(der: der + [0]) }
    }

    @Test("a PEM text damaged at any byte")
    func pem() async throws {
        let key = try await PrivateKey.generate(.ed25519)
        let text = try key.pem(.pkcs8)
        damaged(text) { bytes, _ in _ = try? PrivateKey(pem: bytes) }
        let certificate = Array(try await Samples.signed("a").certificate.pem.utf8)
        damaged(certificate) { bytes, _ in _ = try? Chain.parse(pem: bytes) }
    }

    @Test("random bytes, lengths that lie and deep nesting")
    func noise() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0...200, using: &generator)).map { _ in UInt8.random(in: 0...255) }
            #expect((try? X509Certificate(der: [0x30, 0x82] + bytes)) == nil)
            #expect((try? SigningRequest(der: bytes)) == nil)
            #expect((try? PrivateKey(der: [0x30] + bytes)) == nil)
            #expect((try? PublicKey(spki: bytes)) == nil)
        }
        let nested = [UInt8](repeating: 0x30, count: 30_000)
        #expect((try? X509Certificate(der: nested)) == nil)
        for length: [UInt8] in [
            [0x80], [0x84, 0xFF, 0xFF, 0xFF, 0xFF], [0x88, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        ] {
            #expect((try? X509Certificate(der: [0x30] + length + [1, 2, 3])) == nil)
        }
    }
}
