import CertificateAPI
import Diagnosis
import KubeModel
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
