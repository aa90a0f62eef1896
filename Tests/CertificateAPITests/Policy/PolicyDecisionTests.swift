import KubeModel
import PKI
import Testing
import Wire

@testable import CertificateAPI

@Suite("Approval policies")
struct PolicyDecisionTests {
    /// A request of `web-1` to ClusterIssuer `le` for `a.shop.example.com`.
    private func subject(
        commonName: String? = nil, _ fields: SubjectFields = SubjectFields(),
        names: [GeneralName] = [.dns("a.shop.example.com")], usages: [String] = ["digital signature", "server auth"],
        isCA: Bool = false, duration: String? = "720h", key: KeyAlgorithm = .ecdsa(.p256)
    ) async throws -> PolicySubject {
        var extensions = CertificateExtensions()
        extensions.names = names
        let request = try await SigningRequest.make(
            subject: try DistinguishedName(commonName: commonName, fields), extensions: extensions,
            key: try await PrivateKey.generate(key))
        var spec = CertificateRequest.Spec(
            request: Base64Data(utf8: request.pem), issuerRef: IssuerReference(name: "le", kind: "ClusterIssuer"))
        spec.usages = usages
        spec.isCA = isCA
        spec.duration = duration
        return try #require(PolicySubject(spec, namespace: "web-1"))
    }

    private func policy(
        _ name: String = "p", _ change: (inout CertificatePolicy.Selector, inout CertificatePolicy.Allowed) -> Void
    ) -> CertificatePolicy {
        var (selector, allowed) = (CertificatePolicy.Selector(), CertificatePolicy.Allowed())
        change(&selector, &allowed)
        var spec = CertificatePolicy.Spec()
        spec.selector = selector
        spec.allowed = allowed
        return CertificatePolicy(metadata: ObjectMeta(name: name), spec: spec)
    }

    @Test("without a policy, and where none selects the request, nothing is governed")
    func ungoverned() async throws {
        let subject = try await subject()
        #expect(PolicyDecision.judge(subject, by: []) == .ungoverned)
        let others = [
            policy { selector, _ in selector.namespaces = ["web", "app-*"] },
            policy { selector, _ in selector.issuers = [.init(name: "le", kind: "Issuer"), .init(group: "other.io")] },
        ]
        #expect(PolicyDecision.judge(subject, by: others) == .ungoverned)
    }

    @Test("one policy that allows everything asked for is enough; otherwise each says what it has against it")
    func union() async throws {
        let subject = try await subject()
        let empty = CertificatePolicy(metadata: ObjectMeta(name: "none"), spec: .init())
        let shop = policy("shop") { selector, allowed in
            selector.issuers = [.init(name: "l*", kind: "ClusterIssuer", group: "cert-manager.io")]
            selector.namespaces = ["web-*"]
            allowed.dnsNames = ["*.shop.example.com"]
        }
        let api = policy("api") { _, allowed in allowed.dnsNames = ["*.api.example.com"] }
        #expect(PolicyDecision.judge(subject, by: [empty, shop]) == .allowed(by: "shop"))
        let verdict = PolicyDecision.judge(subject, by: [empty, api])
        #expect(
            verdict.sentence
                == "CertificatePolicy api does not allow the DNS name a.shop.example.com; "
                + "CertificatePolicy none does not allow the DNS name a.shop.example.com")
    }

    @Test("names and subject: what is not listed is not allowed")
    func names() async throws {
        var fields = SubjectFields()
        fields.organizations = ["system:masters"]
        fields.countries = ["NZ"]
        let every: [GeneralName] = [
            .dns("A.shop.example.com"), .ip(try #require(IPAddress("10.1.2.3"))), .uri("spiffe://a/ns/x"),
            .email("Me@Example.com"), .other(oid: "1.2.3", utf8: "x"),
        ]
        let subject = try await subject(commonName: "admin", fields, names: every)
        let verdict = PolicyDecision.judge(subject, by: [policy { _, _ in }])
        #expect(
            verdict
                == .denied([
                    "p": [
                        "the common name \"admin\"", "the organization \"system:masters\"", "what else the subject has",
                        "the DNS name A.shop.example.com", "the IP address 10.1.2.3", "the URI spiffe://a/ns/x",
                        "the email address Me@Example.com", "an otherName of type 1.2.3, as no policy can",
                    ]
                ]))
        let most = policy { _, allowed in
            allowed.commonNames = ["adm*"]
            allowed.organizations = ["system:*"]
            allowed.otherSubjectAttributes = true
            allowed.dnsNames = ["*.shop.Example.com"]
            allowed.ipAddresses = ["192.0.2.1", "10.0.0.0/8"]
            allowed.uris = ["spiffe://a/ns/*"]
            allowed.emailAddresses = ["*@example.com"]
        }
        #expect(
            PolicyDecision.judge(subject, by: [most])
                == .denied(["p": ["an otherName of type 1.2.3, as no policy can"]]))
    }

    @Test("CA, usages, durations and keys")
    func others() async throws {
        let bounds = policy { _, allowed in
            allowed.dnsNames = ["**"]
            allowed.usages = ["digital signature", "server auth"]
            allowed.minDuration = "1h"
            allowed.maxDuration = "1000h"
            allowed.privateKeys = [.init(algorithm: "RSA", minSize: 3072), .init(algorithm: "ECDSA", maxSize: 256)]
        }
        func objections(_ subject: PolicySubject) -> [String] {
            guard case .denied(let reasons) = PolicyDecision.judge(subject, by: [bounds]) else { return [] }
            return reasons["p"] ?? []
        }
        #expect(objections(try await subject()) == [])
        #expect(objections(try await subject(isCA: true)).first == "a CA")
        #expect(
            objections(try await subject(usages: ["client auth"]))
                == ["the usages asked for; it has digital signature, server auth"])
        #expect(objections(try await subject(duration: "30m")) == ["a duration of 30m0s, below 1h"])
        #expect(objections(try await subject(duration: nil)) == ["a duration of 2160h0m0s, above 1000h"])
        #expect(objections(try await subject(key: .rsa(bits: 2048))) == ["a private key of RSA 2048"])
        #expect(objections(try await subject(key: .ecdsa(.p384))) == ["a private key of ECDSA P-384"])
        #expect(objections(try await subject(key: .ed25519)) == ["a private key of Ed25519"])
    }

    /// A part of a request, the field that bounds it, what fits and what does not.
    struct Field: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var asks: @Sendable (inout PolicySubject) throws -> Void
        var fits: @Sendable (inout CertificatePolicy.Allowed) -> Void
        var misses: (@Sendable (inout CertificatePolicy.Allowed) -> Void)?
        var objection: String
        /// Whether a policy that does not have the field allows any.
        var isUnbounded = false

        static func subject(_ change: @escaping @Sendable (inout SubjectFields) -> Void)
            -> @Sendable (inout PolicySubject) throws -> Void
        {
            { subject in
                var fields = SubjectFields()
                change(&fields)
                subject.subject = try DistinguishedName(commonName: nil, fields)
            }
        }

        static let all: [Field] = [
            Field(
                testDescription: "commonNames", asks: { $0.subject = try DistinguishedName(commonName: "shop") },
                fits: { $0.commonNames = ["sh*"] }, misses: { $0.commonNames = ["store"] },
                objection: "the common name \"shop\""),
            Field(
                testDescription: "organizations", asks: subject { $0.organizations = ["Shop, Inc."] },
                fits: { $0.organizations = ["Shop*"] }, misses: { $0.organizations = ["shop, inc."] },
                objection: "the organization \"Shop, Inc.\""),
            Field(
                testDescription: "organizationalUnits", asks: subject { $0.organizationalUnits = ["Till"] },
                fits: { $0.organizationalUnits = ["Store", "Till"] }, misses: { $0.organizationalUnits = ["Store"] },
                objection: "the organizational unit \"Till\""),
            Field(
                testDescription: "otherSubjectAttributes", asks: subject { $0.localities = ["Wellington"] },
                fits: { $0.otherSubjectAttributes = true }, misses: { $0.otherSubjectAttributes = false },
                objection: "what else the subject has"),
            Field(
                testDescription: "dnsNames", asks: { $0.names = [.dns("till.shop.example.com")] },
                fits: { $0.dnsNames = ["*.shop.example.com"] }, misses: { $0.dnsNames = ["*.example.com"] },
                objection: "the DNS name till.shop.example.com"),
            Field(
                testDescription: "ipAddresses", asks: { $0.names = [.ip(try #require(IPAddress("2001:db8::7")))] },
                fits: { $0.ipAddresses = ["2001:db8::/32"] },
                misses: { $0.ipAddresses = ["2001:db9::/32", "2001:db8::8"] },
                objection: "the IP address 2001:db8::7"),
            Field(
                testDescription: "uris", asks: { $0.names = [.uri("spiffe://a/ns/b/sa/c")] },
                fits: { $0.uris = ["spiffe://a/**"] }, misses: { $0.uris = ["spiffe://a/*"] },
                objection: "the URI spiffe://a/ns/b/sa/c"),
            Field(
                testDescription: "emailAddresses", asks: { $0.names = [.email("me@example.com")] },
                fits: { $0.emailAddresses = ["*@EXAMPLE.com"] }, misses: { $0.emailAddresses = ["*"] },
                objection: "the email address me@example.com"),
            Field(
                testDescription: "usages",
                asks: { $0.usages = try Usages(["client auth"], isCA: false, at: FieldPath("usages")) },
                fits: { $0.usages = ["client auth", "server auth"] }, misses: { $0.usages = ["server auth"] },
                objection: "the usages asked for; it has server auth", isUnbounded: true),
            Field(
                testDescription: "isCA", asks: { $0.isCA = true }, fits: { $0.isCA = true },
                misses: { $0.isCA = false },
                objection: "a CA"),
            Field(
                testDescription: "minDuration", asks: { $0.duration = GoDuration("1h") },
                fits: { $0.minDuration = "1h" }, misses: { $0.minDuration = "61m" },
                objection: "a duration of 1h0m0s, below 61m", isUnbounded: true),
            Field(
                testDescription: "maxDuration", asks: { $0.duration = GoDuration("24h") },
                fits: { $0.maxDuration = "24h" }, misses: { $0.maxDuration = "23h59m" },
                objection: "a duration of 24h0m0s, above 23h59m", isUnbounded: true),
            Field(
                testDescription: "privateKeys: algorithm", asks: { $0.key = .ed25519 },
                fits: { $0.privateKeys = [.init(algorithm: "Ed25519")] },
                misses: { $0.privateKeys = [.init(algorithm: "RSA"), .init(algorithm: "ECDSA")] },
                objection: "a private key of Ed25519", isUnbounded: true),
            Field(
                testDescription: "privateKeys: minSize", asks: { $0.key = .rsa(bits: 3072) },
                fits: { $0.privateKeys = [.init(algorithm: "RSA", minSize: 3072)] },
                misses: { $0.privateKeys = [.init(algorithm: "RSA", minSize: 3073)] },
                objection: "a private key of RSA 3072", isUnbounded: true),
            Field(
                testDescription: "privateKeys: maxSize", asks: { $0.key = .ecdsa(.p384) },
                fits: { $0.privateKeys = [.init(algorithm: "ECDSA", maxSize: 384)] },
                misses: { $0.privateKeys = [.init(algorithm: "ECDSA", maxSize: 383)] },
                objection: "a private key of ECDSA P-384", isUnbounded: true),
        ]
    }

    @Test("each field of allowed allows what fits it and objects to what does not", arguments: Field.all)
    func field(_ field: Field) async throws {
        var asked = try await subject(names: [])
        try field.asks(&asked)
        let objection = PolicyVerdict.denied(["p": [field.objection]])
        #expect(PolicyDecision.judge(asked, by: [policy { field.fits(&$1) }]) == .allowed(by: "p"))
        if let misses = field.misses { #expect(PolicyDecision.judge(asked, by: [policy { misses(&$1) }]) == objection) }
        let without = PolicyDecision.judge(asked, by: [policy { _, _ in }])
        #expect(without == (field.isUnbounded ? .allowed(by: "p") : objection))
    }

    @Test(
        "each field of a selector selects what fits it and nothing else",
        arguments: [
            ("web-*", nil, true), ("web", nil, false), (nil, .init(name: "l?"), false), (nil, .init(name: "le"), true),
            (nil, .init(kind: "ClusterIssuer"), true), (nil, .init(kind: "Issuer"), false),
            (nil, .init(group: "cert-manager.io"), true), (nil, .init(group: "*.example.com"), false),
            (nil, .init(), true), ("web-1", .init(name: "other"), false), ("web-1", .init(name: "*"), true),
        ] as [(String?, CertificatePolicy.IssuerPattern?, Bool)])
    func selector(namespace: String?, issuer: CertificatePolicy.IssuerPattern?, isSelected: Bool) async throws {
        let one = policy { selector, allowed in
            selector.namespaces = namespace.map { [$0] }
            selector.issuers = issuer.map { [$0] }
            allowed.dnsNames = ["**"]
        }
        #expect(PolicyDecision.judge(try await subject(), by: [one]) == (isSelected ? .allowed(by: "p") : .ungoverned))
    }

    private static let brokenRules: [(String, @Sendable (inout CertificatePolicy.Allowed) -> Void)] = [
        ("ipAddresses[0]", { $0.ipAddresses = ["10.0.0.0/40"] }), ("usages", { $0.usages = ["to serve"] }),
        ("minDuration", { $0.minDuration = "a day" }), ("maxDuration", { $0.maxDuration = "1" }),
        ("privateKeys[1].algorithm", { $0.privateKeys = [.init(algorithm: "RSA"), .init(algorithm: "DSA")] }),
    ]

    @Test("a policy that breaks a rule allows nothing, and says which rule", arguments: brokenRules)
    func broken(field: String, change: @Sendable (inout CertificatePolicy.Allowed) -> Void) async throws {
        let broken = policy { _, allowed in
            allowed.dnsNames = ["**"]
            change(&allowed)
        }
        let verdict = PolicyDecision.judge(try await subject(), by: [broken])
        #expect(verdict.sentence?.contains("spec.allowed.\(field)") == true, "\(verdict)")
        #expect(verdict.sentence?.contains("does not allow anything, because it cannot be read") == true)
    }

    @Test(
        "patterns: one star stays before the separator, two go over it",
        arguments: [
            ("*.example.com", "a.example.com", true), ("*.example.com", "a.b.example.com", false),
            ("*.example.com", "example.com", false), ("*.example.com", "*.example.com", true),
            ("**.example.com", "a.b.example.com", true), ("web-*.example.com", "*.example.com", false),
            ("web-*.example.com", "web-.example.com", true), ("*", "a", true), ("*", "a.b", false), ("**", "", true),
            ("", "", true), ("", "a", false), ("a", "a", true), ("a*b*c", "aXbYc", true), ("a*b*c", "aXbYcZ", false),
        ])
    func patterns(pattern: String, text: String, fits: Bool) {
        #expect(PolicyPattern(pattern, separator: .dot).matches(text) == fits)
    }

    @Test("a pattern of many stars takes no more time than its length")
    func hostilePattern() {
        let pattern = PolicyPattern(String(repeating: "*a", count: 200), separator: .dot)
        #expect(!pattern.matches(String(repeating: "a", count: 2000) + "b"))
    }
}
