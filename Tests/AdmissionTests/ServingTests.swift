import CertificateAPI
import KubeModel
import PKI
import TestSupport
import Testing
import Wire

@testable import Admission

@Suite("Serving certificates")
struct ServingTests {
    static let start = Timestamp(secondsSince1970: 1_767_225_600)
    static let day = Duration.seconds(86400)

    func secret(_ authority: Authority) throws -> Secret {
        Secret(
            metadata: ObjectMeta(name: "webhook-ca", namespace: "cert-manager"),
            data: [
                "tls.crt": Base64Data(utf8: authority.certificate.pem),
                "tls.key": Base64Data(try authority.key.pem(.pkcs8)),
                "ca.crt": Base64Data(utf8: authority.bundlePEM),
            ])
    }

    func decide(
        _ secret: Secret?, at now: Timestamp = start, mine: X509Certificate? = nil
    ) -> AuthorityAction {
        AuthorityDecision.decide(AuthorityView(secret: secret, mine: mine, leafLifetime: Self.day * 7, now: now))
    }

    /// As text, since keys do not compare.
    func told(_ action: AuthorityAction) -> String {
        switch action {
        case .use: "use"
        case .issue(let reason, let older): "issue, \(reason), keeping \(older.count)"
        case .rewriteBundle(_, let bundle): "rewrite \(bundle.count)"
        }
    }

    @Test("the CA is as the documents say")
    func authority() async throws {
        let authority = try await Minting.authority(keeping: [], now: Self.start)
        #expect(authority.certificate.subject.commonName == "cert-manager-webhook-ca")
        #expect(authority.key.algorithm == .ecdsa(.p384))
        #expect(authority.certificate.notAfter - authority.certificate.notBefore == Self.day * 365)
        #expect(told(decide(try secret(authority))) == "use")
    }

    @Test("a CA is made where there is none, where it is damaged, and at two thirds of its life")
    func issuing() async throws {
        let authority = try await Minting.authority(keeping: [], now: Self.start)
        let other = try await Minting.authority(keeping: [], now: Self.start)
        let whole = try secret(authority)
        #expect(told(decide(nil)) == "issue, there is none, keeping 0")
        #expect(told(decide(nil, mine: authority.certificate)) == "issue, there is none, keeping 1")
        func damaged(_ key: String, _ value: Base64Data?) -> String {
            var secret = whole
            secret.data?[key] = value
            return told(decide(secret))
        }
        #expect(damaged("tls.crt", nil).hasPrefix("issue, it is damaged: the certificate is malformed"))
        #expect(damaged("tls.key", Base64Data(utf8: "nonsense")).hasPrefix("issue, it is damaged: the private key"))
        #expect(damaged("ca.crt", Base64Data(utf8: "nonsense")).hasSuffix("keeping 0"))
        #expect(
            damaged("tls.key", Base64Data(try other.key.pem(.pkcs8)))
                == "issue, it is damaged: the private key is not that of the certificate, keeping 1")
        #expect(
            damaged("ca.crt", Base64Data(utf8: other.bundlePEM))
                == "issue, it is damaged: ca.crt does not hold the certificate, keeping 1")
        #expect(told(decide(whole, at: Self.start + Self.day * 243)) == "use")
        #expect(
            told(decide(whole, at: Self.start + Self.day * 244))
                == "issue, two thirds of its life are over, keeping 1")
    }

    @Test("an older CA stays in the bundle while a leaf of it can live, and goes then")
    func overlap() async throws {
        let old = try await Minting.authority(keeping: [], now: Self.start)
        let later = Self.start + Self.day * 244
        let new = try await Minting.authority(keeping: [old.certificate], now: later)
        #expect(told(decide(try secret(new), at: later)) == "use")
        #expect(told(decide(try secret(new), at: later + Self.day * 6)) == "use")
        #expect(told(decide(try secret(new), at: later + Self.day * 8)) == "rewrite 1")
    }

    @Test(
        "a leaf is made when there is none, at two thirds of its life, for other names, and when its CA is trusted no more"
    )
    func leaves() async throws {
        let authority = try await Minting.authority(keeping: [], now: Self.start)
        let names = ["webhook.cert-manager.svc"]
        let leaf = try await Minting.leaf(of: authority, names: names, lifetime: Self.day * 7, now: Self.start)
        func mustMake(_ authority: Authority, at now: Timestamp, names: [String] = names) -> Bool {
            Leaf.mustMake(leaf, under: authority, names: names, now: now)
        }
        #expect(Leaf.mustMake(nil, under: authority, names: names, now: Self.start))
        #expect(!mustMake(authority, at: Self.start))
        #expect(mustMake(authority, at: Self.start, names: ["other"]))
        #expect(!mustMake(authority, at: Self.start + .seconds(111 * 3600)))
        #expect(mustMake(authority, at: Self.start + .seconds(113 * 3600)))
        let hour = Self.start + .seconds(3600)
        let next = try await Minting.authority(keeping: [authority.certificate], now: hour)
        #expect(!mustMake(next, at: hour))
        #expect(mustMake(next, at: hour + .seconds(601)))
        let stranger = try await Minting.authority(keeping: [], now: hour)
        #expect(mustMake(stranger, at: hour))
    }

    @Test("a leaf verifies up to its CA for a server of its names, and never outlives it")
    func leafContent() async throws {
        let authority = try await Minting.authority(keeping: [], now: Self.start)
        let end = authority.certificate.notAfter
        let leaf = try await Minting.leaf(
            of: authority, names: ["a", "b"], lifetime: Self.day * 7, now: end - Self.day)
        #expect(leaf.certificate.notAfter == end)
        #expect(leaf.certificate.extensions.dnsNames == ["a", "b"])
        #expect(leaf.certificate.extensions.extendedKeyUsage == [.serverAuth])
        _ = try Chain(leaf.certificate).verified(against: [authority.certificate], at: end - Self.day)
    }

    @Test("only webhooks that do not trust the bundle are changed, and only in the version that was looked at")
    func injection() async throws {
        let mine = try await Minting.authority(keeping: [], now: Self.start)
        let other = try await Minting.authority(keeping: [], now: Self.start)
        func pem(_ certificates: X509Certificate...) -> JSONValue {
            .string(Base64.encode(Array(certificates.map(\.pem).joined().utf8)))
        }
        func configuration(_ bundles: JSONValue?...) -> JSONValue {
            let hooks = bundles.map { bundle -> JSONValue in
                var client: JSONValue = ["service": ["name": "webhook"]]
                client["caBundle"] = bundle
                return ["name": "webhook.cert-manager.io", "clientConfig": client]
            }
            return ["metadata": ["name": "w", "resourceVersion": "7"], "webhooks": .array(hooks)]
        }
        let bundle = [mine.certificate]
        #expect(BundleInjection.steps(configuration(pem(mine.certificate)), bundle: bundle) == [])
        #expect(
            BundleInjection.steps(configuration(pem(other.certificate, mine.certificate)), bundle: bundle) == [])
        #expect(
            BundleInjection.steps(
                configuration(pem(mine.certificate), nil, pem(other.certificate), "bm9uc2Vuc2U="), bundle: bundle)
                == [["op": "test", "path": "/metadata/resourceVersion", "value": "7"]]
                + [1, 2, 3].map {
                    ["op": "add", "path": "/webhooks/\($0)/clientConfig/caBundle", "value": pem(mine.certificate)]
                })
        #expect(BundleInjection.steps([:], bundle: bundle) == [])
    }
}
