import CertificateAPI
import Issuers
import KubeModel
import PKI
import TestSupport
import Testing
import Wire

@Suite("What signers keep of a request")
struct FaithfulnessTests {
    private let now = SignerSamples.now
    private let subject = "CN=ca.example.com,OU=B+OU=A,O=Acme\\, Inc.,DC=corp,DC=example,UID=jsmith,1.2.3.4=x"

    /// A CA below a CA, asked for by a Certificate with everything.
    private func spec(_ key: PrivateKey) async throws -> CertificateRequest.Spec {
        var wanted = Certificate.Spec(secretName: "s", issuerRef: IssuerReference(name: "ca"))
        wanted.literalSubject = subject
        wanted.isCA = true
        wanted.otherNames = [.init(oid: "1.3.6.1.4.1.311.20.2.3", utf8Value: "üser@example.com")]
        wanted.emailAddresses = ["a@example.com"]
        wanted.usages = Usages.allNames
        wanted.privateKey = .init()
        wanted.privateKey?.algorithm = "ECDSA"
        var constraints = Certificate.NameConstraints()
        constraints.critical = true
        constraints.permitted = .init()
        constraints.permitted?.dnsDomains = ["example.com"]
        constraints.permitted?.ipRanges = ["10.0.0.0/8", "2001:db8::/32"]
        constraints.permitted?.emailAddresses = ["example.com"]
        constraints.permitted?.uriDomains = [".example.com"]
        constraints.excluded = .init()
        constraints.excluded?.dnsDomains = ["bad.example.com"]
        constraints.excluded?.ipRanges = ["10.1.0.0/16"]
        constraints.excluded?.emailAddresses = ["bad@example.com"]
        constraints.excluded?.uriDomains = ["bad.example.com"]
        wanted.nameConstraints = constraints
        let desired = try DesiredCertificate(wanted)
        let signing = try await SigningRequest.make(
            subject: desired.subject, extensions: desired.requestExtensions, key: key)
        var spec = CertificateRequest.Spec(request: Base64Data(utf8: signing.pem), issuerRef: wanted.issuerRef)
        spec.isCA = true
        spec.usages = wanted.usages
        return spec
    }

    private func check(_ certificate: [UInt8], of spec: CertificateRequest.Spec) async throws {
        let request = try SigningRequest(pem: spec.request.bytes)
        let leaf = try #require(try Chain.parse(pem: certificate).first)
        #expect(leaf.rawSubject == request.subject.rawDER)
        #expect(leaf.extensions.names == request.extensions.names)
        #expect(leaf.extensions.nameConstraints == request.extensions.nameConstraints)
        let shown = try await OpenSSLTool.run(
            ["x509", "-noout", "-text", "-nameopt", "RFC2253"], input: certificate
        ).output
        for line in [
            "Subject: CN=ca.example.com,OU=B+OU=A,O=Acme\\, Inc.,DC=corp,DC=example,UID=jsmith,1.2.3.4=#130178",
            "X509v3 Name Constraints: critical", "CA:TRUE",
            "Digital Signature, Non Repudiation, Key Encipherment, Data Encipherment, Key Agreement, Certificate Sign,"
                + " CRL Sign, Encipher Only, Decipher Only",
            "TLS Web Server Authentication", "TLS Web Client Authentication", "Code Signing", "E-mail Protection",
            "IPSec End System", "IPSec Tunnel", "IPSec User", "Time Stamping", "OCSP Signing",
            "Microsoft Server Gated Crypto", "Netscape Server Gated Crypto", "Any Extended Key Usage",
        ] {
            #expect(shown.contains(line), "\(line) in \(shown)")
        }
        let constraints = shown.split(separator: "\n").map { $0.drop { $0 == " " } }
        let start = try #require(constraints.firstIndex { $0.hasPrefix("X509v3 Name Constraints") })
        #expect(
            constraints[(start + 1)...].prefix(11).map(String.init) == [
                "Permitted:", "DNS:example.com", "email:example.com", "URI:.example.com", "IP:10.0.0.0/255.0.0.0",
                "IP:2001:DB8:0:0:0:0:0:0/FFFF:FFFF:0:0:0:0:0:0", "Excluded:", "DNS:bad.example.com",
                "email:bad@example.com", "URI:bad.example.com", "IP:10.1.0.0/255.255.0.0",
            ])
        // The order of the subject and the text of the other name as they stand in the DER.
        let parsed = try await OpenSSLTool.run(["asn1parse", "-i"], input: certificate).output
        let texts = parsed.split(separator: "\n").compactMap { line in
            line.firstRange(of: "STRING").flatMap { _ in line.split(separator: ":").last.map(String.init) }
        }
        let order = ["x", "jsmith", "example", "corp", "Acme, Inc.", "A", "B", "ca.example.com"]
        #expect(texts.indices.contains { texts[$0...].starts(with: order) }, "\(parsed)")
    }

    @Test("a CA keeps subject, other names, constraints and every usage")
    func ca() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let spec = try await spec(key)
        let root = try await SignerSamples.authority("root")
        let issued = try await CASigner.sign(
            try IssuanceRequest(spec),
            with: try CAKeyPair(try SignerSamples.secret([root.certificate], root.key), at: now),
            CAIssuer(secretName: "ca"), now: now)
        try await check(issued.certificatePEM, of: spec)
    }

    @Test("a self-signed certificate keeps them as well")
    func selfSigned() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let spec = try await spec(key)
        let issued = try await SelfSignedSigner.sign(
            try IssuanceRequest(spec), with: key, SelfSignedIssuer(), now: now)
        try await check(issued.certificatePEM, of: spec)
    }

    @Test("the constraints are obeyed: openssl refuses a name outside of them and takes one inside")
    func constraintsCount() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let issued = try await SelfSignedSigner.sign(
            try IssuanceRequest(try await spec(key)), with: key, SelfSignedIssuer(), now: now)
        for (name, isAllowed) in [("www.example.com", true), ("www.bad.example.com", false), ("example.org", false)] {
            let leafKey = try await PrivateKey.generate(.ecdsa(.p256))
            var extensions = CertificateExtensions()
            extensions.names = [.dns(name)]
            let leaf = try await CertificateTemplate(
                subject: .empty, publicKey: leafKey.publicKey, notBefore: now, notAfter: now + .seconds(3600),
                extensions: extensions
            ).signed(by: issued.certificate, key: key)
            let verified = try await OpenSSLTool.run(
                ["verify", "-attime", "1790000001", "-CAfile", "@ca", "@leaf"],
                files: ["ca": issued.certificatePEM, "leaf": Array(leaf.pem.utf8)])
            #expect(verified.succeeded == isAllowed, "\(name): \(verified.output)")
        }
    }

    @Test("a signing request that asks for other uses than the spec is refused, one that asks for none is not")
    func disagreement() async throws {
        let key = try await PrivateKey.generate(.ed25519)
        func problem(
            isCA: Bool? = nil, usages: [String]? = nil, _ change: (inout CertificateExtensions) -> Void
        ) async throws -> String? {
            let spec = try await SignerSamples.spec(key, isCA: isCA, usages: usages, change)
            do throws(IssuanceRequest.MalformedRequest) {
                _ = try IssuanceRequest(spec)
                return nil
            } catch {
                return error.sentence
            }
        }
        func sentence(_ field: String) -> String {
            "The certificate signing request asks for something else than \(field) says; make a new request in which both"
                + " agree, or leave the extension out of the signing request"
        }
        #expect(try await problem(isCA: true) { _ in } == nil)
        #expect(try await problem { $0.basicConstraints = BasicConstraints(isCA: false) } == nil)
        #expect(try await problem { $0.basicConstraints = BasicConstraints(isCA: true) } == sentence("spec.isCA"))
        #expect(
            try await problem(isCA: true) { $0.basicConstraints = BasicConstraints(isCA: false) }
                == sentence("spec.isCA"))
        #expect(try await problem { $0.keyUsage = [.digitalSignature, .keyEncipherment] } == nil)
        #expect(try await problem { $0.keyUsage = [.certSign] } == sentence("spec.usages"))
        #expect(
            try await problem(usages: ["server auth", "client auth"]) {
                $0.extendedKeyUsage = [.clientAuth, .serverAuth]
            } == nil)
        #expect(
            try await problem(usages: ["server auth"]) { $0.extendedKeyUsage = [.codeSigning] }
                == sentence("spec.usages"))
    }
}
