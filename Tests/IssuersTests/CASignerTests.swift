import CertificateAPI
import Issuers
import KubeModel
import PKI
import TestSupport
import Testing
import Wire

@Suite("Signing with a CA")
struct CASignerTests {
    private let now = SignerSamples.now

    private func sign(
        _ spec: CertificateRequest.Spec, _ secret: Secret, _ issuer: CAIssuer = CAIssuer(secretName: "ca")
    ) async throws -> IssuedCertificate {
        try await CASigner.sign(
            try IssuanceRequest(spec), with: try CAKeyPair(secret, at: now), issuer, now: now)
    }

    @Test("openssl verifies the chain and shows what was asked for")
    func issues() async throws {
        let root = try await SignerSamples.authority("root")
        let lower = try await SignerSamples.authority("lower", by: root)
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var issuer = CAIssuer(secretName: "ca")
        issuer.crlDistributionPoints = ["http://crl.example.com"]
        issuer.ocspServers = ["http://ocsp.example.com"]
        issuer.issuingCertificateURLs = ["http://ca.example.com"]
        let spec = try await SignerSamples.spec(key, usages: ["digital signature", "server auth"], duration: "24h")
        let issued = try await sign(
            spec, try SignerSamples.secret([root.certificate, lower.certificate], lower.key), issuer)
        #expect(issued.notes.isEmpty)
        #expect(issued.certificate.notBefore == now)
        #expect(issued.certificate.notAfter == now + .seconds(86_400))
        #expect(issued.certificate.extensions.names.count == 5)
        #expect(try Chain.parse(pem: issued.certificatePEM) == [issued.certificate, lower.certificate])
        #expect(issued.ca == root.certificate)
        let verified = try await OpenSSLTool.run(
            ["verify", "-x509_strict", "-attime", "1790000001", "-CAfile", "@root", "-untrusted", "@chain", "@chain"],
            files: ["root": try #require(issued.caPEM), "chain": issued.certificatePEM])
        #expect(verified.succeeded, "\(verified.output)")
        let shown = try await OpenSSLTool.run(["x509", "-noout", "-text"], input: issued.certificatePEM).output
        for line in [
            "DNS:leaf.example.com, IP Address:192.0.2.1, URI:spiffe://a/b, email:a@example.com, othername:", "CA:FALSE",
            "TLS Web Server Authentication", "OCSP - URI:http://ocsp.example.com",
            "CA Issuers - URI:http://ca.example.com", "URI:http://crl.example.com", "Issuer: CN = lower",
            "Subject: CN = leaf", "ecdsa-with-SHA256",
        ] {
            #expect(shown.contains(line), "\(line)")
        }
    }

    @Test(
        "a CA without a name signs for a subject without a name, which openssl does not take for self-signed",
        arguments: [nil, 0])
    func nameless(pathLength: Int?) async throws {
        let root = try await SignerSamples.authority(nil) {
            $0.basicConstraints = BasicConstraints(isCA: true, pathLength: pathLength)
        }
        let spec = try await SignerSamples.spec(try await PrivateKey.generate(.ecdsa(.p256)), commonName: nil)
        let issued = try await sign(spec, try SignerSamples.secret([root.certificate], root.key))
        #expect(issued.notes == [.emptyCAName])
        #expect(issued.notes.first?.eventReason == "BadConfig")
        let verified = try await OpenSSLTool.run(
            ["verify", "-attime", "1790000001", "-CAfile", "@root", "@leaf"],
            files: ["root": try #require(issued.caPEM), "leaf": Array(issued.certificate.pem.utf8)])
        #expect(verified.succeeded, "\(verified.output)")
    }

    @Test("the default lifetime is 90 days, and none outlives its CA")
    func lifetime() async throws {
        let key = try await PrivateKey.generate(.ed25519)
        let long = try await SignerSamples.authority("long")
        let spec = try await SignerSamples.spec(key)
        let full = try await sign(spec, try SignerSamples.secret([long.certificate], long.key))
        #expect(full.certificate.notAfter == now + .seconds(86_400 * 90))
        // The root ends before the CA that signs.
        let root = try await SignerSamples.authority("root", days: 20)
        let lower = try await SignerSamples.authority("lower", by: root, days: 30)
        let cut = try await sign(
            spec, try SignerSamples.secret([lower.certificate], lower.key, ca: [root.certificate]))
        #expect(cut.certificate.notAfter == root.certificate.notAfter)
        let wanted = now + .seconds(86_400 * 90)
        #expect(cut.notes == [.endsWithCA(notAfter: root.certificate.notAfter, wanted: wanted)])
        #expect(cut.notes.first?.sentence.contains("renew the CA") == true)
    }

    @Test("ca.crt is the root-most certificate known, and strangers in it do no harm")
    func rootMost() async throws {
        let root = try await SignerSamples.authority("root")
        let lower = try await SignerSamples.authority("lower", by: root)
        let other = try await SignerSamples.authority("other")
        let key = try await PrivateKey.generate(.ed25519)
        let spec = try await SignerSamples.spec(key)
        let alone = try await sign(spec, try SignerSamples.secret([lower.certificate], lower.key))
        #expect(alone.ca == lower.certificate)
        #expect(try Chain.parse(pem: alone.certificatePEM) == [alone.certificate, lower.certificate])
        let bundled = try await sign(
            spec,
            try SignerSamples.secret([lower.certificate], lower.key, ca: [other.certificate, root.certificate]))
        #expect(bundled.ca == root.certificate)
        #expect(try Chain.parse(pem: bundled.certificatePEM) == [bundled.certificate, lower.certificate])
        let selfSigned = try await sign(spec, try SignerSamples.secret([root.certificate], root.key))
        #expect(selfSigned.ca == root.certificate)
        #expect(try Chain.parse(pem: selfSigned.certificatePEM) == [selfSigned.certificate])
    }

    @Test("a CA is issued with its path length and name constraints")
    func issuesCA() async throws {
        let root = try await SignerSamples.authority("root")
        let key = try await PrivateKey.generate(.ecdsa(.p384))
        var constraints = NameConstraints()
        constraints.isCritical = true
        constraints.permitted.dnsDomains = ["example.com"]
        let spec = try await SignerSamples.spec(key, isCA: true) { extensions in
            extensions.names = []
            extensions.basicConstraints = BasicConstraints(isCA: true, pathLength: 0)
            extensions.nameConstraints = constraints
            extensions.others = []
        }
        let lower = try await sign(spec, try SignerSamples.secret([root.certificate], root.key))
        let extensions = lower.certificate.extensions
        #expect(extensions.basicConstraints == BasicConstraints(isCA: true, pathLength: 0))
        #expect(extensions.nameConstraints == constraints)
        #expect(extensions.keyUsage == [.digitalSignature, .keyEncipherment, .certSign])
        #expect(extensions.subjectKeyId != nil)

        let secret = try SignerSamples.secret([lower.certificate], key, ca: [root.certificate])
        let leafKey = try await PrivateKey.generate(.ed25519)
        let inside = try await SignerSamples.spec(leafKey) { $0.names = [.dns("a.example.com")] }
        #expect(try await sign(inside, secret).ca == root.certificate)
        let outside = try await SignerSamples.spec(leafKey) { $0.names = [.dns("a.example.org")] }
        await expectFailure("permitted subtree violation") { try await self.sign(outside, secret) }
        let another = try await SignerSamples.spec(leafKey, isCA: true)
        await expectFailure("path length 0") { try await self.sign(another, secret) }
    }

    private func expectFailure(_ text: String, _ work: () async throws -> IssuedCertificate) async {
        let error = await #expect(throws: IssuanceError.self) { _ = try await work() }
        guard case .failed(let reason, let message) = error else {
            Issue.record("\(String(describing: error)) is no failure")
            return
        }
        #expect(reason == "SigningError")
        #expect(message.contains(text), "\(message)")
    }

    @Test("what is wrong with the Secret of a CA is named, for the issuer and for the request")
    func problems() async throws {
        let root = try await SignerSamples.authority("root")
        let leaf = try await SignerSamples.authority("leaf", by: root, isCA: false)
        let mute = try await SignerSamples.authority("mute") { $0.keyUsage = [.digitalSignature] }
        let old = try await SignerSamples.authority("old", days: 1, from: now - .seconds(86_401))
        let early = try await SignerSamples.authority("early", from: now + .seconds(1))
        let good = try SignerSamples.secret([root.certificate], root.key)
        func without(_ key: String) -> Secret {
            var secret = good
            secret.data?[key] = nil
            return secret
        }
        func with(_ key: String, _ text: String) -> Secret {
            var secret = good
            secret.data?[key] = Base64Data(utf8: text)
            return secret
        }
        let name = SignerSamples.name
        let cases: [(Secret?, String, String)] = [
            (nil, "ErrGetKeyPair", "Secret ns/ca does not exist"),
            (without("tls.key"), "ErrGetKeyPair", "no data under tls.key"),
            (without("tls.crt"), "ErrGetKeyPair", "no data under tls.crt"),
            (with("tls.crt", "junk"), "ErrGetKeyPair", "tls.crt in Secret ns/ca cannot be used"),
            (with("tls.key", "junk"), "ErrGetKeyPair", "tls.key in Secret ns/ca cannot be used"),
            (with("tls.key", String(repeating: "x", count: 1 << 20)), "ErrGetKeyPair", "too large"),
            (with("ca.crt", "junk"), "ErrGetKeyPair", "ca.crt in Secret ns/ca cannot be used"),
            (try SignerSamples.secret([root.certificate], leaf.key), "ErrInvalidKeyPair", "is not the key of"),
            (try SignerSamples.secret([leaf.certificate], leaf.key), "ErrInvalidKeyPair", "is not a CA"),
            (try SignerSamples.secret([mute.certificate], mute.key), "ErrInvalidKeyPair", "is not a CA"),
            (try SignerSamples.secret([old.certificate], old.key), "ErrInvalidKeyPair", "expired at 2026-"),
            (try SignerSamples.secret([early.certificate], early.key), "ErrInvalidKeyPair", "valid only from"),
        ]
        for (secret, reason, text) in cases {
            let result = Result { () throws(CAProblem) in try CAKeyPairs().keyPair(name, in: secret, at: now) }
            let readiness = CASigner.readiness(result)
            #expect(!readiness.isReady)
            #expect(readiness.reason == reason)
            #expect(readiness.message.contains(text), "\(readiness.message)")
            guard case .failure(let problem) = result else { continue }
            #expect(problem.whileSigning.reason == (secret == nil ? "SecretMissing" : "SecretInvalidData"))
        }
    }

    @Test("a good CA is ready until it ends, and is read once for each version of its Secret")
    func cached() async throws {
        let root = try await SignerSamples.authority("root")
        let next = try await SignerSamples.authority("root")
        let cache = CAKeyPairs()
        let first = try cache.keyPair(
            SignerSamples.name, in: try SignerSamples.secret([root.certificate], root.key), at: now)
        #expect(CASigner.readiness(.success(first)).isReady)
        #expect(CASigner.readiness(.success(first)).reason == "KeyPairVerified")
        #expect(CASigner.readiness(.success(first)).lookAgain == root.certificate.notAfter + .seconds(1))
        let replaced = try SignerSamples.secret([next.certificate], next.key)  // same version: not looked at
        #expect(try cache.keyPair(SignerSamples.name, in: replaced, at: now).key === first.key)
        let newer = try SignerSamples.secret([next.certificate], next.key, version: "2")
        #expect(try cache.keyPair(SignerSamples.name, in: newer, at: now).certificate == next.certificate)
        #expect(throws: CAProblem.self) {
            try cache.keyPair(SignerSamples.name, in: newer, at: next.certificate.notAfter + .seconds(1))
        }
    }

    @Test("a request that cannot be signed says why")
    func malformed() async throws {
        let key = try await PrivateKey.generate(.ed25519)
        let good = try await SignerSamples.spec(key)
        var junk = good
        junk.request = Base64Data(utf8: "junk")
        var usages = good
        usages.usages = ["fly"]
        var duration = good
        duration.duration = "soon"
        var never = good
        never.duration = "-1h"
        for (spec, text) in [
            (junk, "the certificate request is malformed"), (usages, "spec.usages[0]"), (duration, "spec.duration"),
            (never, "spec.duration"),
        ] {
            let error = #expect(throws: IssuanceRequest.MalformedRequest.self) { try IssuanceRequest(spec) }
            #expect(error?.sentence.contains(text) == true, "\(String(describing: error))")
        }
    }
}
