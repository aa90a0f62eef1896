import CertificateAPI
import KubeModel
import PKI
import Testing
import Wire

@testable import Controllers

/// Keys, certificates and requests that fit together, made once.
struct Parts: Sendable {
    static let now = Timestamp(secondsSince1970: 1_800_000_000)
    static let day = Duration.seconds(86400)

    let key: PrivateKey
    let otherKey: PrivateKey
    let rsaKey: PrivateKey

    private static let made = Task {
        Parts(
            key: try await .generate(.ecdsa(.p256)), otherKey: try await .generate(.ecdsa(.p256)),
            rsaKey: try await .generate(.rsa(bits: 2048)))
    }
    static var shared: Parts { get async throws { try await made.value } }

    /// `site` in `web`: ECDSA P-256 for www.example.com from the CA issuer `ca`.
    func certificate(_ change: (inout Certificate) -> Void = { _ in }) -> Certificate {
        var metadata = ObjectMeta(name: "site", namespace: "web")
        metadata.uid = "uid-site"
        metadata.resourceVersion = "10"
        metadata.generation = 1
        metadata.creationTimestamp = Self.now - Self.day * 11
        var spec = Certificate.Spec(secretName: "site-tls", issuerRef: IssuerReference(name: "ca"))
        spec.dnsNames = ["www.example.com"]
        spec.privateKey = .init()
        spec.privateKey?.algorithm = "ECDSA"
        var certificate = Certificate(metadata: metadata, spec: spec)
        change(&certificate)
        return certificate
    }

    /// Valid from ten days ago until 80 days from now.
    func leaf(
        _ names: [String] = ["www.example.com"], key: PrivateKey? = nil, from: Duration = Parts.day * -10,
        until: Duration = Parts.day * 80
    ) async throws -> X509Certificate {
        let key = key ?? self.key
        var extensions = CertificateExtensions()
        extensions.names = names.map { .dns($0) }
        let template = CertificateTemplate(
            subject: .empty, publicKey: key.publicKey, notBefore: Self.now + from, notAfter: Self.now + until,
            extensions: extensions)
        return try await template.signed(by: nil, key: key)
    }

    /// The target Secret as this program writes it.
    func secret(
        _ certificate: Certificate, leaf: X509Certificate? = nil, key: PrivateKey? = nil,
        _ change: (inout Secret) -> Void = { _ in }
    ) async throws -> SecretFacts {
        let leaf = if let leaf { leaf } else { try await self.leaf(key: key) }
        let target = TargetSecret(certificate: certificate, settings: .init(), leaf: leaf)
        var secret = target.object(
            TargetData(
                key: try (key ?? self.key).pem(.pkcs1), chain: Array(leaf.pem.utf8), ca: nil,
                outputs: (try? DesiredCertificate(certificate.spec))?.outputs ?? DesiredOutputs()))
        secret.metadata.uid = "uid-secret"
        secret.metadata.resourceVersion = "20"
        change(&secret)
        var facts = SecretFacts(secret)
        let optional = Names.SecretKey.optional.intersection((secret.data ?? [:]).keys)
        facts.owned = target.owned(data: optional)
        return facts
    }

    func nextKey(_ name: String = "site-next-key-1", key: PrivateKey? = nil) throws -> SecretFacts {
        var metadata = ObjectMeta(name: name, namespace: "web")
        metadata.uid = "uid-\(name)"
        metadata.labels = [Names.Label.nextPrivateKey: "true", Names.Label.filteredCache: "true"]
        return SecretFacts(
            Secret(
                metadata: metadata, data: [Names.SecretKey.privateKey: Base64Data(try (key ?? self.key).pem(.pkcs8))]))
    }

    /// The request for a revision of `certificate`, made with `key`.
    func request(
        _ certificate: Certificate, revision: Int = 1, key: PrivateKey? = nil,
        _ change: (inout CertificateRequest) -> Void = { _ in }
    ) async throws -> RequestFacts {
        let view = CertificateView(certificate: certificate, secret: nil, now: Self.now)
        var request = try await RequestBuilder.make(
            view, revision: revision, key: key ?? self.key, keySecret: "site-next-key-1")
        request.metadata.uid = "uid-\(request.metadata.name)"
        request.metadata.creationTimestamp = Self.now
        change(&request)
        return RequestFacts(request)
    }

    /// Issued, in the Secret, and said to be so.
    func ready(_ change: (inout Certificate) -> Void = { _ in }) async throws -> CertificateView {
        try await changed(from: { _ in }, change)
    }

    /// Issued as `base` makes the spec, and then changed.
    func changed(
        from base: (inout Certificate) -> Void, leaf: X509Certificate? = nil,
        _ change: (inout Certificate) -> Void = { _ in }
    ) async throws -> CertificateView {
        let certificate = self.certificate(base)
        var view = CertificateView(
            certificate: certificate, secret: try await secret(certificate, leaf: leaf),
            requests: [try await request(certificate) { $0.answer(.yes, "Issued") }], now: Self.now)
        view.certificate.status = Issuing.completed(view, revision: 1)
        guard view.certificate.status?.conditions.isTrue(Condition.Kind.ready) == true else {
            throw ExampleProblem(text: "\(view.status)")
        }
        var changed = view.certificate
        change(&changed)
        return view.with(certificate: changed)
    }

    /// Nothing but the Certificate.
    func fresh(_ change: (inout Certificate) -> Void = { _ in }) -> CertificateView {
        CertificateView(certificate: certificate(change), secret: nil, now: Self.now)
    }

    /// Being issued by an issuer that takes its time: the key is stored, the request made.
    func underWay(
        _ answer: (inout CertificateRequest) -> Void = { _ in }, _ change: (inout Certificate) -> Void = { _ in }
    ) async throws -> CertificateView {
        let certificate = self.certificate {
            var status = Certificate.Status()
            status.nextPrivateKeySecretName = "site-next-key-1"
            status.conditions = [
                Condition(
                    type: "Ready", status: .no, reason: "DoesNotExist", message: "The Secret site-tls does not exist",
                    lastTransitionTime: Self.now - .seconds(60), observedGeneration: 1),
                Condition(
                    type: "Issuing", status: .yes, reason: "DoesNotExist",
                    message: "The Secret site-tls does not exist",
                    lastTransitionTime: Self.now - .seconds(60), observedGeneration: 1),
            ]
            $0.status = status
            change(&$0)
        }
        return CertificateView(
            certificate: certificate, secret: nil, nextKeys: [try nextKey()],
            requests: [try await request(certificate, answer)], now: Self.now)
    }
}

struct ExampleProblem: Error { let text: String }

extension CertificateView {
    func with(certificate: Certificate) -> CertificateView {
        CertificateView(
            certificate: certificate, secret: secret, nextKeys: nextKeys, requests: requests, rivals: rivals,
            issuesAtOnce: issuesAtOnce, settings: settings, now: now)
    }
    func with(_ change: (inout CertificateView) throws -> Void) rethrows -> CertificateView {
        var view = self
        try change(&view)
        return view
    }
}

extension CertificateRequest {
    mutating func answer(
        _ ready: Condition.Status, _ reason: String, _ message: String = "", failedAt: Timestamp? = nil
    ) {
        var status = self.status ?? .init()
        status.conditions = status.conditions.setting(
            Condition(type: "Approved", status: .yes, reason: "cert-manager.io"), now: Parts.now)
        status.conditions = status.conditions.setting(
            Condition(type: "Ready", status: ready, reason: reason, message: message), now: Parts.now)
        status.failureTime = failedAt
        self.status = status
    }
}

extension [CertificateAction] {
    /// The status that is written, if one is.
    var status: Certificate.Status? {
        compactMap { if case .setStatus(let status) = $0 { status } else { nil } }.last
    }

    /// The Event that says why a certificate is issued, if one is told.
    var opening: Notice? {
        compactMap { if case .tell(let notice) = $0, notice.reason == "Issuing" { notice } else { nil } }.first
    }
}
