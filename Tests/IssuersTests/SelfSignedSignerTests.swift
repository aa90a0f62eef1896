import CertificateAPI
import Issuers
import KubeModel
import PKI
import TestSupport
import Testing
import Wire

@Suite("Self-signing")
struct SelfSignedSignerTests {
    private let now = SignerSamples.now

    @Test(
        "openssl verifies what was signed, whatever the key",
        arguments: [KeyAlgorithm.rsa(bits: 2048), .ecdsa(.p256), .ecdsa(.p521), .ed25519], [true, false])
    func issues(algorithm: KeyAlgorithm, isCA: Bool) async throws {
        let key = try await PrivateKey.generate(algorithm)
        var issuer = SelfSignedIssuer()
        issuer.crlDistributionPoints = ["http://crl.example.com"]
        let request = try IssuanceRequest(try await SignerSamples.spec(key, isCA: isCA))
        let issued = try await SelfSignedSigner.sign(request, with: key, issuer, now: now)
        #expect(issued.ca == issued.certificate)
        #expect(issued.certificatePEM == issued.caPEM)
        #expect(issued.notes.isEmpty)
        #expect(issued.certificate.extensions.isCA == isCA)
        #expect(issued.certificate.extensions.names == request.request.extensions.names)
        #expect(issued.certificate.extensions.crlDistributionPoints == ["http://crl.example.com"])
        #expect(issued.certificate.notAfter == now + .seconds(86_400 * 90))
        let verified = try await OpenSSLTool.run(
            ["verify", "-attime", "1790000001", "-CAfile", "@ca", "@ca"], files: ["ca": issued.certificatePEM])
        #expect(verified.succeeded, "\(verified.output)")
    }

    @Test("the signature is of the kind the signing request has")
    func signatureAlgorithm() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var spec = try await SignerSamples.spec(key)
        let signing = try await SigningRequest.make(
            subject: try DistinguishedName(commonName: "a"), extensions: .init(), key: key, algorithm: .ecdsaWithSHA512)
        spec.request = Base64Data(utf8: signing.pem)
        let issued = try await SelfSignedSigner.sign(
            try IssuanceRequest(spec), with: key, SelfSignedIssuer(), now: now)
        let shown = try await OpenSSLTool.run(["x509", "-noout", "-text"], input: issued.certificatePEM)
        #expect(shown.output.contains("Signature Algorithm: ecdsa-with-SHA512"), "\(shown.output)")
    }

    @Test("an empty subject is issued with a warning")
    func emptySubject() async throws {
        let key = try await PrivateKey.generate(.ed25519)
        let request = try IssuanceRequest(try await SignerSamples.spec(key, commonName: nil))
        let issued = try await SelfSignedSigner.sign(request, with: key, SelfSignedIssuer(), now: now)
        #expect(issued.notes == [.emptyIssuerName])
        #expect(issued.notes.first?.eventReason == "BadConfig")
    }

    @Test("a key that is not the request's fails")
    func otherKey() async throws {
        let key = try await PrivateKey.generate(.ed25519)
        let request = try IssuanceRequest(try await SignerSamples.spec(key))
        let other = try await PrivateKey.generate(.ed25519)
        let error = await #expect(throws: IssuanceError.self) {
            _ = try await SelfSignedSigner.sign(request, with: other, SelfSignedIssuer(), now: now)
        }
        #expect(error?.reason == "ErrorKeyMatch")
    }

    @Test("the key's Secret is named by an annotation and waited for until it is good")
    func keySecret() async throws {
        let key = try await PrivateKey.generate(.ed25519)
        var request = CertificateRequest(
            metadata: ObjectMeta(name: "r", namespace: "ns"), spec: try await SignerSamples.spec(key))
        #expect(throws: IssuanceError.self) { try SelfSignedSigner.keySecret(of: request) }
        request.metadata.annotations = ["cert-manager.io/private-key-secret-name": "key"]
        let name = try SelfSignedSigner.keySecret(of: request)
        #expect(name == ObjectKey(namespace: "ns", name: "key"))
        func reason(_ secret: Secret?) -> String? {
            do throws(IssuanceError) {
                _ = try SelfSignedSigner.key(name, in: secret)
                return nil
            } catch {
                if case .pending(let reason, _) = error { return reason }
                return "not pending"
            }
        }
        let metadata = ObjectMeta(name: "key", namespace: "ns")
        #expect(reason(nil) == "MissingSecret")
        #expect(reason(Secret(metadata: metadata)) == "ErrorParsingKey")
        #expect(reason(Secret(metadata: metadata, data: ["tls.key": Base64Data(utf8: "junk")])) == "ErrorParsingKey")
        #expect(reason(Secret(metadata: metadata, data: ["tls.key": Base64Data(try key.pem(.pkcs8))])) == nil)
    }
}
