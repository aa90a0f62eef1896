import CertificateAPI
import Diagnosis
import KubeModel
import PKI
import Testing
import Wire

/// The failures that `why` must name. Conditions and reasons are the controllers' own words.
@Suite("why names the true cause")
struct SeededFailureTests {
    private func cause(_ view: DiagnosisView) throws -> Cause {
        guard case .cause(let cause) = Diagnosis.decide(view) else {
            Issue.record("no cause: \(Diagnosis.decide(view))")
            throw Missing()
        }
        #expect(!cause.sentence.isEmpty && !cause.remedy.isEmpty)
        return cause
    }
    private struct Missing: Error {}

    private func plain(_ issuer: IssuerSight) throws -> DiagnosisView {
        var tree = CertificateTree(certificate: try Views.certificate(), now: Views.now)
        tree.secret = .absent
        tree.issuer = issuer
        return Views.working(DiagnosisView(tree: tree))
    }

    @Test("1: the issuer does not exist")
    func missingIssuer() throws {
        let cause = try cause(try plain(.absent))
        #expect(cause.kind == .issuerMissing)
        #expect(cause.sentence == "The Issuer web/acme, which spec.issuerRef names, does not exist.")
        #expect(cause.remedy.hasPrefix("kubectl get issuer -n web"))
    }

    @Test("2: the issuer is not ready")
    func issuerNotReady() throws {
        let sight = try Views.issuer(
            ready: false, "ErrGetKeyPair", "tls.crt in Secret web/root cannot be used: it is malformed",
            spec: "{ca: {secretName: root}}")
        let cause = try cause(try plain(sight))
        #expect(cause.kind == .issuerNotReady)
        #expect(cause.sentence.contains("tls.crt in Secret web/root cannot be used"))
        #expect(cause.remedy.hasPrefix("kubectl edit issuer acme -n web"))
    }

    @Test("3: the external account binding is wrong")
    func wrongBinding() throws {
        let message =
            "Failed to register ACME account: 403 urn:ietf:params:acme:error:unauthorized: The HMAC of the external account is wrong"
        let spec = Views.acme(
            solvers: "", more: "externalAccountBinding: {keyID: kid-1, keySecretRef: {name: eab, key: secret}},")
        let cause = try cause(try plain(try Views.issuer(ready: false, "ErrRegisterACMEAccount", message, spec: spec)))
        #expect(cause.kind == .bindingRefused)
        #expect(cause.remedy.contains("Secret eab"))
    }

    @Test("4: no solver's selector matches")
    func noSolver() throws {
        let view = try Views.acmeView(
            solvers: "{selector: {dnsZones: [other.example]}, http01: {ingress: {}}}",
            order: try Views.order(state: "pending"))
        let cause = try cause(view)
        #expect(cause.kind == .noSolver)
        #expect(cause.sentence.contains("No solver of Issuer web/acme fits shop.example.com"))
    }

    private func http01(_ reason: String, state: String = "pending", pod: Pod? = nil) throws -> DiagnosisView {
        try Views.acmeView(
            order: try Views.order(state: "pending"),
            challenge: try Views.challenge(
                "HTTP-01", solver: "{http01: {ingress: {ingressClassName: traefik}}}", state: state, reason: reason),
            pod: pod)
    }

    @Test(
        "5: another backend answers the path",
        arguments: [
            "GET http://shop.example.com/.well-known/acme-challenge/t0ken answers 404 and not 200",
            "GET http://shop.example.com/.well-known/acme-challenge/t0ken answers another text",
        ])
    func otherBackend(sentence: String) throws {
        let ready = try Views.pod(#"{phase: Running, conditions: [{type: Ready, status: "True"}]}"#)
        var view = try http01("Waiting for HTTP-01 challenge propagation: \(sentence)", pod: ready)
        view.fetched["shop-1-order-1"] = HTTPSight(url: "http://x", answer: .wrong(code: 404, server: "nginx"))
        let cause = try cause(view)
        #expect(cause.kind == .otherBackend)
        #expect(cause.evidence.contains { $0.contains("from here: 404, server nginx") })
    }

    @Test("6: the ingress class does not exist")
    func unknownClass() throws {
        var view = try http01(
            "Waiting for HTTP-01 challenge propagation: GET http://shop.example.com/x answers 404 and not 200")
        view.ingressClasses = ["nginx"]
        let cause = try cause(view)
        #expect(cause.kind == .unknownIngressClass)
        #expect(cause.evidence.first == "the cluster has nginx")
    }

    private func dns01(_ reason: String, state: String = "pending") throws -> DiagnosisView {
        let solver = "{dns01: {rfc2136: {nameserver: '192.0.2.1:53'}}}"
        return try Views.acmeView(
            solvers: solver, order: try Views.order(state: "pending", challenges: "dns-01"),
            challenge: try Views.challenge("DNS-01", solver: solver, state: state, reason: reason))
    }

    @Test(
        "7: the zone cannot be written",
        arguments: [
            "Error presenting challenge: the DNS server 192.0.2.1:53 refused to change the zone example.com: REFUSED, the key or this address may not change that record",
            "Error presenting challenge: the DNS server 192.0.2.1:53 refused to change the zone example.com: NOTAUTH, the server does not hold this zone or did not accept the key",
        ])
    func zoneNotWritable(reason: String) throws {
        let cause = try cause(try dns01(reason))
        #expect(cause.kind == .zoneNotWritable)
    }

    @Test(
        "8: the TSIG key or its secret is wrong",
        arguments: [
            "Error presenting challenge: exchange with the DNS server 192.0.2.1:53: the server finds the signature wrong (BADSIG); check that the secret of the TSIG key k is the same",
            "Error presenting challenge: exchange with the DNS server 192.0.2.1:53: the server does not know the TSIG key k with HMACSHA256 (BADKEY); check tsigKeyName and tsigAlgorithm",
        ])
    func wrongSignature(reason: String) throws {
        let cause = try cause(try dns01(reason))
        #expect(cause.kind == .signatureRefused)
        #expect(cause.remedy.contains("tsigSecretSecretRef"))
    }

    @Test("9: the record does not reach every server")
    func notPropagated() throws {
        let reason =
            "Waiting for DNS-01 challenge propagation: the TXT record of _acme-challenge.shop.example.com: ns1.example.com shows it; ns2.example.com shows none (NXDOMAIN)"
        let cause = try cause(try dns01(reason))
        #expect(cause.kind == .recordNotPropagated)
        #expect(cause.sentence.contains("ns2.example.com shows none"))
    }

    @Test("9: a record that was written a moment ago is under way")
    func propagating() throws {
        let solver = "{dns01: {rfc2136: {nameserver: '192.0.2.1:53'}}}"
        let view = try Views.acmeView(
            solvers: solver, order: try Views.order(state: "pending", challenges: "dns-01"),
            challenge: try Views.challenge(
                "DNS-01", solver: solver, reason: "Waiting for DNS-01 challenge propagation: ns1 shows none",
                presentedAgo: 3))
        guard case .underWay(let sentence) = Diagnosis.decide(view) else {
            Issue.record("\(Diagnosis.decide(view))")
            return
        }
        #expect(sentence.contains("DNS-01 for shop.example.com is under way"))
    }

    @Test("10: a CAA record forbids it")
    func caa() throws {
        let reason =
            "Error accepting authorization: acme: authorization error for shop.example.com: urn:ietf:params:acme:error:caa: CAA record for shop.example.com prevents issuance"
        let cause = try cause(try http01(reason, state: "invalid"))
        #expect(cause.kind == .caaForbids)
        #expect(cause.remedy.contains(#"shop.example.com. CAA 0 issue "ca.example""#))
    }

    @Test(
        "11: the CA's rate limit is used up",
        arguments: [
            "Failed to create Order: 429 urn:ietf:params:acme:error:rateLimited: too many new orders; next attempt at 2026-06-01T00:00:00Z",
            "Waiting to create the ACME order: the CA's limit for the account is used up, as it has told the Order x; next attempt at 2026-06-01T00:00:00Z",
        ])
    func rateLimited(reason: String) throws {
        let cause = try cause(try Views.acmeView(order: try Views.order(state: "pending", reason: reason)))
        #expect(cause.kind == .rateLimited)
        #expect(cause.sentence.contains("2026-06-01T00:00:00Z"))
    }

    @Test("12: the CA may not certify the name")
    func nameNotAllowed() throws {
        let reason =
            "Failed to create Order: 400 urn:ietf:params:acme:error:rejectedIdentifier: policy forbids issuing for name"
        let acme = try cause(try Views.acmeView(order: try Views.order(state: "errored", reason: reason)))
        #expect(acme.kind == .nameNotAllowed)
        var view = try plain(
            try Views.issuer(ready: true, "KeyPairVerified", "Signing CA verified", spec: "{ca: {secretName: root}}"))
        view.tree.requests = [
            try Views.request(
                #"- {type: Ready, status: "False", reason: Failed, message: 'Error signing certificate: cannot verify the chain of "CN=shop": permitted subtree violation'}"#
            )
        ]
        let local = try cause(view)
        #expect(local.kind == .nameNotAllowed)
    }

    @Test("13: the Secret belongs to another Certificate")
    func duplicate() throws {
        var view = try plain(.absent)
        var rival = try Views.certificate()
        rival.metadata.name = "older"
        rival.metadata.creationTimestamp = Views.now - .seconds(9000)
        view.rivals = [rival]
        let cause = try cause(view)
        #expect(cause.kind == .duplicateSecretName)
        #expect(cause.sentence.contains("belongs to another Certificate, older"))
    }

    @Test("14: the API server does not trust the webhook")
    func staleWebhook() throws {
        var view = try plain(.absent)
        view.webhook = .fails(
            "Internal error occurred: failed calling webhook \"webhook.cert-manager.io\": Post …: x509: certificate signed by unknown authority"
        )
        let untrusted = try cause(view)
        #expect(untrusted.kind == .webhookUntrusted)
        view.webhook = .fails("failed calling webhook \"webhook.cert-manager.io\": connect: connection refused")
        let unreachable = try cause(view)
        #expect(unreachable.kind == .webhookUnreachable)
    }

    @Test("15: the controller may not read Secrets")
    func rights() throws {
        var view = try plain(.absent)
        view.controller.missingRights = [MissingRight(verb: "list", resource: "secrets", namespace: "")]
        let cause = try cause(view)
        #expect(cause.kind == .rightsMissing)
        #expect(cause.sentence.contains("list secrets in all namespaces"))
    }

    @Test("16: a quota keeps the solver pod away")
    func quota() throws {
        var view = try http01(
            #"Error presenting challenge: The API server refused: pods "cm-acme-http-solver-1" is forbidden: exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0 (403)"#
        )
        view.quotas = [QuotaSight(key: ObjectKey(namespace: "web", name: "none"), exhausted: ["pods: 0 of 0"])]
        let cause = try cause(view)
        #expect(cause.kind == .quotaExceeded)
        #expect(cause.evidence.first == "ResourceQuota web/none: pods: 0 of 0")
    }

    @Test("17: the solver's image cannot be pulled")
    func image() throws {
        let pod = try Views.pod(
            #"{phase: Pending, containerStatuses: [{state: {waiting: {reason: ImagePullBackOff, message: "Back-off pulling image"}}}]}"#
        )
        let cause = try cause(
            try http01(
                "Waiting for HTTP-01 challenge propagation: GET http://shop.example.com/x answers 503 and not 200",
                pod: pod))
        #expect(cause.kind == .imageNotPulled)
        #expect(cause.evidence.contains("image: registry.example/acmesolver:1"))
    }

    private static let wrongClocks = [
        ClockSight(.controller("pod-1"), ahead: .seconds(7200)),
        ClockSight(.certificateAuthority("ca.example"), ahead: .seconds(-7200)),
    ]

    @Test("18: a clock is wrong", arguments: wrongClocks)
    func clock(sight: ClockSight) throws {
        var view = try plain(try Views.issuer(ready: true, "KeyPairVerified", "x", spec: "{ca: {secretName: root}}"))
        view.clocks = [ClockSight(.thisMachine, ahead: .seconds(9000)), sight]
        let cause = try cause(view)
        #expect(cause.kind == .clockSkewed)
        #expect(cause.sentence.contains("2h0m0s"))
    }

    @Test("19: the CA's certificate has expired")
    func expiredAuthority() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var template = CertificateTemplate(
            subject: try DistinguishedName(commonName: "old root"), publicKey: key.publicKey,
            notBefore: Views.now - .seconds(86_400), notAfter: Views.now - .seconds(60),
            extensions: CertificateExtensions())
        template.extensions.basicConstraints = BasicConstraints(isCA: true)
        let root = try await template.signed(by: nil, key: key)
        let secret = Secret(
            metadata: ObjectMeta(name: "root", namespace: "web"),
            data: ["tls.crt": Base64Data(utf8: root.pem), "tls.key": Base64Data(try key.pem(.pkcs8))])
        guard
            case .found(var look) = try Views.issuer(
                ready: false, "ErrInvalidKeyPair", "The certificate \"CN=old root\" in Secret web/root expired",
                spec: "{ca: {secretName: root}}")
        else { return }
        look.authority = .found(SecretLook(secret))
        let cause = try cause(try plain(.found(look)))
        #expect(cause.kind == .authorityExpired)
        #expect(cause.object == "Secret web/root")
    }

    @Test("20: the private key may not be made anew")
    func keyCannotBeRegenerated() throws {
        var view = try plain(try Views.issuer(ready: true, "IsReady", "x", spec: "{selfSigned: {}}"))
        view.tree.certificate = try Views.certificate(
            #"- {type: Issuing, status: "False", reason: CannotRegenerateKey, message: "The private key in the Secret is RSA 2048, the spec asks for ECDSA P-256, and spec.privateKey.rotationPolicy is Never"}"#
        )
        let cause = try cause(view)
        #expect(cause.kind == .keyCannotBeRegenerated)
        #expect(cause.remedy.contains("rotationPolicy"))
    }
}
