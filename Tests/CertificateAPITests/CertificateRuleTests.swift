import CertificateAPI
import KubeModel
import PKI
import Testing
import Wire

extension Certificate.Spec {
    /// A legal spec to depart from.
    static func example(_ change: (inout Certificate.Spec) -> Void = { _ in }) -> Certificate.Spec {
        var spec = Certificate.Spec(secretName: "site-tls", issuerRef: IssuerReference(name: "ca"))
        spec.dnsNames = ["example.com"]
        change(&spec)
        return spec
    }

    var problemTexts: [String] {
        Certificate(metadata: ObjectMeta(name: "site"), spec: self).problems.map(\.description)
    }
}

@Suite("Rules for Certificates")
struct CertificateRuleTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var problem: String
        var change: @Sendable (inout Certificate.Spec) -> Void
        var testDescription: String { problem }
    }

    @Test("a legal spec has no problem")
    func legal() { #expect(Certificate.Spec.example().problemTexts == []) }

    @Test("each rule names the field it is about, as the API server would", arguments: cases)
    func rules(_ rule: Case) { #expect(Certificate.Spec.example(rule.change).problemTexts == [rule.problem]) }

    static let cases: [Case] = [
        Case(problem: "spec.secretName: Required value: must be specified") { $0.secretName = "" },
        Case(
            problem:
                "spec.secretName: Invalid value: \"Site\": a lowercase RFC 1123 subdomain must consist of lower case"
                + " alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
        ) { $0.secretName = "Site" },
        Case(problem: "spec.issuerRef.name: Required value: must be specified") { $0.issuerRef.name = "" },
        Case(problem: "spec.issuerRef.kind: Invalid value: \"Signer\": must be one of Issuer or ClusterIssuer") {
            $0.issuerRef.kind = "Signer"
        },
        Case(
            problem: "spec: Required value: at least one of commonName (from the commonName field or from a"
                + " literalSubject), dnsNames, uriSANs, ipAddresses, emailSANs or otherNames must be set"
        ) { $0.dnsNames = [] },
        Case(problem: "spec.commonName: Too long: may not be more than 64 bytes") {
            $0.commonName = String(repeating: "a", count: 65)
        },
        Case(
            problem: "spec.dnsNames[1]: Invalid value: \"two words\": must be a DNS name: labels of letters, digits and"
                + " '-', or their ASCII form, xn--…"
        ) { $0.dnsNames = ["a.example", "two words"] },
        Case(problem: "spec.dnsNames[0]: Invalid value: \"\": must not be empty") { $0.dnsNames = [""] },
        Case(problem: "spec.ipAddresses[0]: Invalid value: \"1.2.3\": must be a valid IP address") {
            $0.ipAddresses = ["1.2.3"]
        },
        Case(problem: "spec.uris[0]: Invalid value: \"no-scheme\": must be a URI in ASCII with a scheme") {
            $0.uris = ["no-scheme"]
        },
        Case(problem: "spec.emailAddresses[0]: Invalid value: \"A <a@b.c>\": must be a bare email address in ASCII") {
            $0.emailAddresses = ["A <a@b.c>"]
        },
        Case(problem: "spec.privateKey.size: Invalid value: 1024: must be between 2048 and 8192 for rsa keyAlgorithm") {
            $0.privateKey = .init()
            $0.privateKey?.size = 1024
        },
        Case(problem: "spec.privateKey.size: Unsupported value: 224: supported values: \"256\", \"384\", \"521\"") {
            $0.privateKey = .init()
            $0.privateKey?.algorithm = "ECDSA"
            $0.privateKey?.size = 224
        },
        Case(
            problem:
                "spec.signatureAlgorithm: Invalid value: \"PureEd25519\": for key algorithm RSA the allowed signature"
                + " algorithms are SHA256WithRSA, SHA384WithRSA, SHA512WithRSA"
        ) { $0.signatureAlgorithm = "PureEd25519" },
        Case(problem: "spec.duration: Invalid value: \"90d\": must be a Go duration such as 2160h or 1h30m") {
            $0.duration = "90d"
        },
        Case(problem: "spec.duration: Invalid value: \"30m0s\": certificate duration must be greater than 1h0m0s") {
            $0.duration = "30m"
        },
        Case(problem: "spec.renewBefore: Invalid value: \"1m0s\": certificate renewBefore must be greater than 5m0s") {
            $0.renewBefore = "1m"
        },
        Case(
            problem: "spec.renewBefore: Invalid value: \"2h0m0s\": certificate duration 1h0m0s must be greater than"
                + " renewBefore 2h0m0s"
        ) {
            $0.duration = "1h"
            $0.renewBefore = "2h"
        },
        Case(
            problem:
                "spec.renewBefore: Invalid value: \"1h0m0s\": renewBefore and renewBeforePercentage are mutually exclusive"
        ) {
            $0.renewBefore = "1h"
            $0.renewBeforePercentage = 10
        },
        Case(problem: "spec.renewBeforePercentage: Invalid value: 100: must be greater than 0 and less than 100") {
            $0.renewBeforePercentage = 100
        },
        Case(problem: "spec.usages[1]: Invalid value: \"flying\": unknown keyusage") {
            $0.usages = ["server auth", "flying"]
        },
        Case(problem: "spec.revisionHistoryLimit: Invalid value: 0: must not be less than 1") {
            $0.revisionHistoryLimit = 0
        },
        Case(
            problem: "spec.secretTemplate.annotations: Invalid value: \"cert-manager.io/alt-names\": cert-manager.io/*"
                + " annotations are not allowed"
        ) { $0.secretTemplate = .init(annotations: ["cert-manager.io/alt-names": "x"]) },
        Case(
            problem:
                "spec.secretTemplate.labels: Invalid value: \"-x\": a valid label must be empty or consist of at most"
                + " 63 alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
        ) { $0.secretTemplate = .init(labels: ["a": "-x"]) },
    ]
}

@Suite("What a Certificate asks of PKI")
struct DesiredCertificateTests {
    @Test("defaults: RSA 2048 in PKCS#1, digital signature and key encipherment, a new key each time")
    func defaults() throws {
        let desired = try DesiredCertificate(.example { $0.commonName = "example.com" })
        #expect(desired.subject == (try DistinguishedName(commonName: "example.com")))
        #expect(desired.names == [.dns("example.com")])
        #expect(desired.usages.keyUsage == [.digitalSignature, .keyEncipherment])
        #expect(desired.usages.extendedKeyUsage == [])
        #expect(desired.keyAlgorithm == .rsa(bits: 2048))
        #expect(desired.keyEncoding == .pkcs1)
        #expect(desired.signatureAlgorithm == nil && desired.duration == nil)
        #expect(desired.rotatesKey && desired.encodesUsages && !desired.isCA)
    }

    @Test("every kind of name, IDNs as A-labels, doubles once")
    func names() throws {
        let desired = try DesiredCertificate(
            .example {
                $0.dnsNames = ["bücher.example", "*.Example.com", "xn--bcher-kva.example"]
                $0.ipAddresses = ["::1", "0:0::1", "10.0.0.1"]
                $0.uris = ["spiffe://a/b"]
                $0.emailAddresses = ["a@b.example"]
            })
        #expect(
            desired.names
                == [
                    .dns("xn--bcher-kva.example"), .dns("*.Example.com"), .ip(try #require(IPAddress("::1"))),
                    .ip(try #require(IPAddress("10.0.0.1"))), .uri("spiffe://a/b"), .email("a@b.example"),
                ])
    }

    @Test("a CA may sign certificates whatever its usages; both spellings of a usage mean one bit")
    func usages() throws {
        let desired = try DesiredCertificate(
            .example {
                $0.isCA = true
                $0.usages = ["signing", "digital signature", "s/mime", "email protection", "server auth"]
            })
        #expect(desired.usages.keyUsage == [.digitalSignature, .certSign])
        #expect(desired.usages.extendedKeyUsage == [.emailProtection, .serverAuth])
        #expect(desired.requestExtensions.basicConstraints == BasicConstraints(isCA: true))
    }

    @Test("usages stay out of the request where the user says so")
    func unencodedUsages() throws {
        let desired = try DesiredCertificate(.example { $0.encodeUsagesInRequest = false })
        var expected = CertificateExtensions()
        expected.names = [.dns("example.com")]
        #expect(desired.requestExtensions == expected)
    }

    @Test("Ed25519 keys are always PKCS#8")
    func ed25519() throws {
        let desired = try DesiredCertificate(
            .example {
                $0.privateKey = .init()
                $0.privateKey?.algorithm = "Ed25519"
                $0.privateKey?.encoding = "PKCS1"
            })
        #expect(desired.keyAlgorithm == .ed25519 && desired.keyEncoding == .pkcs8)
    }

    @Test("every usage of the API is known")
    func allUsages() { #expect(Usages.allNames.count == 23) }
}
