import Injection
import KubeModel
import PKI
import Testing
import Wire

@Suite("what is injected")
struct InjectionDecisionTests {
    func decide(_ authority: CABundle, into standing: String?...) -> [InjectionAction] {
        let places = standing.enumerated().map { BundlePlace(path: "/\($0.offset)", bundle: $0.element) }
        return Injection.decide(
            InjectionView(places: places, authority: .success(authority), source: "the test's CA", now: Examples.noon))
    }

    @Test("an empty place gets the CA, and is looked at again when that expires")
    func empty() async throws {
        let authority = try await Examples.authority("one")
        #expect(
            decide(try Examples.bundle(authority), into: nil, "")
                == [
                    .write([
                        BundlePlace(path: "/0", bundle: Examples.base64(authority)),
                        BundlePlace(path: "/1", bundle: Examples.base64(authority)),
                    ]), .lookAgain(at: authority.notAfter),
                ])
    }

    @Test("what stands there already is not written again, in whatever order")
    func unchanged() async throws {
        let (one, two) = (try await Examples.authority("one"), try await Examples.authority("two", days: 20))
        #expect(
            decide(try Examples.bundle(one), into: Examples.base64(two, one)) == [.lookAgain(at: two.notAfter)])
    }

    @Test("a new CA goes before the old one, which stays while it is valid")
    func rotation() async throws {
        let (old, new) = (try await Examples.authority("ca", days: 10), try await Examples.authority("ca"))
        #expect(
            decide(try Examples.bundle(new), into: Examples.base64(old))
                == [
                    .write([BundlePlace(path: "/0", bundle: Examples.base64(new, old))]),
                    .lookAgain(at: old.notAfter),
                ])
    }

    @Test("what has expired or stands there twice is taken out")
    func expired() async throws {
        let (old, new) = (try await Examples.authority("ca", days: -1), try await Examples.authority("ca"))
        let written = [
            InjectionAction.write([BundlePlace(path: "/0", bundle: Examples.base64(new))]),
            .lookAgain(at: new.notAfter),
        ]
        #expect(decide(try Examples.bundle(new), into: Examples.base64(new, old)) == written)
        #expect(decide(try Examples.bundle(new), into: Examples.base64(new, new)) == written)
        #expect(decide(try Examples.bundle(new, old), into: nil) == written)
    }

    @Test("a CA that has expired itself changes nothing, and is told")
    func useless() async throws {
        let old = try await Examples.authority("ca", days: -1)
        #expect(decide(try Examples.bundle(old), into: "") == [.complain(.expired("the test's CA"))])
    }

    @Test("what is no PEM is replaced; what a certificate of unknown shape is, stays")
    func strange() async throws {
        let new = try await Examples.authority("ca")
        let written = [
            InjectionAction.write([BundlePlace(path: "/0", bundle: Examples.base64(new))]),
            .lookAgain(at: new.notAfter),
        ]
        for nonsense in ["!", "Cg==", Base64.encode(Array("-----BEGIN CERTIFICATE-----\n".utf8))] {
            #expect(decide(try Examples.bundle(new), into: nonsense) == written)
        }
        let odd = PEM.encode("CERTIFICATE", [0x30, 0x03, 0x02, 0x01, 0x01])
        let joined = Base64.encode(Array((new.pem + odd).utf8))
        #expect(
            decide(try Examples.bundle(new), into: Base64.encode(Array(odd.utf8)))
                == [.write([BundlePlace(path: "/0", bundle: joined)]), .lookAgain(at: new.notAfter)])
    }

    @Test("a bundle never grows without end")
    func bounded() async throws {
        let new = try await Examples.authority("ca")
        let old = (0..<80).map { PEM.encode("CERTIFICATE", [0x30, 0x03, 0x02, 0x01, UInt8($0)]) }.joined()
        guard case .write(let places)? = decide(try Examples.bundle(new), into: Base64.encode(Array(old.utf8))).first,
            let text = places.first?.bundle, let pem = Base64.decode(text)
        else {
            Issue.record("nothing is written")
            return
        }
        let blocks = try PEM.parse(pem)
        #expect(blocks.count == 64)
        #expect(blocks.first?.bytes == new.der)
    }

    @Test("an object that takes no bundle is left alone, and a problem is told once for all places")
    func nothing() {
        let problem = InjectionProblem.certificateMissing(ObjectKey(namespace: "tls", name: "ca"))
        var view = InjectionView(places: [], authority: .failure(problem), source: "", now: Examples.noon)
        #expect(Injection.decide(view) == [])
        view.places = [BundlePlace(path: "/0"), BundlePlace(path: "/1")]
        #expect(Injection.decide(view) == [.complain(problem)])
    }
}

@Suite("where a CA comes from")
struct SourceTests {
    static let key = ObjectKey(namespace: "tls", name: "ca")

    @Test("a Secret goes before a Certificate, and that before the API server")
    func precedence() {
        let all = [
            "cert-manager.io/inject-ca-from-secret": "a/secret", "cert-manager.io/inject-ca-from": "b/certificate",
            "cert-manager.io/inject-apiserver-ca": "true",
        ]
        #expect(CAWish.read(all) == .success(.secret(ObjectKey(namespace: "a", name: "secret"))))
        var fewer = all
        fewer["cert-manager.io/inject-ca-from-secret"] = nil
        #expect(CAWish.read(fewer) == .success(.certificate(ObjectKey(namespace: "b", name: "certificate"))))
        fewer["cert-manager.io/inject-ca-from"] = nil
        #expect(CAWish.read(fewer) == .success(.apiServer))
        fewer["cert-manager.io/inject-apiserver-ca"] = "false"
        #expect(CAWish.read(fewer) == nil)
        #expect(CAWish.read([:]) == nil)
    }

    @Test(
        "an annotation that names nothing is told, and reaches no path",
        arguments: ["", "name", "a/b/c", "/b", "a/", "../b", "a/..", "A/b", "a/b c", "a/b?x=y"])
    func malformed(text: String) {
        guard case .failure(.badAnnotation(let message))? = CAWish.read(["cert-manager.io/inject-ca-from": text]) else {
            Issue.record("it was taken")
            return
        }
        #expect(message.contains("namespace/name"))
    }

    @Test("a Secret gives its CA only where it says that it may")
    func direct() async throws {
        let authority = try await Examples.authority("one")
        let allowed = ["cert-manager.io/allow-direct-injection": "true"]
        let data = ["ca.crt": authority.pem]
        func read(_ secret: Secret?) -> Result<CABundle, InjectionProblem> {
            Result { () throws(InjectionProblem) in try AuthorityReading.direct(secret, Self.key) }
        }
        #expect(read(Examples.secret(annotations: allowed, data: data)) == .success(try Examples.bundle(authority)))
        #expect(read(Examples.secret(data: data)) == .failure(.notAllowed(Self.key)))
        #expect(
            read(Examples.secret(annotations: ["cert-manager.io/allow-direct-injection": "yes"], data: data))
                == .failure(.notAllowed(Self.key)))
        #expect(read(nil) == .failure(.secretMissing(Self.key)))
        #expect(
            read(Examples.secret(annotations: allowed, data: ["tls.crt": "x"])) == .failure(.noAuthority(Self.key)))
        #expect(read(Examples.secret(annotations: allowed, data: ["ca.crt": ""])) == .failure(.noAuthority(Self.key)))
    }

    @Test("a Secret of garbage is told without its content")
    func garbage() {
        for garbage in ["canary", "-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n"] {
            let secret = Examples.secret(
                annotations: ["cert-manager.io/allow-direct-injection": "true"], data: ["ca.crt": garbage])
            #expect {
                try AuthorityReading.direct(secret, Self.key)
            } throws: { error in
                guard let problem = error as? InjectionProblem, case .unreadable = problem else { return false }
                return problem.message.contains("ca.crt of the Secret \"tls/ca\" cannot be read")
                    && !problem.message.contains("canary") && !problem.message.contains("Y2FuYXJ5")
            }
        }
    }

    @Test("a Certificate's Secret must be its own")
    func issued() async throws {
        let authority = try await Examples.authority("one")
        let certificate = ObjectKey(namespace: "tls", name: "site")
        let data = ["ca.crt": authority.pem]
        func read(_ secret: Secret?) -> Result<CABundle, InjectionProblem> {
            Result { () throws(InjectionProblem) in try AuthorityReading.issued(secret, Self.key, to: certificate) }
        }
        let own = ["cert-manager.io/certificate-name": "site"]
        #expect(read(Examples.secret(annotations: own, data: data)) == .success(try Examples.bundle(authority)))
        let others = ["cert-manager.io/certificate-name": "other", "cert-manager.io/allow-direct-injection": "true"]
        #expect(
            read(Examples.secret(annotations: others, data: data))
                == .failure(.otherCertificate(certificate, secret: Self.key)))
        #expect(read(nil) == .failure(.certificatePending(certificate, secret: Self.key)))
    }
}

@Suite("the kinds that take a CA")
struct TargetTests {
    @Test("every webhook of a configuration is a place")
    func webhooks() {
        let object: JSONValue = [
            "webhooks": [
                ["name": "a.example.com", "clientConfig": ["caBundle": "QQ=="]], ["name": "odd.example.com"],
                ["name": "b.example.com", "clientConfig": ["url": "https://b.example.com"]],
            ]
        ]
        let places = [
            BundlePlace(path: "/webhooks/0/clientConfig/caBundle", bundle: "QQ=="),
            BundlePlace(path: "/webhooks/2/clientConfig/caBundle"),
        ]
        #expect(ValidatingWebhooks.places(in: object) == places)
        #expect(MutatingWebhooks.places(in: object) == places)
        #expect(ValidatingWebhooks.places(in: [:]) == [])
    }

    @Test("an APIService has a place where a Service answers for it, a definition where a webhook converts")
    func single() {
        #expect(APIServices.places(in: ["spec": ["service": ["name": "x"]]]) == [BundlePlace(path: "/spec/caBundle")])
        #expect(APIServices.places(in: ["spec": ["group": "apps"]]) == [])
        let conversion: JSONValue = [
            "spec": ["conversion": ["strategy": "Webhook", "webhook": ["clientConfig": ["caBundle": "QQ=="]]]]
        ]
        #expect(
            CustomResourceDefinitions.places(in: conversion)
                == [BundlePlace(path: "/spec/conversion/webhook/clientConfig/caBundle", bundle: "QQ==")])
        #expect(CustomResourceDefinitions.places(in: ["spec": ["conversion": ["strategy": "None"]]]) == [])
    }

    @Test("only the places that differ are written")
    func partly() async throws {
        let authority = try await Examples.authority("one")
        let places = [
            BundlePlace(path: "/a", bundle: Examples.base64(authority)), BundlePlace(path: "/b"),
        ]
        let view = InjectionView(
            places: places, authority: .success(try Examples.bundle(authority)), source: "", now: Examples.noon)
        #expect(
            Injection.decide(view) == [
                .write([BundlePlace(path: "/b", bundle: Examples.base64(authority))]),
                .lookAgain(at: authority.notAfter),
            ])
    }

    @Test("of an object that asks for nothing, nothing is kept, and of the others only who they are")
    func identity() throws {
        var object: JSONValue = [
            "metadata": ["name": "x", "uid": "u", "resourceVersion": "7", "labels": ["a": "b"]]
        ]
        #expect(try TargetIdentity<APIServices>(object) == nil)
        object["metadata"]?["annotations"] = ["cert-manager.io/inject-ca-from": "a/b", "other": "text"]
        let kept = try #require(try TargetIdentity<APIServices>(object)).metadata
        var expected = ObjectMeta(name: "x")
        expected.uid = "u"
        expected.resourceVersion = "7"
        #expect(kept == expected)
    }

    @Test("a change of a source finds the targets made from it, until they are made from another")
    func dependencies() {
        let dependencies = Dependencies()
        let (one, two) = (ObjectKey(name: "one"), ObjectKey(name: "two"))
        let source = InjectionSource.secret(ObjectKey(namespace: "tls", name: "ca"))
        let other = InjectionSource.certificate(ObjectKey(namespace: "tls", name: "site"))
        dependencies.add(source, to: one)
        dependencies.add(source, to: two)
        dependencies.add(other, to: one)
        #expect(dependencies.targets(of: source) == [one, two])
        dependencies.keep([other], of: one)
        #expect(dependencies.targets(of: source) == [two])
        #expect(dependencies.targets(of: other) == [one])
        dependencies.keep([], of: two)
        #expect(dependencies.targets(of: source) == [])
    }
}
