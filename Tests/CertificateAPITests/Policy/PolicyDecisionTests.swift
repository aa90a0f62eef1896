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

    @Test("a policy that breaks a rule allows nothing, and says which rule")
    func broken() async throws {
        let broken = policy { _, allowed in
            allowed.dnsNames = ["**"]
            allowed.ipAddresses = ["10.0.0.0/40"]
        }
        let verdict = PolicyDecision.judge(try await subject(), by: [broken])
        #expect(verdict.sentence?.contains("spec.allowed.ipAddresses[0]") == true)
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
