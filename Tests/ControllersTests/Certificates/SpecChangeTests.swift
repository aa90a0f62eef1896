import CertificateAPI
import KubeModel
import PKI
import Testing
import Wire

@testable import Controllers

/// A change of the spec of a certificate that is in order.
struct SpecChange: Sendable, CustomTestStringConvertible {
    var name: String
    var base: @Sendable (inout Certificate.Spec) -> Void = { _ in }
    var change: @Sendable (inout Certificate.Spec) -> Void
    /// The fields that the reason names.
    var fields: [String] = []
    var testDescription: String { name }
}

@Suite("What a change of the spec does")
struct SpecChangeTests {
    private static func constrained(_ spec: inout Certificate.Spec) {
        spec.isCA = true
        spec.nameConstraints = .init()
        spec.nameConstraints?.permitted = .init()
        spec.nameConstraints?.permitted?.dnsDomains = ["a.example", "b.example"]
    }

    static let reissuing: [SpecChange] = [
        SpecChange(name: "dnsNames", change: { $0.dnsNames = ["a.example"] }, fields: ["spec.dnsNames"]),
        SpecChange(name: "ipAddresses", change: { $0.ipAddresses = ["192.0.2.1"] }, fields: ["spec.ipAddresses"]),
        SpecChange(name: "uris", change: { $0.uris = ["spiffe://a/b"] }, fields: ["spec.uris"]),
        SpecChange(
            name: "emailAddresses", change: { $0.emailAddresses = ["a@b.example"] }, fields: ["spec.emailAddresses"]),
        SpecChange(
            name: "otherNames added", change: { $0.otherNames = [.init(oid: "1.2.3", utf8Value: "x")] },
            fields: ["spec.otherNames"]),
        SpecChange(
            name: "otherNames removed", base: { $0.otherNames = [.init(oid: "1.2.3", utf8Value: "x")] },
            change: { $0.otherNames = nil }, fields: ["spec.otherNames"]),
        SpecChange(name: "commonName", change: { $0.commonName = "a.example" }, fields: ["spec.subject"]),
        SpecChange(
            name: "subject",
            change: {
                $0.subject = .init()
                $0.subject?.organizations = ["Acme"]
            }, fields: ["spec.subject"]),
        SpecChange(
            name: "literalSubject added", change: { $0.literalSubject = "CN=a.example,DC=example" },
            fields: ["spec.subject"]),
        SpecChange(
            name: "literalSubject in another order", base: { $0.literalSubject = "CN=a.example,OU=b,O=c" },
            change: { $0.literalSubject = "CN=a.example,O=c,OU=b" }, fields: ["spec.subject"]),
        SpecChange(name: "isCA", change: { $0.isCA = true }, fields: ["spec.isCA", "spec.usages"]),
        SpecChange(name: "usages", change: { $0.usages = ["server auth"] }, fields: ["spec.usages"]),
        SpecChange(
            name: "nameConstraints added", base: { $0.isCA = true }, change: { constrained(&$0) },
            fields: ["spec.nameConstraints"]),
        SpecChange(
            name: "nameConstraints removed", base: { constrained(&$0) }, change: { $0.nameConstraints = nil },
            fields: ["spec.nameConstraints"]),
        SpecChange(
            name: "nameConstraints made critical", base: { constrained(&$0) },
            change: { $0.nameConstraints?.critical = true }, fields: ["spec.nameConstraints"]),
        SpecChange(
            name: "signatureAlgorithm", change: { $0.signatureAlgorithm = "ECDSAWithSHA512" },
            fields: ["spec.signatureAlgorithm"]),
        SpecChange(
            name: "signatureAlgorithm left to us again", base: { $0.signatureAlgorithm = "ECDSAWithSHA512" },
            change: { $0.signatureAlgorithm = nil }, fields: ["spec.signatureAlgorithm"]),
        SpecChange(
            name: "duration", base: { $0.duration = "2000h" }, change: { $0.duration = "2160h" },
            fields: ["spec.duration"]),
        SpecChange(
            name: "encodeUsagesInRequest, where the certificate lacks the usages",
            change: { $0.encodeUsagesInRequest = false }, fields: ["spec.encodeUsagesInRequest"]),
    ]

    @Test("a change that alters the certificate makes a new one", arguments: reissuing)
    func reissues(_ change: SpecChange) async throws {
        let parts = try await Parts.shared
        let view = try await parts.changed(from: { change.base(&$0.spec) }) { change.change(&$0.spec) }
        let message =
            "the spec has changed since the certificate was requested: \(change.fields.joined(separator: ", "))"
        #expect(Trigger.decide(view) == .issue(Violation(reason: "RequestChanged", message: message)))
        let before = try await parts.changed(from: { change.base(&$0.spec) })
        #expect(Trigger.decide(before) == .fine(until: Parts.now + Parts.day * 50))
    }

    @Test("an issuer that changes, and a key of another kind, make a new certificate")
    func issuerAndKey() async throws {
        let parts = try await Parts.shared
        func reason(_ view: CertificateView) -> String? {
            if case .issue(let violation) = Trigger.decide(view) { violation.reason } else { nil }
        }
        #expect(reason(try await parts.ready { $0.spec.issuerRef.name = "other" }) == "IncorrectIssuer")
        #expect(reason(try await parts.ready { $0.spec.privateKey?.size = 384 }) == "SecretMismatch")
        #expect(reason(try await parts.ready { $0.spec.privateKey?.algorithm = "RSA" }) == "SecretMismatch")
    }

    @Test(
        "how usages are asked for is of no matter where the certificate has them, nor is the order of constraints",
        arguments: [true, false])
    func sameCertificate(encodes: Bool) async throws {
        let parts = try await Parts.shared
        var extensions = CertificateExtensions()
        extensions.names = [.dns("www.example.com")]
        extensions.keyUsage = [.digitalSignature, .keyEncipherment]
        let leaf = try await CertificateTemplate(
            subject: .empty, publicKey: parts.key.publicKey, notBefore: Parts.now - Parts.day * 10,
            notAfter: Parts.now + Parts.day * 80, extensions: extensions
        ).signed(by: nil, key: parts.key)
        let view = try await parts.changed(from: { $0.spec.encodeUsagesInRequest = encodes }, leaf: leaf) {
            $0.spec.encodeUsagesInRequest = !encodes
        }
        #expect(Trigger.decide(view) == .fine(until: Parts.now + Parts.day * 50))
        let constrained = try await parts.changed(from: { Self.constrained(&$0.spec) }) {
            $0.spec.nameConstraints?.permitted?.dnsDomains = ["b.example", "a.example"]
        }
        #expect(Trigger.decide(constrained) == .fine(until: Parts.now + Parts.day * 50))
    }

    static let rewriting: [SpecChange] = [
        SpecChange(name: "privateKey.encoding", change: { $0.privateKey?.encoding = "PKCS8" }),
        SpecChange(name: "additionalOutputFormats", change: { $0.additionalOutputFormats = [.init(type: "DER")] }),
        SpecChange(name: "secretTemplate", change: { $0.secretTemplate = .init(labels: ["a": "b"]) }),
    ]

    @Test("a change that does not alter the certificate rewrites the Secret alone", arguments: rewriting)
    func rewrites(_ change: SpecChange) async throws {
        let view = try await Parts.shared.ready { change.change(&$0.spec) }
        #expect(CertificateDecision.decide(view) == [.mendSecret, .lookAgain(at: Parts.now + Parts.day * 50)])
    }

    @Test("what only the next certificate is made by changes nothing now")
    func later() async throws {
        let view = try await Parts.shared.ready {
            $0.spec.privateKey?.rotationPolicy = "Never"
            $0.spec.revisionHistoryLimit = 3
        }
        #expect(CertificateDecision.decide(view) == [.lookAgain(at: Parts.now + Parts.day * 50)])
    }
}

@Suite("The other forms of key and certificate in a Secret")
struct OutputTests {
    private let settled: [CertificateAction] = [.lookAgain(at: Parts.now + Parts.day * 50)]

    private func wanting(_ formats: String...) -> @Sendable (inout Certificate) -> Void {
        { $0.spec.additionalOutputFormats = formats.map { .init(type: $0) } }
    }

    @Test("DER and combined PEM are there, and a wrong or a missing one is mended")
    func formats() async throws {
        let parts = try await Parts.shared
        let view = try await parts.changed(from: wanting("DER", "CombinedPEM"))
        #expect(CertificateDecision.decide(view) == settled)
        for key in ["key.der", "tls-combined.pem"] {
            for change: @Sendable (inout Secret) -> Void in [
                { $0.data?[key] = nil }, { $0.data?[key] = Base64Data(utf8: "else") },
            ] {
                let secret = try await parts.secret(view.certificate, change)
                #expect(CertificateDecision.decide(view.with { $0.secret = secret }) == [.mendSecret] + settled)
            }
        }
    }

    @Test("what is no longer asked for is taken away, unless somebody else put it there")
    func removal() async throws {
        let parts = try await Parts.shared
        let view = try await parts.changed(from: wanting("DER")) { $0.spec.additionalOutputFormats = nil }
        #expect(CertificateDecision.decide(view) == [.mendSecret] + settled)
        let theirs = view.with { $0.secret?.owned = OwnedMetadata(labels: [], annotations: [], ownerUIDs: []) }
        #expect(CertificateDecision.decide(theirs) == settled)
    }

    @Test("mending writes only what is wrong, and takes away only what is ours")
    func patch() async throws {
        let parts = try await Parts.shared
        let leaf = try await parts.leaf()
        func secret(_ certificate: Certificate) throws -> Secret {
            let desired = try DesiredCertificate(certificate.spec)
            return TargetSecret(certificate: certificate, settings: .init(), leaf: leaf).object(
                TargetData(
                    key: try parts.key.pem(desired.keyEncoding), chain: Array(leaf.pem.utf8), ca: nil,
                    outputs: desired.outputs))
        }
        let before = try secret(parts.certificate(wanting("DER")))
        func patch(_ change: @Sendable (inout Certificate) -> Void, owned: Set<String> = []) throws -> DataPatch {
            try DataPatch(
                mending: before, try DesiredCertificate(parts.certificate(change).spec), owned: owned, keystores: nil,
                limits: .default)
        }
        #expect(try patch(wanting("DER")) == DataPatch())
        var removing = DataPatch()
        removing.remove(["key.der"])
        #expect(try patch({ _ in }, owned: ["key.der", "keystore.jks"]) == removing)
        #expect(try patch({ _ in }) == DataPatch())
        var adding = DataPatch()
        adding.set(
            "tls-combined.pem", (before["tls.key"] ?? []) + [UInt8(ascii: "\n")] + (before["tls.crt"] ?? []))
        #expect(try patch(wanting("DER", "CombinedPEM")) == adding)
        var encoded = DataPatch()
        encoded.set("tls.key", try parts.key.pem(.pkcs8))
        encoded.set("key.der", try parts.key.der(.pkcs8))
        #expect(
            try patch {
                $0.spec.additionalOutputFormats = [.init(type: "DER")]
                $0.spec.privateKey?.encoding = "PKCS8"
            } == encoded)
    }

    @Test("what managed fields say of data counts for the keys that are there on request")
    func managedFields() throws {
        let fields = try JSONValue(
            parsing: Array(
                """
                [{"manager": "cert-manager-certificates-issuing", "fieldsV1": {"f:data": {"f:key.der": {}, "f:tls.crt": {},
                "f:keystore.p12": {}}}}, {"manager": "other", "fieldsV1": {"f:data": {"f:tls-combined.pem": {}}}}]
                """.utf8))
        #expect(OwnedMetadata(fields).data == ["key.der", "keystore.p12"])
    }
}

@Suite("Keystores of a Certificate")
struct KeystoreDecisionTests {
    private static func keystores(_ certificate: inout Certificate) {
        certificate.spec.keystores = .init()
        certificate.spec.keystores?.jks = .init(create: true)
        certificate.spec.keystores?.jks?.passwordSecretRef = SecretKeySelector(name: "p", key: "password")
        certificate.spec.keystores?.pkcs12 = .init(create: true)
        certificate.spec.keystores?.pkcs12?.passwordSecretRef = SecretKeySelector(name: "p", key: "password")
    }
    private let problem = KeystorePasswordProblem(description: "the Secret p does not exist")
    private let told = CertificateAction.tell(
        .warning("KeystorePasswordSecretNotFound", "The Secret p does not exist"))

    @Test("stores that are outdated are made anew; no certificate is asked for")
    func outdated() async throws {
        let view = try await Parts.shared.ready(Self.keystores).with { $0.keystores = .outdated }
        #expect(CertificateDecision.decide(view) == [.mendSecret, .lookAgain(at: Parts.now + Parts.day * 50)])
    }

    @Test("without a password nothing is asked of an issuer, and the user is told once")
    func noPassword() async throws {
        let view = try await Parts.shared.fresh(Self.keystores).with { $0.keystores = .passwordMissing(problem) }
        let actions = CertificateDecision.decide(view)
        #expect(actions.count == 2 && actions.last == told)
        let condition = actions.status?.conditions[type: "Issuing"]
        #expect(condition?.status == .no)
        #expect(condition?.reason == "KeystorePasswordSecretNotFound")
        var after = view.certificate
        after.status = actions.status
        let again = CertificateDecision.decide(view.with(certificate: after).with { $0.keystores = view.keystores })
        #expect(again == [.setStatus(try #require(actions.status))])
        let found = CertificateDecision.decide(view.with(certificate: after).with { $0.keystores = .right })
        #expect(found.contains(.createRequest(revision: 1, nextKey: NextKey.secretName(view))))
    }

    @Test("a password that vanishes later is told of, and the certificate stays ready")
    func passwordGone() async throws {
        let view = try await Parts.shared.ready(Self.keystores).with { $0.keystores = .passwordMissing(problem) }
        let actions = CertificateDecision.decide(view)
        #expect(actions.contains(told))
        #expect(actions.status?.conditions.isTrue("Ready") == true)
        #expect(!actions.contains(.mendSecret))
        var after = view.certificate
        after.status = actions.status
        #expect(
            CertificateDecision.decide(view.with(certificate: after).with { $0.keystores = .passwordMissing(problem) })
                == [.lookAgain(at: Parts.now + Parts.day * 50)])
        let back = CertificateDecision.decide(view.with(certificate: after).with { $0.keystores = .right })
        #expect(back.status?.conditions[type: "Issuing"] == nil)
    }

    @Test("an answer that comes while the password is gone waits for it")
    func answered() async throws {
        let parts = try await Parts.shared
        let view = try await parts.underWay({ $0.answer(.yes, "Issued") }, Self.keystores)
            .with { $0.keystores = .passwordMissing(problem) }
        #expect(CertificateDecision.decide(view) == [.setStatus(view.status), told])
        #expect(
            CertificateDecision.decide(view.with { $0.keystores = .right })
                == [.complete(request: "site-1", nextKey: "site-next-key-1")])
    }
}

@Suite("Files of keystores")
struct KeystoreFileTests {
    private func desired(_ change: (inout Certificate.Keystores) -> Void = { _ in }) async throws -> DesiredOutputs {
        let parts = try await Parts.shared
        return try DesiredCertificate(
            parts.certificate {
                var stores = Certificate.Keystores()
                stores.jks = .init(create: true)
                stores.jks?.password = "changeit"
                stores.pkcs12 = .init(create: true)
                stores.pkcs12?.password = "changeit"
                change(&stores)
                $0.spec.keystores = stores
            }.spec
        ).outputs
    }

    private static let authority = Task { try await Parts.shared.leaf(["ca"], key: try await Parts.shared.otherKey) }

    @Test("are right until password, alias, profile, key or CA change")
    func right() async throws {
        let outputs = try await desired()
        let parts = try await Parts.shared
        let leaf = Array(try await parts.leaf(["a.example"]).pem.utf8)
        let password = try KeystorePassword(Array("changeit".utf8))
        let passwords = KeystorePasswords(jks: password, pkcs12: password)
        let ca = Array(try await Self.authority.value.pem.utf8)
        func files(_ outputs: DesiredOutputs, _ passwords: KeystorePasswords, ca: [UInt8]?) throws -> KeystoreFiles {
            try KeystoreFiles(outputs, passwords, key: parts.key, chain: leaf, ca: ca, limits: .default)
        }
        let made = try await files(outputs, passwords, ca: ca).make()
        #expect(made.keys.sorted() == ["keystore.jks", "keystore.p12", "truststore.jks", "truststore.p12"])
        let data = made.mapValues { Base64Data($0) }
        #expect(try await files(outputs, passwords, ca: ca).areRight(data))
        #expect(try await !files(outputs, passwords, ca: nil).areRight(data))
        let other = try KeystorePassword(Array("changed".utf8))
        #expect(try await !files(outputs, KeystorePasswords(jks: other, pkcs12: password), ca: ca).areRight(data))
        #expect(try await !files(outputs, KeystorePasswords(jks: password, pkcs12: other), ca: ca).areRight(data))
        let renamed = try await desired { $0.jks?.alias = "site" }
        #expect(try await !files(renamed, passwords, ca: ca).areRight(data))
        for profile in ["LegacyDES", "Modern2023", "Modern2026"] {
            let changed = try await desired { $0.pkcs12?.profile = profile }
            #expect(try await !files(changed, passwords, ca: ca).areRight(data))
        }
        let rekeyed = try KeystoreFiles(
            outputs, passwords, key: parts.otherKey, chain: leaf, ca: ca, limits: .default)
        #expect(await !rekeyed.areRight(data))
        for key in made.keys {
            var less = data
            less[key] = nil
            #expect(try await !files(outputs, passwords, ca: ca).areRight(less))
        }
        let alone = try await files(outputs, passwords, ca: nil).make()
        #expect(alone.keys.sorted() == ["keystore.jks", "keystore.p12"])
    }
}

@Suite("Temporary certificates")
struct TemporaryCertificateTests {
    @Test("carry every kind of name and the subject in its order, marked by a serial number")
    func names() async throws {
        let parts = try await Parts.shared
        let desired = try DesiredCertificate(
            parts.certificate {
                $0.spec.literalSubject = "CN=a.example,DC=corp,OU=b,O=c"
                $0.spec.ipAddresses = ["192.0.2.1"]
                $0.spec.uris = ["spiffe://a/b"]
                $0.spec.emailAddresses = ["a@b.example"]
                $0.spec.otherNames = [.init(oid: "1.2.3", utf8Value: "x")]
            }.spec)
        let made = try await TemporaryCertificate.make(desired, for: parts.key.publicKey, now: Parts.now)
        #expect(made.extensions.names == desired.names)
        #expect(made.extensions.names.count == 5)
        #expect(made.subject.description == "SERIALNUMBER=1234567890,CN=a.example,DC=corp,OU=b,O=c")
        #expect(LeafFacts(made).isTemporary)
    }
}
