import CertificateAPI
import KubeModel
import PKI
import Testing
import Wire

@Suite("Rules for the subject, other names, constraints and outputs of Certificates")
struct OutputRuleTests {
    typealias Case = CertificateRuleTests.Case

    @Test("each rule names the field it is about, as the API server would", arguments: cases)
    func rules(_ rule: Case) { #expect(Certificate.Spec.example(rule.change).problemTexts == [rule.problem]) }

    private static func keystores(
        _ change: @Sendable (inout Certificate.Keystores.JKS, inout Certificate.Keystores.PKCS12) -> Void
    ) -> Certificate.Keystores {
        var (jks, pkcs12) = (Certificate.Keystores.JKS(create: true), Certificate.Keystores.PKCS12(create: true))
        jks.password = "changeit"
        pkcs12.passwordSecretRef = SecretKeySelector(name: "password", key: "p")
        change(&jks, &pkcs12)
        var stores = Certificate.Keystores()
        stores.jks = jks
        stores.pkcs12 = pkcs12
        return stores
    }

    private static func constraints(
        _ change: (inout Certificate.NameConstraints.Subtrees) -> Void
    ) -> Certificate.NameConstraints {
        var constraints = Certificate.NameConstraints()
        var permitted = Certificate.NameConstraints.Subtrees()
        change(&permitted)
        constraints.permitted = permitted
        return constraints
    }

    static let cases: [Case] = [
        Case(
            problem: "spec.commonName: Invalid value: \"a\": When providing a `LiteralSubject` no `commonName` may be"
                + " provided."
        ) {
            $0.literalSubject = "CN=a"
            $0.commonName = "a"
        },
        Case(
            problem:
                "spec.subject: Forbidden: When providing a `LiteralSubject` no `Subject` properties may be provided."
        ) {
            $0.literalSubject = "CN=a"
            $0.subject = .init()
            $0.subject?.countries = ["DE"]
        },
        Case(
            problem:
                "spec.literalSubject: Invalid value: \"UNKNOWN=blah\": Literal subject contains unrecognized key with"
                + " value [blah]: UNKNOWN is neither one of CN, C, O, OU, L, ST, STREET, DC, UID, SERIALNUMBER,"
                + " POSTALCODE, EMAILADDRESS nor an object identifier"
        ) { $0.literalSubject = "UNKNOWN=blah" },
        Case(
            problem: "spec: Required value: at least one of commonName (from the commonName field or from a"
                + " literalSubject), dnsNames, uriSANs, ipAddresses, emailSANs or otherNames must be set"
        ) {
            $0.dnsNames = nil
            $0.literalSubject = "O=a"
        },
        Case(problem: "spec.otherNames[0].oid: Invalid value: \"BAD_OID\": invalid oid syntax") {
            $0.otherNames = [.init(oid: "BAD_OID", utf8Value: "x")]
        },
        Case(problem: "spec.otherNames[0].utf8Value: Required value: must be set to a valid non-empty UTF8 string") {
            $0.otherNames = [.init(oid: "1.3.6.1.4.1.311.20.2.3")]
        },
        Case(problem: "spec.otherNames[1].oid: Required value: must be specified") {
            $0.otherNames = [.init(oid: "1.2.3", utf8Value: "x"), .init(utf8Value: "y")]
        },
        Case(problem: "spec.nameConstraints: Forbidden: isCA should be true when nameConstraints is set") {
            $0.nameConstraints = constraints { $0.dnsDomains = ["example.com"] }
        },
        Case(
            problem: "spec.nameConstraints: Required value: either permitted or excluded must name at least one domain,"
                + " range or address"
        ) {
            $0.isCA = true
            $0.nameConstraints = constraints { $0.dnsDomains = [] }
        },
        Case(
            problem:
                "spec.nameConstraints.permitted.ipRanges[1]: Invalid value: \"10.0.0.0/33\": must be a range in CIDR"
                + " notation, such as 10.0.0.0/8"
        ) {
            $0.isCA = true
            $0.nameConstraints = constraints { $0.ipRanges = ["::/0", "10.0.0.0/33"] }
        },
        Case(problem: "spec.nameConstraints.permitted.dnsDomains[0]: Invalid value: \"*.a\": must be a DNS domain") {
            $0.isCA = true
            $0.nameConstraints = constraints { $0.dnsDomains = ["*.a"] }
        },
        Case(problem: "spec.additionalOutputFormats[type]: Duplicate value: \"DER\"") {
            $0.additionalOutputFormats = [.init(type: "DER"), .init(type: "DER")]
        },
        Case(
            problem: "spec.additionalOutputFormats[0].type: Unsupported value: \"BER\": supported values: \"DER\","
                + " \"CombinedPEM\""
        ) { $0.additionalOutputFormats = [.init(type: "BER")] },
        Case(
            problem:
                "spec.keystores.jks.passwordSecretRef: Forbidden: may not be set along with password: remove one of"
                + " them"
        ) {
            $0.keystores = keystores { jks, _ in jks.passwordSecretRef = SecretKeySelector(name: "a", key: "b") }
        },
        Case(
            problem: "spec.keystores.pkcs12: Required value: must set exactly one of password or passwordSecretRef.name"
        ) {
            $0.keystores = keystores { _, pkcs12 in
                pkcs12.create = false
                pkcs12.passwordSecretRef = SecretKeySelector(name: "")
            }
        },
        Case(problem: "spec.keystores.jks.password: Required value: must not be empty") {
            $0.keystores = keystores { jks, _ in jks.password = "" }
        },
        Case(
            problem: "spec.keystores.pkcs12.profile: Unsupported value: \"New\": supported values: \"LegacyRC2\","
                + " \"LegacyDES\", \"Modern2023\", \"Modern2026\""
        ) { $0.keystores = keystores { _, pkcs12 in pkcs12.profile = "New" } },
    ]

    @Test("a password that is refused is not repeated")
    func secretPassword() {
        let texts = Certificate.Spec.example {
            $0.keystores = Self.keystores { jks, _ in jks.password = "hunter2\0" }
        }.problemTexts
        #expect(texts == ["spec.keystores.jks.password: Forbidden: may not hold a NUL character"])
    }

    @Test("what the outputs are when nothing more is said, and none where create is false")
    func defaults() throws {
        let outputs = try DesiredCertificate(.example { $0.keystores = Self.keystores { _, _ in } }).outputs
        #expect(outputs.jks?.alias == "certificate")
        #expect(outputs.jks?.password == .literal(try KeystorePassword(Array("changeit".utf8))))
        #expect(outputs.pkcs12?.profile == .legacyRC2)
        #expect(outputs.pkcs12?.password == .secret(name: "password", key: "p"))
        let off = try DesiredCertificate(
            .example {
                $0.keystores = Self.keystores { jks, pkcs12 in
                    jks.create = false
                    pkcs12.create = false
                }
            }
        ).outputs
        #expect(off == DesiredOutputs())
    }

    @Test("a literal subject gives the common name; constraints and other names reach the request")
    func request() throws {
        let desired = try DesiredCertificate(
            .example {
                $0.dnsNames = nil
                $0.literalSubject = "CN=a.example,DC=corp,DC=example"
                $0.otherNames = [.init(oid: "1.3.6.1.4.1.311.20.2.3", utf8Value: "upn@example")]
                $0.isCA = true
                $0.encodeUsagesInRequest = false
                $0.nameConstraints = Self.constraints {
                    $0.dnsDomains = [".bücher.example", "a.example"]
                    $0.emailAddresses = ["me@a.example", ".a.example"]
                    $0.uriDomains = ["a.example"]
                    $0.ipRanges = ["10.1.2.3/8", "2001:db8::/32"]
                }
                $0.nameConstraints?.critical = true
            })
        #expect(desired.subject.commonName == "a.example")
        #expect(desired.subject.description == "CN=a.example,DC=corp,DC=example")
        var wanted = CertificateExtensions()
        wanted.names = [.other(oid: "1.3.6.1.4.1.311.20.2.3", utf8: "upn@example")]
        var constraints = NameConstraints()
        constraints.isCritical = true
        constraints.permitted.dnsDomains = [".xn--bcher-kva.example", "a.example"]
        constraints.permitted.emailAddresses = ["me@a.example", ".a.example"]
        constraints.permitted.uriDomains = ["a.example"]
        constraints.permitted.ipRanges = [try #require(IPRange("10.0.0.0/8")), try #require(IPRange("2001:db8::/32"))]
        wanted.nameConstraints = constraints
        #expect(desired.requestExtensions == wanted)
    }
}
