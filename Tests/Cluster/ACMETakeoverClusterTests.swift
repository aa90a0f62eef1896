import ACME
import CertificateAPI
import HTTPTransport
import KubeClient
import KubeModel
import PKI
import TestSupport
import Testing
import Wire

/// An ACME order that cert-manager has begun, with a real server that knows it.
@Suite(
    "an ACME order that cert-manager has begun",
    .enabled(if: Cluster.isAvailable && Pebble.isInstalled(.next), "\(Cluster.hint)"),
    .timeLimit(.minutes(5)))
struct ACMETakeoverClusterTests {
    enum Begun: String, CaseIterable, Sendable {
        /// The order is made, its authorizations are read, no Challenge is there yet.
        case ordered
        /// A Challenge of cert-manager's making is presented and waits for its self-check.
        case presented
    }

    @Test("is finished: same order, same account, same key", arguments: Begun.allCases)
    func finished(begun: Begun) async throws {
        var options = Pebble.Options()
        options.version = .next
        options.validatesNothing = true
        try await Cluster.withNamespace("takeover-acme") { cluster in
            try await Pebble.run(options, over: cluster.transport) { pebble in
                let left = try await Self.leave(begun, cluster, pebble)
                let account = try await cluster.client.get(Secret.self, cluster.key("account"))
                try await ControllerProcess.run(
                    kubeconfig: try #require(Cluster.kubeconfig), flags: ["--namespace=\(cluster.namespace)"],
                    over: cluster.transport
                ) { _ in
                    try await cluster.eventually("issued", within: .seconds(90)) { try await cluster.isDone("fresh") }
                }
                let here = ListOptions(namespace: cluster.namespace)
                let orders = try await cluster.client.listAll(Order.self, here).items
                #expect(orders.map(\.metadata.name) == [left.order])
                #expect(orders.first?.status?.url == left.url)
                let secret = try await cluster.client.get(Secret.self, cluster.key("fresh-tls"))
                let key = try PrivateKey(pem: try #require(secret["tls.key"]))
                #expect(key.publicKey == left.key)
                let issuer = try await cluster.client.get(Issuer.self, cluster.key("ca"))
                #expect(issuer.status?.acme?.uri == left.account)
                let after = try await cluster.client.get(Secret.self, cluster.key("account"))
                #expect(after.data == account.data)
            }
        }
    }

    struct Left {
        var order: String
        var url: String
        var account: String
        var key: PublicKey
    }

    private static let solver = "{http01: {ingress: {ingressClassName: nobody}}, waitInsteadOfSelfCheck: 1ms}"

    private static func leave(_ begun: Begun, _ cluster: Cluster, _ pebble: Pebble) async throws -> Left {
        let accountKey = try await PrivateKey.generate(.rsa(bits: 2048))
        let server = ACMEServer(
            settings: .init(directoryURL: pebble.directoryURL, tls: pebble.tls, userAgent: "test/1"),
            transport: cluster.transport, time: SystemTime())
        let account = try await server.newAccount(
            NewACMEAccount(contact: [], agreesToTermsOfService: true, binding: nil), key: accountKey)
        try await issuer(cluster, pebble, account.url, accountKey)
        let world = CertManagerWorld(cluster: cluster, rootKey: accountKey)
        let key = try await world.issuing("fresh", names: ["fresh.example"])
        let request = try await cluster.client.get(CertificateRequest.self, cluster.key("fresh-1"))
        try await world.status(
            of: CertificateRequest.self, request.key, manager: "cert-manager-certificaterequests-issuer-acme",
            [
                "conditions": [
                    world.condition(
                        "Approved", "True", "cert-manager.io",
                        "Certificate request has been approved by cert-manager.io"),
                    world.condition("Ready", "False", "Pending", "Waiting on certificate issuance from order"),
                ]
            ])
        let client = ACMEClient(server: server, accountURL: account.url, key: accountKey)
        let made = try await client.newOrder(NewACMEOrder(identifiers: [try ACMEIdentifier(dns: "fresh.example")]))
        let authorization = try await client.authorization(try #require(made.authorizations.first))
        let order = try await order(cluster, request, made, authorization)
        if begun == .presented { try await challenge(cluster, order, authorization, accountKey) }
        return Left(order: order.metadata.name, url: made.url, account: account.url, key: key)
    }

    private static func issuer(
        _ cluster: Cluster, _ pebble: Pebble, _ account: String, _ key: PrivateKey
    ) async throws {
        var secret = Secret(
            metadata: ObjectMeta(name: "account", namespace: cluster.namespace), type: "Opaque",
            data: ["tls.key": Base64Data(try key.pem(.pkcs1))])
        secret.metadata.labels = ["app.kubernetes.io/managed-by": "cert-manager"]
        _ = try await cluster.client.create(secret, manager: "cert-manager-issuers")
        try await cluster.apply(
            """
            apiVersion: cert-manager.io/v1
            kind: Issuer
            metadata: {name: ca}
            spec:
              acme:
                server: \(pebble.directoryURL)
                caBundle: \(Base64.encode(pebble.certificatePEM))
                privateKeySecretRef: {name: account}
                solvers: [\(solver)]
            """)
        let status: JSONValue = [
            "acme": [
                "uri": .string(account),
                "lastPrivateKeyHash": .string(Base64.encode(Digest.sha256(try key.der(.pkcs1)))),
            ],
            "conditions": [
                [
                    "type": "Ready", "status": "True", "reason": "ACMEAccountRegistered", "observedGeneration": 1,
                    "message": "The ACME account was registered with the ACME server",
                    "lastTransitionTime": .string(Timestamp.now().wholeSeconds.rfc3339),
                ]
            ],
        ]
        _ = try await cluster.client.mergePatch(
            ["status": status], of: Issuer.self, cluster.key("ca"), subresource: "status",
            manager: "cert-manager-issuers")
    }

    /// Named as cert-manager names it: a decimal number behind the request's name.
    private static func order(
        _ cluster: Cluster, _ request: CertificateRequest, _ made: ACMEOrder, _ authorization: ACMEAuthorization
    ) async throws -> Order {
        var order = Order(
            metadata: ObjectMeta(name: "fresh-1-2735187363", namespace: cluster.namespace),
            spec: .init(request: request.spec.request, issuerRef: request.spec.issuerRef))
        order.metadata.annotations = request.metadata.annotations
        order.metadata.ownerReferences = [OwnerReference(controller: request)]
        order.spec.dnsNames = ["fresh.example"]
        let created = try await cluster.client.create(order, manager: "cert-manager-certificaterequests-issuer-acme")
        var mirrored = Order.Authorization(url: try #require(made.authorizations.first))
        mirrored.identifier = "fresh.example"
        mirrored.wildcard = false
        mirrored.initialState = .pending
        mirrored.challenges = authorization.challenges.map { .init(url: $0.url, token: $0.token ?? "", type: $0.type) }
        var status = Order.Status()
        status.url = made.url
        status.finalizeURL = made.finalize
        status.state = .pending
        status.authorizations = [mirrored]
        _ = try await cluster.client.mergePatch(
            ["status": try JSONValue(encoding: status)], of: Order.self, created.key, subresource: "status",
            manager: "cert-manager-orders")
        return created
    }

    private static func challenge(
        _ cluster: Cluster, _ order: Order, _ authorization: ACMEAuthorization, _ key: PrivateKey
    ) async throws {
        let offered = try #require(authorization.challenges.first { $0.type == "http-01" })
        let token = try #require(offered.token)
        let answer = try ChallengeToken(token).keyAuthorization(for: key.publicKey).reveal()
        try await cluster.apply(
            """
            apiVersion: acme.cert-manager.io/v1
            kind: Challenge
            metadata:
              name: \(order.metadata.name)-3318190742
              finalizers: [acme.cert-manager.io/finalizer]
              ownerReferences:
                - {apiVersion: acme.cert-manager.io/v1, kind: Order, name: \(order.metadata.name), uid: \(order.metadata.uid ?? ""), controller: true, blockOwnerDeletion: true}
            spec:
              url: \(offered.url)
              authorizationURL: \(order.status?.authorizations?.first?.url ?? authorization.url)
              dnsName: fresh.example
              wildcard: false
              type: HTTP-01
              token: \(token)
              key: \(answer)
              solver: \(solver)
              issuerRef: {name: ca}
            """)
        _ = try await cluster.client.mergePatch(
            [
                "status": [
                    "processing": true, "presented": true, "state": "pending",
                    "reason": "Waiting for HTTP-01 challenge propagation: failed to perform self check",
                ]
            ], of: Challenge.self, cluster.key("\(order.metadata.name)-3318190742"), subresource: "status",
            manager: "cert-manager-challenges")
    }
}
