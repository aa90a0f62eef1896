import CertificateAPI
import Diagnosis
import KubeModel
import Solvers
import Testing
import Wire
import YAML

@Suite("what applying manifests would do")
struct PlanTests {
    private func plan(_ yaml: String, in world: Plan.World = Plan.World()) throws -> [Plan.Entry] {
        Plan.make(try YAMLDocuments.parse(Array(yaml.utf8)), namespace: "web", in: world)
    }
    private func texts(_ entry: Plan.Entry?, _ label: String) -> [String] {
        (entry?.lines ?? []).filter { $0.label == label }.map(\.text)
    }

    private static let certificate = """
        apiVersion: cert-manager.io/v1
        kind: Certificate
        metadata: {name: shop}
        spec: {secretName: shop-tls, dnsNames: [shop.example.com, "*.shop.example.com"], issuerRef: {name: acme}}
        """
    private static let issuer = """
        apiVersion: cert-manager.io/v1
        kind: Issuer
        metadata: {name: acme}
        spec:
          acme:
            server: https://ca.example/directory
            privateKeySecretRef: {name: account}
            solvers:
              - http01: {ingress: {ingressClassName: traefik}}
              - selector: {dnsZones: [shop.example.com]}
                dns01: {rfc2136: {nameserver: "192.0.2.1:53"}}
        """

    @Test("a new Certificate of an issuer in the same file: the solver of each name is told")
    func new() throws {
        let entries = try plan("\(Self.certificate)\n---\n\(Self.issuer)")
        #expect(entries.map(\.action) == [.create, .create])
        #expect(!entries.contains { $0.hasProblems }, "\(entries)")
        #expect(texts(entries.first, "Issuer") == ["Issuer acme, which the manifests make"])
        #expect(
            texts(entries.first, "Solver") == [
                "shop.example.com: DNS-01 by rfc2136 (spec.acme.solvers[1])",
                "*.shop.example.com: DNS-01 by rfc2136 (spec.acme.solvers[1])",
            ])
        #expect(texts(entries.first, "Issues").first?.hasPrefix("yes: it is new") == true)
    }

    @Test("an issuer that is nowhere, a name that no solver proves, and a rule that is broken are problems")
    func problems() throws {
        let alone = try plan(Self.certificate).first
        #expect(texts(alone, "Issuer") == ["Issuer acme is neither in the cluster nor in the manifests"])
        let onlyHTTP = Self.issuer.split(separator: "\n").prefix(9).joined(separator: "\n")
        let wildcard = try plan("\(Self.certificate)\n---\n\(onlyHTTP)").first
        #expect(wildcard?.hasProblems == true)
        #expect(texts(wildcard, "Solver").last?.hasPrefix("*.shop.example.com: no solver of the issuer") == true)
        let broken = try plan(Self.certificate.replacing("shop-tls", with: "UPPER")).first
        #expect(texts(broken, "Refused").first?.contains("spec.secretName") == true)
    }

    @Test("against what is stored: kept, changed and why, or in conflict")
    func stored() throws {
        var world = Plan.World()
        var old: Certificate = try Views.decode(Self.certificate)
        old.metadata.namespace = "web"
        old.metadata.uid = "1"
        old.status = .init()
        old.status?.conditions = [Condition(type: "Ready", status: .yes)]
        world.certificates = [old]
        var acme: Issuer = try Views.decode(Self.issuer)
        acme.metadata.namespace = "web"
        acme.metadata.uid = "2"
        world.issuers = [acme]
        let same = try plan(Self.certificate, in: world).first
        #expect(same?.action == .keep)
        #expect(texts(same, "Issues") == ["no"])
        #expect(texts(same, "Issuer").first?.contains("not ready: no controller has seen it") == true)
        let changed = try plan(
            Self.certificate.replacing("[shop.example.com, ", with: "[api.shop.example.com, "), in: world
        ).first
        #expect(changed?.action == .change)
        #expect(texts(changed, "Issues") == ["yes: spec.dnsNames changed"])
        let second = try plan(Self.certificate.replacing("name: shop}", with: "name: other}"), in: world).first
        #expect(
            texts(second, "Secret").last
                == "the Certificate shop writes the same Secret: choose another spec.secretName")
    }

    @Test("the verdict of the approval policies is told, with what they have against it")
    func policies() throws {
        var world = Plan.World()
        #expect(
            texts(try plan(Self.certificate, in: world).first, "Policy").first?.contains("could not be read") == true)
        world.policies = []
        #expect(texts(try plan(Self.certificate, in: world).first, "Policy") == [])
        world.policies = [
            try Views.decode(
                """
                metadata: {name: shop}
                spec: {selector: {namespaces: [web]}, allowed: {dnsNames: [shop.example.com, "*.shop.example.com"]}}
                """)
        ]
        #expect(
            texts(try plan(Self.certificate, in: world).first, "Policy") == ["the CertificatePolicy shop allows it"])
        let other = try plan(Self.certificate.replacing("[shop.example.com, ", with: "[api.example.com, "), in: world)
        #expect(other.first?.hasProblems == true)
        #expect(
            texts(other.first, "Policy") == [
                "its requests are denied: CertificatePolicy shop does not allow the DNS name api.example.com"
            ])
        world.policies?[0].spec.selector?.namespaces = ["elsewhere"]
        #expect(
            texts(try plan(Self.certificate, in: world).first, "Policy") == [
                "no CertificatePolicy selects it: it is approved"
            ])
    }

    @Test(
        "every part of a Certificate that a policy bounds is judged as its request will be",
        arguments: [
            ("commonName: shop", "{dnsNames: [shop.example.com, '*.shop.example.com']}", "the common name \"shop\""),
            ("subject: {organizations: [Shop]}", "{dnsNames: ['**']}", "the organization \"Shop\""),
            ("subject: {countries: [NZ]}", "{dnsNames: ['**']}", "what else the subject has"),
            ("uris: ['spiffe://a/b']", "{dnsNames: ['**']}", "the URI spiffe://a/b"),
            ("emailAddresses: [me@example.com]", "{dnsNames: ['**']}", "the email address me@example.com"),
            ("ipAddresses: [192.0.2.1]", "{dnsNames: ['**']}", "the IP address 192.0.2.1"),
            ("isCA: true", "{dnsNames: ['**']}", "a CA"),
            ("duration: 100h", "{dnsNames: ['**'], maxDuration: 99h}", "above 99h"),
            ("duration: 100h", "{dnsNames: ['**'], minDuration: 101h}", "below 101h"),
            (
                "usages: [client auth]", "{dnsNames: ['**'], usages: [server auth]}",
                "the usages asked for; it has server auth"
            ),
            (
                "privateKey: {algorithm: ECDSA}", "{dnsNames: ['**'], privateKeys: [{algorithm: RSA}]}",
                "a private key of ECDSA P-256"
            ),
        ])
    func policyFields(part: String, allowed: String, objection: String) throws {
        var world = Plan.World()
        world.policies = [try Views.decode("metadata: {name: shop}\nspec: {allowed: \(allowed)}\n")]
        let text = texts(
            try plan(Self.certificate.replacing("{secretName:", with: "{\(part), secretName:"), in: world).first,
            "Policy")
        #expect(text.count == 1 && text.first?.hasSuffix(objection) == true, "\(text)")
    }

    @Test("what is left of the CA's budget counts the entries before it; what issues nothing takes nothing")
    func budget() throws {
        let issuer = Self.issuer.replacing(
            "{name: acme}", with: #"{name: acme, annotations: {certwright.dev/order-limit: "1/1h"}}"#)
        let second = Self.certificate.replacing("name: shop}", with: "name: other}").replacing(
            "shop-tls", with: "other-tls")
        let entries = try plan("\(Self.certificate)\n---\n\(second)\n---\n\(issuer)")
        #expect(texts(entries[0], "CA budget") == ["1 new orders left, of 1 in 60m"])
        #expect(texts(entries[1], "CA budget") == ["no new order is left, of 1 in 60m: it waits its turn"])
        #expect(!entries[1].hasProblems, "it only waits")
        let unknown = try plan("\(Self.certificate)\n---\n\(Self.issuer)")
        #expect(
            texts(unknown[0], "CA budget") == ["no limit of new orders is known for https://ca.example/directory"])
    }

    @Test("what is looked into before an order has each name with the solver that would prove it")
    func inquiry() throws {
        let entry = try #require(try plan("\(Self.certificate)\n---\n\(Self.issuer)").first)
        let inquiry = try #require(entry.inquiry)
        #expect(inquiry.names.map(\.text) == ["shop.example.com", "*.shop.example.com"])
        #expect(inquiry.names.map(\.method) == ["dns-01", "dns-01"])
        #expect(inquiry.names.map(\.solver) == [1, 1])
        #expect(inquiry.policy.identities == [])
        let known = Self.issuer.replacing(
            "https://ca.example/directory", with: "https://acme-v02.api.letsencrypt.org/directory")
        #expect(
            try plan("\(Self.certificate)\n---\n\(known)").first?.inquiry?.policy.identities == ["letsencrypt.org"])
        var world = Plan.World()
        var stored: Issuer = try Views.decode(Self.issuer)
        stored.metadata.namespace = "web"
        stored.metadata.uid = "2"
        stored.status = .init()
        stored.status?.conditions = [
            Condition(
                type: "ServerInformation", status: .yes,
                message: "Terms of service: x. Identities for CAA records: ca.example, other.example. Profiles: short")
        ]
        world.issuers = [stored]
        #expect(
            try plan(Self.certificate, in: world).first?.inquiry?.policy.identities == ["ca.example", "other.example"])
        // One that stays as it is and is ready orders nothing.
        var old: Certificate = try Views.decode(Self.certificate)
        old.metadata.namespace = "web"
        old.metadata.uid = "1"
        old.status = .init()
        old.status?.conditions = [Condition(type: "Ready", status: .yes)]
        world.certificates = [old]
        #expect(try plan(Self.certificate, in: world).first?.inquiry == nil)
    }

    @Test("what is none of ours is passed over, and an old version is a problem")
    func others() throws {
        let entries = try plan(
            "{apiVersion: v1, kind: Service, metadata: {name: x}}\n---\n{apiVersion: cert-manager.io/v1alpha2, kind: Certificate, metadata: {name: y}}"
        )
        #expect(entries.map(\.action) == [.passOver, .passOver])
        #expect(entries.map(\.hasProblems) == [false, true])
    }
}

extension String {
    fileprivate func replacing(_ part: String, with other: String) -> String {
        var result = ""
        var rest = self[...]
        while let range = rest.ranges(of: part).first {
            result += rest[..<range.lowerBound] + other
            rest = rest[range.upperBound...]
        }
        return result + rest
    }
}

@Suite("manifests of older versions")
struct ConversionTests {
    private func convert(_ yaml: String) throws -> JSONValue {
        guard case .converted(let value) = Conversion.convert(try YAMLDocuments.parse(Array(yaml.utf8))[0]) else {
            Issue.record("not converted")
            return .null
        }
        return value
    }

    @Test("a v1alpha2 Certificate becomes one that the rules of v1 take")
    func certificate() throws {
        let value = try convert(
            """
            apiVersion: cert-manager.io/v1alpha2
            kind: Certificate
            metadata: {name: shop}
            spec:
              secretName: shop-tls
              dnsNames: [shop.example.com]
              uriSANs: ["spiffe://shop"]
              organization: [Shop Ltd]
              keyAlgorithm: ecdsa
              keySize: 256
              keyEncoding: pkcs8
              issuerRef: {name: ca}
            status: {conditions: []}
            """)
        let certificate = try value.decode(Certificate.self)
        #expect(value["apiVersion"] == "cert-manager.io/v1")
        #expect(value["status"] == nil)
        #expect(certificate.spec.uris == ["spiffe://shop"])
        #expect(certificate.spec.subject?.organizations == ["Shop Ltd"])
        #expect(certificate.spec.privateKey?.algorithm == "ECDSA")
        #expect(certificate.spec.privateKey?.size == 256)
        #expect(certificate.spec.privateKey?.encoding == "PKCS8")
        #expect(certificate.problems.isEmpty)
    }

    @Test("requests, orders and DNS providers were renamed")
    func others() throws {
        let request = try convert("{apiVersion: cert-manager.io/v1alpha3, kind: CertificateRequest, spec: {csr: Zm9v}}")
        #expect(request["spec"]?["request"] == "Zm9v")
        let issuer = try convert(
            "{apiVersion: cert-manager.io/v1alpha2, kind: Issuer, spec: {acme: {solvers: [{dns01: {clouddns: {project: p}}}]}}}"
        )
        #expect(issuer["spec"]?["acme"]?["solvers"]?[0]?["dns01"]?["cloudDNS"]?["project"] == "p")
    }

    @Test("v1 and foreign objects stay as they are; an unknown version is told")
    func unchanged() {
        let service: JSONValue = ["apiVersion": "v1", "kind": "Service"]
        #expect(Conversion.convert(service) == .unchanged(service))
        #expect(Conversion.convert(["apiVersion": "cert-manager.io/v9"]) == .unknown("cert-manager.io/v9"))
    }
}

@Suite("wishes for ACME accounts")
struct AccountWishTests {
    @Test("the annotation names the account that is to end; without one there is nothing to end")
    func end() throws {
        guard case .found(let look) = try Views.readyIssuer(solvers: "") else { return }
        var issuer = Issuer(metadata: look.metadata, spec: look.spec, status: look.status)
        let refusal: AccountWish.Impossible?
        do throws(AccountWish.Impossible) {
            _ = try AccountWish.end.patch(issuer)
            refusal = nil
        } catch {
            refusal = error
        }
        #expect(refusal?.description == "Issuer web/acme has no account yet: see its Ready condition")
        issuer.status?.acme = .init()
        issuer.status?.acme?.uri = "https://ca.example/acct/1"
        let end = try AccountWish.end.patch(issuer)["metadata"]?["annotations"]
        #expect(end == ["certwright.dev/deactivate-account": "https://ca.example/acct/1"])
        let change = try AccountWish.anotherKey("now").patch(issuer)["metadata"]?["annotations"]
        #expect(change == ["certwright.dev/rotate-account-key": "now"])
    }
}
