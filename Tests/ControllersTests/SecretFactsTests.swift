import CertificateAPI
import Issuers
import KubeModel
import PKI
import Testing
import Wire

@testable import Controllers

@Suite("what is kept of Secrets")
struct SecretFactsTests {
    @Test("what is larger than the flags allow is not read, as a Certificate's Secret or as a CA's")
    func limits() async throws {
        let (secret, _, _) = try await Self.authority()
        let cases: [(limits: PEMLimits, key: Bool, leaf: Bool)] = [
            (.default, true, true), (PEMLimits(privateKey: 50), false, true), (PEMLimits(certificate: 50), true, false),
            (PEMLimits(chain: 50), true, false),
        ]
        for (limits, isKeyRead, isLeafRead) in cases {
            let facts = SecretFacts(secret, limits: limits)
            #expect((facts.privateKey.value != nil) == isKeyRead, "\(limits)")
            #expect((facts.leaf.value != nil) == isLeafRead, "\(limits)")
            let pair = try? CAKeyPair(secret, limits: limits, at: .now())
            #expect((pair != nil) == (isKeyRead && isLeafRead), "\(limits)")
        }
    }

    @Test("nor as the answer of an issuer, as a request, or as the key to sign with")
    func limitsElsewhere() async throws {
        let (secret, certificate, key) = try await Self.authority()
        let signing = try await SigningRequest.make(subject: .empty, extensions: CertificateExtensions(), key: key)
        let spec = CertificateRequest.Spec(
            request: Base64Data(utf8: signing.pem), issuerRef: IssuerReference(name: "ca"))
        let chain = Array(certificate.pem.utf8)
        func readings(_ limits: PEMLimits) -> [Bool] {
            [
                (try? IssuedLeaf.check(chain, for: key.publicKey, limits: limits, now: .now())) != nil,
                (try? SelfSignedSigner.key(secret.key, in: secret, limits: limits)) != nil,
                (try? IssuanceRequest(spec, limits: limits)) != nil,
            ]
        }
        #expect(readings(.default) == [true, true, true])
        #expect(readings(PEMLimits(certificate: 50)) == [false, true, false])
        #expect(readings(PEMLimits(privateKey: 50)) == [true, false, true])
        #expect(readings(PEMLimits(chain: 50)) == [false, true, true])
    }

    /// A CA in its Secret.
    private static func authority() async throws -> (Secret, X509Certificate, PrivateKey) {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var extensions = CertificateExtensions()
        extensions.basicConstraints = BasicConstraints(isCA: true)
        extensions.keyUsage = [.certSign]
        let template = CertificateTemplate(
            subject: try DistinguishedName(commonName: "ca"), publicKey: key.publicKey,
            notBefore: .now() - .seconds(60), notAfter: .now() + .seconds(3600), extensions: extensions)
        let certificate = try await template.signed(by: nil, key: key)
        let secret = Secret(
            metadata: ObjectMeta(name: "ca", namespace: "web"),
            data: ["tls.crt": Base64Data(utf8: certificate.pem), "tls.key": Base64Data(try key.pem(.pkcs8))])
        return (secret, certificate, key)
    }
}
