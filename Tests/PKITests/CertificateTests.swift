import PKI
import TestSupport
import Testing
import Wire

@Suite("Requests and certificates")
struct CertificateTests {
    @Test("a request keeps every extension and openssl accepts it (O11)", arguments: Samples.algorithms)
    func request(algorithm: KeyAlgorithm) async throws {
        let key = try await PrivateKey.generate(algorithm)
        let extensions = try Samples.everyExtension()
        let subject = try Samples.fullSubject()
        let made = try await SigningRequest.make(subject: subject, extensions: extensions, key: key)
        let read = try SigningRequest(pem: Array(made.pem.utf8))
        #expect(read == made)
        #expect(read.extensions == extensions)
        #expect(read.subject.fields == subject.fields)
        #expect(read.subject.commonName == "example.com")
        let tool = try await OpenSSLTool.run(["req", "-verify", "-noout", "-text"], input: Array(made.pem.utf8))
        #expect(tool.succeeded)
        #expect(tool.output.contains("verify OK"))
        for line in [
            "DNS:example.com, DNS:*.xn--bcher-kva.example, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:1",
            "URI:spiffe://cluster.local/ns/a/sa/b, email:a@example.com", "CA:TRUE, pathlen:0",
            "Digital Signature, Key Encipherment, Decipher Only", "TLS Web Server Authentication",
            "Microsoft Server Gated Crypto", "Netscape Server Gated Crypto", "IPSec User", "1.2.3.4",
            "OCSP - URI:http://ocsp.example.com", "CA Issuers - URI:http://ca.example.com/ca.der",
            "URI:http://crl.example.com/a.crl", "IP:10.0.0.0/255.0.0.0",
        ] {
            #expect(tool.output.contains(line), "\(line)")
        }
    }

    @Test("a certificate keeps what its template said and openssl verifies it", arguments: Samples.algorithms)
    func selfSigned(algorithm: KeyAlgorithm) async throws {
        let key = try await PrivateKey.generate(algorithm)
        var template = try Samples.template("root", key.publicKey, isCA: true, days: 36_500)
        template.subject = try Samples.fullSubject()
        let certificate = try await template.signed(by: nil, key: key)
        #expect(try X509Certificate(pem: Array(certificate.pem.utf8)) == certificate)
        #expect(certificate.subject == template.subject)
        #expect(certificate.notBefore == Samples.noon)
        #expect(certificate.notAfter == template.notAfter)
        #expect(certificate.publicKey == key.publicKey)
        #expect(certificate.publicKey.algorithm == algorithm)
        #expect(certificate.extensions.subjectKeyId == key.publicKey.keyIdentifier)
        #expect(certificate.serial.count == 16)
        #expect(certificate.isSelfSigned)
        let fingerprint = try await OpenSSLTool.run(
            ["x509", "-noout", "-fingerprint", "-sha256"], input: Array(certificate.pem.utf8))
        let hex = Hex.encode(certificate.fingerprintSHA256).uppercased()
        #expect(fingerprint.output.filter { $0 != ":" }.contains(hex))
        let pem = Array(certificate.pem.utf8)
        let verified = try await OpenSSLTool.run(
            ["verify", "-x509_strict", "-attime", "1790000001", "-CAfile", "@ca", "@ca"], files: ["ca": pem])
        #expect(verified.succeeded, "\(verified.output)")
    }

    @Test("names in a certificate with an empty subject are critical")
    func criticalNames() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var template = try Samples.template("a", key.publicKey)
        template.subject = .empty
        let certificate = try await template.signed(by: nil, key: key)
        #expect(certificate.subject.isEmpty)
        let tool = try await OpenSSLTool.run(["x509", "-noout", "-text"], input: Array(certificate.pem.utf8))
        #expect(tool.output.contains("Subject Alternative Name: critical"))
    }

    @Test("times before 1950, up to 2049, after it and the last second of 9999 agree with openssl")
    func times() async throws {
        let key = try await PrivateKey.generate(.ed25519)
        for (from, to, expected) in [
            (Int64(-631_152_001), Int64(2_524_607_999), "notAfter=Dec 31 23:59:59 2049 GMT"),
            (-631_152_000, 2_524_608_000, "notBefore=Jan  1 00:00:00 1950 GMT"),
            (951_782_400, 253_402_300_799, "notBefore=Feb 29 00:00:00 2000 GMT\nnotAfter=Dec 31 23:59:59 9999 GMT"),
        ] {
            var template = try Samples.template("a", key.publicKey)
            template.notBefore = Timestamp(secondsSince1970: from)
            template.notAfter = Timestamp(secondsSince1970: to)
            let certificate = try await template.signed(by: nil, key: key)
            #expect(certificate.notBefore.secondsSince1970 == from)
            #expect(certificate.notAfter.secondsSince1970 == to)
            let tool = try await OpenSSLTool.run(["x509", "-noout", "-dates"], input: Array(certificate.pem.utf8))
            #expect(tool.output.contains(expected), "\(tool.output)")
        }
    }

    @Test("a validity that ends after 9999 or before it begins is refused")
    func impossibleTimes() async throws {
        let key = try await PrivateKey.generate(.ed25519)
        for days in [-1, 3_000_000] {
            let template = try Samples.template("a", key.publicKey, days: days)
            await #expect(throws: PKIError.self) { try await template.signed(by: nil, key: key) }
        }
    }

    @Test("the key that signs must be the key of the issuer")
    func wrongKey() async throws {
        let root = try await Samples.signed("root")
        let other = try await PrivateKey.generate(.ecdsa(.p256))
        let template = try Samples.template("a", other.publicKey)
        await #expect(throws: PKIError.mismatch("the private key is not the key of the issuing certificate")) {
            try await template.signed(by: root.certificate, key: other)
        }
    }

    @Test("an RSA CA signs with the digest its size asks for", arguments: [(2048, "sha256"), (3072, "sha384")])
    func digestFollowsSize(bits: Int, digest: String) async throws {
        let root = try await Samples.signed("root", .rsa(bits: bits))
        let tool = try await OpenSSLTool.run(["x509", "-noout", "-text"], input: Array(root.certificate.pem.utf8))
        #expect(tool.output.contains("\(digest)WithRSAEncryption"))
        #expect(SignatureAlgorithm.preferred(for: .rsa(bits: 4096)) == .sha512WithRSA)
    }

    @Test("a name no certificate can carry is refused", arguments: ["", "a b", "bücher.example", "a\0b", "a\nb"])
    func badNames(name: String) async throws {
        let key = try await PrivateKey.generate(.ed25519)
        for kind in [GeneralName.dns(name), .uri(name), .email(name), .other(oid: "BAD_OID", utf8: "a")] {
            let extensions = Samples.names([kind])
            await #expect(throws: PKIError.self) {
                try await SigningRequest.make(subject: .empty, extensions: extensions, key: key)
            }
        }
    }

    @Test("a hundred names in one request")
    func manyNames() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var extensions = CertificateExtensions()
        extensions.names = (0..<100).map { .dns("name-\($0).example.com") }
        let request = try await SigningRequest.make(subject: .empty, extensions: extensions, key: key)
        #expect(try SigningRequest(der: request.der).extensions.dnsNames.count == 100)
    }

    @Test("a request whose signature was made by another key is refused")
    func forgedRequest() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let other = try await PrivateKey.generate(.ecdsa(.p256))
        var der = try await SigningRequest.make(subject: .empty, extensions: .init(), key: key).der
        let range = try #require(der.firstRange(of: key.publicKey.spki))
        der.replaceSubrange(range, with: other.publicKey.spki)
        #expect(throws: PKIError.invalidSignature(what: "the certificate request")) { try SigningRequest(der: der) }
    }
}
