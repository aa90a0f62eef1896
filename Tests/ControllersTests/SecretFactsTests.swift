import Controllers
import Issuers
import KubeModel
import PKI
import Testing
import Wire

@Suite("what is kept of Secrets")
struct SecretFactsTests {
    @Test("what is larger than the flags allow is not read, as a Certificate's Secret or as a CA's")
    func limits() async throws {
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
}
