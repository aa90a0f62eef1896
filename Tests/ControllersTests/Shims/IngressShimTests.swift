import CertificateAPI
import KubeModel
import Testing
import Wire

@testable import Controllers

@Suite("The decision about an Ingress")
struct IngressShimTests {
    static let usages = ["digital signature", "key encipherment"]

    static func ingress(
        _ annotations: [String: String] = [Names.Annotation.issuer: "ca"],
        tls: [Ingress.TLS] = [Ingress.TLS(hosts: ["a.example.com"], secretName: "a-tls")]
    ) -> Ingress {
        var metadata = ObjectMeta(name: "web", namespace: "ns")
        metadata.uid = "ingress-uid"
        metadata.annotations = annotations
        return Ingress(metadata: metadata, spec: Ingress.Spec(tls: tls))
    }

    static func decide(
        _ ingress: Ingress, _ certificates: [Certificate] = [], settings: ShimSettings = .init()
    ) -> [ShimAction] {
        Shim.decide(ShimView(source: ShimSource(ingress), certificates: certificates, settings: settings))
    }

    /// The Certificates made for an Ingress, as the API server stores them.
    static func stored(_ ingress: Ingress, settings: ShimSettings = .init()) -> [Certificate] {
        decide(ingress, settings: settings).compactMap { action in
            guard case .create(var certificate) = action else { return nil }
            certificate.metadata.uid = "certificate-uid"
            certificate.metadata.resourceVersion = "7"
            return certificate
        }
    }

    static func complaints(_ actions: [ShimAction]) -> [String] {
        actions.compactMap { if case .complain(let problem) = $0 { problem.description } else { nil } }
    }

    @Test("an Ingress with an issuer gets a Certificate for each TLS entry")
    func creates() {
        var ingress = Self.ingress(tls: [
            Ingress.TLS(hosts: ["a.example.com", "192.0.2.1", "b.example.com", "a.example.com"], secretName: "a-tls"),
            Ingress.TLS(hosts: ["c.example.com"], secretName: "c-tls"),
        ])
        ingress.metadata.labels = ["app": "web", "applyset.kubernetes.io/part-of": "x"]
        let owner = OwnerReference(
            apiVersion: "networking.k8s.io/v1", kind: "Ingress", name: "web", uid: "ingress-uid", controller: true,
            blockOwnerDeletion: true)
        func expected(_ name: String, dns: [String], ip: [String]?) -> ShimAction {
            var metadata = ObjectMeta(name: name, namespace: "ns")
            metadata.labels = ["app": "web"]
            metadata.ownerReferences = [owner]
            var spec = Certificate.Spec(
                secretName: name, issuerRef: IssuerReference(name: "ca", kind: "Issuer", group: "cert-manager.io"))
            spec.dnsNames = dns
            spec.ipAddresses = ip
            spec.usages = Self.usages
            return .create(Certificate(metadata: metadata, spec: spec))
        }
        #expect(
            Self.decide(ingress) == [
                expected("a-tls", dns: ["a.example.com", "b.example.com"], ip: ["192.0.2.1"]),
                expected("c-tls", dns: ["c.example.com"], ip: nil),
            ])
    }

    @Test("what was made is never written again")
    func settles() {
        let annotations = [
            Names.Annotation.clusterIssuer: "acme", Names.Annotation.duration: "2160h",
            Names.Annotation.commonName: "a",
            Names.Annotation.http01EditInPlace: "true", Names.Annotation.privateKeyAlgorithm: "ECDSA",
        ]
        let ingress = Self.ingress(annotations)
        #expect(Self.decide(ingress, Self.stored(ingress)) == [])
    }

    @Test(
        "an Ingress that names no issuer gets none, and one that says tls-acme gets the default one",
        arguments: [
            ([:], nil), ([Names.Annotation.tlsACME: "true"], nil),
            ([Names.Annotation.tlsACME: "true"], IssuerReference(name: "d", kind: "ClusterIssuer")),
            ([Names.Annotation.tlsACME: "false"], IssuerReference(name: "d", kind: "ClusterIssuer")),
        ] as [([String: String], IssuerReference?)])
    func automatic(annotations: [String: String], issuer: IssuerReference?) {
        let stored = Self.stored(Self.ingress(annotations), settings: .init(defaultIssuer: issuer))
        let isWanted = annotations[Names.Annotation.tlsACME] == "true" && issuer != nil
        #expect(stored.map(\.spec.issuerRef) == (isWanted ? [issuer!.normalized] : []))  // not nil: just compared
    }

    @Test("kind and group of an issuer elsewhere are taken over")
    func foreignIssuer() {
        let ingress = Self.ingress([
            Names.Annotation.issuer: "x", Names.Annotation.issuerKind: "AWSPCAIssuer",
            Names.Annotation.issuerGroup: "awspca",
        ])
        #expect(
            Self.stored(ingress).map(\.spec.issuerRef) == [
                IssuerReference(name: "x", kind: "AWSPCAIssuer", group: "awspca")
            ])
    }

    @Test(
        "contradictions are complained about, and nothing is done",
        arguments: [
            [Names.Annotation.issuer: "a", Names.Annotation.clusterIssuer: "b"],
            [Names.Annotation.clusterIssuer: "b", Names.Annotation.issuerKind: "x"],
            [Names.Annotation.clusterIssuer: "b", Names.Annotation.issuerGroup: "x"], [Names.Annotation.issuer: ""],
            [Names.Annotation.issuer: "a", Names.Annotation.duration: "1 week"],
            [Names.Annotation.issuer: "a", Names.Annotation.duration: "59m"],
            [Names.Annotation.issuer: "a", Names.Annotation.renewBefore: "4m"],
            [Names.Annotation.issuer: "a", Names.Annotation.renewBeforePercentage: "100"],
            [Names.Annotation.issuer: "a", Names.Annotation.revisionHistoryLimit: "0"],
            [Names.Annotation.issuer: "a", Names.Annotation.usages: "server auth,nonsense"],
            [Names.Annotation.issuer: "a", Names.Annotation.privateKeyAlgorithm: "DSA"],
            [Names.Annotation.issuer: "a", Names.Annotation.privateKeySize: "1024"],
            [
                Names.Annotation.issuer: "a", Names.Annotation.privateKeyAlgorithm: "ECDSA",
                Names.Annotation.privateKeySize: "300",
            ],
            [Names.Annotation.issuer: "a", Names.Annotation.commonName: String(repeating: "x", count: 65)],
            [Names.Annotation.issuer: "a", Names.Annotation.ipSANs: "not-an-address"],
            [Names.Annotation.issuer: "a", Names.Annotation.subjectOrganizations: "\"open"],
            [Names.Annotation.issuer: "a", Names.Annotation.secretTemplate: "{"],
            [Names.Annotation.issuer: "a", Names.Annotation.secretTemplate: #"{"data": {}}"#],
            [
                Names.Annotation.issuer: "a",
                Names.Annotation.secretTemplate: #"{"annotations": {"cert-manager.io/x": "1"}}"#,
            ],
            [
                Names.Annotation.issuer: "a", Names.Annotation.http01EditInPlace: "true",
                Names.Annotation.http01IngressClass: "nginx",
            ],
        ])
    func contradictions(annotations: [String: String]) {
        // An owned Certificate stays as it is.
        let actions = Self.decide(Self.ingress(annotations), Self.stored(Self.ingress()))
        #expect(actions.count == 1)
        #expect(Self.complaints(actions).count == 1)
    }

    @Test("one Secret in two TLS entries refuses the whole Ingress")
    func duplicateSecret() {
        let entry = Ingress.TLS(hosts: ["a"], secretName: "s")
        let actions = Self.decide(Self.ingress(tls: [entry, entry]))
        #expect(
            Self.complaints(actions) == [
                "spec.tls[1].secretName: Invalid value: \"s\": this secret name must only appear in a single TLS entry"
            ])
        #expect(actions.count == 1)
    }

    @Test("a TLS entry without hosts or Secret is skipped, and the others are served")
    func incomplete() {
        let actions = Self.decide(
            Self.ingress(tls: [
                Ingress.TLS(hosts: nil, secretName: "s"), Ingress.TLS(hosts: ["a"], secretName: nil),
                Ingress.TLS(hosts: ["b"], secretName: "b"),
            ]))
        #expect(
            Self.complaints(actions) == [
                "skipped a TLS entry: spec.tls[0].hosts: Required value",
                "skipped a TLS entry: spec.tls[1].secretName: Required value",
            ])
        #expect(actions.count == 3)
    }

    @Test("every annotation reaches its field")
    func annotations() throws {
        let ingress = Self.ingress([
            Names.Annotation.issuer: "ca", Names.Annotation.commonName: "cn",
            Names.Annotation.altNames: "b.example.com, a.example.com",
            Names.Annotation.ipSANs: "192.0.2.1,2001:DB8::1", Names.Annotation.uriSANs: "spiffe://x/y",
            Names.Annotation.emailSANs: "a@b.c", Names.Annotation.subjectOrganizations: #"Smith\, Sons,"Q ""X"" Co""#,
            Names.Annotation.subjectOrganizationalUnits: "ou", Names.Annotation.subjectCountries: "DE,FR",
            Names.Annotation.subjectProvinces: "p", Names.Annotation.subjectLocalities: "l",
            Names.Annotation.subjectStreetAddresses: "s", Names.Annotation.subjectPostalCodes: "1",
            Names.Annotation.subjectSerialNumber: "42", Names.Annotation.duration: "48h",
            Names.Annotation.renewBefore: "1h30m",
            Names.Annotation.renewBeforePercentage: "33", Names.Annotation.usages: "server auth,client auth",
            Names.Annotation.revisionHistoryLimit: "3", Names.Annotation.privateKeyAlgorithm: "RSA",
            Names.Annotation.privateKeyEncoding: "PKCS8", Names.Annotation.privateKeySize: "4096",
            Names.Annotation.privateKeyRotationPolicy: "Never",
            Names.Annotation.secretTemplate: #"{"annotations": {"a": "1"}, "labels": {"l": "2"}}"#,
        ])
        let spec = try #require(Self.stored(ingress).first?.spec)
        var expected = Certificate.Spec(secretName: "a-tls", issuerRef: spec.issuerRef)
        expected.commonName = "cn"
        expected.dnsNames = ["a.example.com", "b.example.com"]
        expected.ipAddresses = ["192.0.2.1", "2001:db8::1"]
        expected.uris = ["spiffe://x/y"]
        expected.emailAddresses = ["a@b.c"]
        var subject = Certificate.Subject()
        subject.organizations = ["Smith, Sons", "Q \"X\" Co"]
        subject.organizationalUnits = ["ou"]
        subject.countries = ["DE", "FR"]
        subject.provinces = ["p"]
        subject.localities = ["l"]
        subject.streetAddresses = ["s"]
        subject.postalCodes = ["1"]
        subject.serialNumber = "42"
        expected.subject = subject
        expected.duration = "48h0m0s"
        expected.renewBefore = "1h30m0s"
        expected.renewBeforePercentage = 33
        expected.usages = ["server auth", "client auth"]
        expected.revisionHistoryLimit = 3
        var key = Certificate.PrivateKey()
        key.algorithm = "RSA"
        key.encoding = "PKCS8"
        key.size = 4096
        key.rotationPolicy = "Never"
        expected.privateKey = key
        expected.secretTemplate = .init(annotations: ["a": "1"], labels: ["l": "2"])
        #expect(spec == expected)
    }

    @Test(
        "a change of any annotation changes its field, and taking it away takes it back",
        arguments: [
            (Names.Annotation.commonName, "cn", "commonName"), (Names.Annotation.altNames, "b", "dnsNames"),
            (Names.Annotation.ipSANs, "192.0.2.1", "ipAddresses"), (Names.Annotation.uriSANs, "x://y", "uris"),
            (Names.Annotation.emailSANs, "a@b.c", "emailAddresses"),
            (Names.Annotation.subjectCountries, "DE", "subject"),
            (Names.Annotation.duration, "48h", "duration"), (Names.Annotation.renewBefore, "1h", "renewBefore"),
            (Names.Annotation.renewBeforePercentage, "50", "renewBeforePercentage"),
            (Names.Annotation.usages, "client auth", "usages"),
            (Names.Annotation.revisionHistoryLimit, "2", "revisionHistoryLimit"),
            (Names.Annotation.privateKeySize, "4096", "privateKey"),
            (Names.Annotation.secretTemplate, #"{"labels": {"a": "b"}}"#, "secretTemplate"),
            (Names.Annotation.issuerGroup, "example.com", "issuerRef"),
            (Names.Annotation.issuerKind, "Other", "issuerRef"),
        ])
    func updates(key: String, value: String, field: String) throws {
        let plain = Self.ingress()
        var annotated = plain
        annotated.metadata.annotations?[key] = value
        for (from, to) in [(plain, annotated), (annotated, plain)] {
            let present = Self.stored(from)
            let actions = Self.decide(to, present)
            guard case .change(let patch, let old)? = actions.first, actions.count == 1 else {
                Issue.record("expected one change, got \(actions)")
                continue
            }
            #expect(old == present[0])
            #expect(patch["spec"]?.objectValue?.keys == [field])
            #expect(patch["metadata"] == ["resourceVersion": "7"])
            // The patched object is what would have been made in the first place.
            let patched = try present[0].manifest().merging(patch: patch).decode(Certificate.self)
            #expect(patched.spec == Self.stored(to)[0].spec)
        }
    }

    @Test("labels, copied annotations and the way of HTTP-01 follow the Ingress")
    func metadataUpdates() throws {
        let settings = ShimSettings(copiedAnnotations: ["team"])
        var before = Self.ingress([
            Names.Annotation.issuer: "ca", "team": "a", Names.Annotation.http01EditInPlace: "true",
        ])
        before.metadata.labels = ["old": "1", "same": "1"]
        var present = Self.stored(before, settings: settings)
        present[0].metadata.annotations?["users"] = "own"
        var after = Self.ingress([Names.Annotation.issuer: "ca", Names.Annotation.http01IngressClassName: "traefik"])
        after.metadata.labels = ["new": "1", "same": "1"]
        let expected: JSONValue = [
            "metadata": [
                "resourceVersion": "7", "labels": ["old": nil, "new": "1"],
                "annotations": [
                    "team": nil, Names.Annotation.http01OverrideIngressName: nil,
                    Names.Annotation.issueTemporaryCertificate: nil,
                    Names.Annotation.http01OverrideIngressClassName: "traefik",
                ],
            ]
        ]
        #expect(Self.decide(after, present, settings: settings) == [.change(expected, present[0])])
    }

    @Test("what only users set on the Certificate stays")
    func usersFields() {
        let ingress = Self.ingress()
        var present = Self.stored(ingress)
        present[0].spec.renewal = .init(policy: "Disabled")
        present[0].spec.isCA = true
        present[0].metadata.annotations = [Names.Annotation.issueTemporaryCertificate: "true", "x": "y"]
        present[0].spec.issuerRef = IssuerReference(name: "ca")
        #expect(Self.decide(ingress, present) == [])
    }

    @Test("a Certificate that somebody else controls, or nobody, is left alone")
    func foreign() {
        let ingress = Self.ingress()
        var present = Self.stored(ingress)
        present[0].spec.dnsNames = ["other.example.com"]
        for owners in [nil, [OwnerReference(apiVersion: "v1", kind: "X", name: "x", uid: "y", controller: true)]] {
            present[0].metadata.ownerReferences = owners
            #expect(Self.decide(ingress, present) == [])
            #expect(Self.decide(Self.ingress(tls: []), present) == [])
        }
    }

    @Test("a Certificate whose Secret is not named any more is deleted")
    func deletes() {
        let present = Self.stored(Self.ingress())
        #expect(Self.decide(Self.ingress(tls: []), present) == [.delete(present[0])])
        let renamed = Self.ingress(tls: [Ingress.TLS(hosts: ["a"], secretName: "other")])
        #expect(
            Self.decide(renamed, present) == Self.stored(renamed).map { stored in
                var made = stored
                made.metadata.uid = nil
                made.metadata.resourceVersion = nil
                return .create(made)
            } + [.delete(present[0])])
    }

    @Test("an Ingress without our annotations, or on its way out, touches nothing")
    func nothing() {
        let present = Self.stored(Self.ingress())
        #expect(Self.decide(Self.ingress([:]), present) == [])
        var leaving = Self.ingress(tls: [])
        leaving.metadata.deletionTimestamp = Timestamp(secondsSince1970: 1)
        #expect(Self.decide(leaving, present) == [])
    }

    @Test(
        "lists in annotations are split as CSV, with backslash escapes",
        arguments: [
            ("a,b", ["a", "b"]), (" a , b ,", ["a", "b"]), (#"a\,b,c"#, ["a,b", "c"]), (#""a,b",c"#, ["a,b", "c"]),
            (#""a ""b""""#, [#"a "b""#]), ("", []), (#"\\"#, ["\\"]), (#"a\"#, ["a"]),
        ])
    func lists(text: String, values: [String]) {
        #expect(CommaList.parse(text) == values)
    }

    @Test("a list with an open quote is refused")
    func openQuote() {
        #expect(CommaList.parse(#""a,b"#) == nil)
    }
}
