import ArgumentParser
import CertificateAPI
import HTTPServer
import HTTPTransport
import HTTPTypes
import KubeClient
import KubeModel
import Logging
import Operations
import TestSupport
import Testing
import Wire

@testable import certwright

/// The webhook as the real API server calls it, for the objects of one namespace.
@Suite(
    "the webhook behind the API server", .serialized, .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"),
    .timeLimit(.minutes(5)))
struct WebhookClusterTests {
    /// One replica of the webhook, with its configurations in the cluster under the name of the test's namespace.
    struct Replica: Sendable {
        let cluster: Cluster
        /// Where the API server reaches it.
        let address: String
        let parts: WebhookParts
        let ready = Health()

        init(_ cluster: Cluster, address: String) throws {
            var flags = try WebhookFlags.parse([])
            flags.securePort = 0
            flags.dynamicServingDnsNames = ["webhook.\(cluster.namespace).svc"]
            flags.injectOwnCa = cluster.namespace
            self.cluster = cluster
            self.address = address
            parts = try WebhookParts(
                flags, client: cluster.client, namespace: cluster.namespace, address: address,
                logger: Logger(label: "webhook"))
            parts.addHealth(to: ready)
        }

        func run() async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for part in parts.parts { group.addTask { try await part.run() } }
                try await group.waitForAll()
            }
        }

        /// Registers it with the API server, and waits until it is trusted.
        func register() async throws {
            let port = try await parts.server.boundPort
            try await cluster.apply(Cluster.serviceForAPIServer("webhook", at: address))
            for kind in ["Validating", "Mutating"] {
                try await cluster.apply(Self.configuration(kind, port: port, name: cluster.namespace))
            }
            try await cluster.eventually("the webhook is ready", within: .seconds(60)) { ready.report().isHealthy }
            try await cluster.eventually("the API server calls the webhook", within: .seconds(60)) {
                try await cluster.refusal(
                    of: "kind: Certificate", spec: WebhookClusterTests.Replica.wrong
                )
                .contains("denied the request")
            }
        }

        static let wrong = "{secretName: UP, dnsNames: [a.example], issuerRef: {name: ca}}"

        private static func configuration(_ kind: String, port: Int, name: String) -> String {
            let path = kind == "Validating" ? "validate" : "mutate"
            return """
                apiVersion: admissionregistration.k8s.io/v1
                kind: \(kind)WebhookConfiguration
                metadata: {name: \(name)}
                webhooks:
                  - name: webhook.cert-manager.io
                    admissionReviewVersions: [v1]
                    sideEffects: None
                    timeoutSeconds: 10
                    namespaceSelector: {matchLabels: {webhook-test: \(name)}}
                    clientConfig: {service: {name: webhook, namespace: \(name), port: \(port), path: /\(path)}}
                    rules:
                      - apiGroups: [cert-manager.io, acme.cert-manager.io]
                        apiVersions: [v1]
                        operations: [CREATE, UPDATE]
                        resources: ["*/*"]
                        scope: Namespaced
                """
        }
    }

    /// Runs so many replicas while `body` works, and takes what is not in the namespace away afterwards.
    func withReplicas(_ count: Int = 1, _ body: @escaping @Sendable (Cluster, [Replica]) async throws -> Void)
        async throws
    {
        try await Cluster.withNamespace("webhook") { cluster in
            let label: JSONValue = ["metadata": ["labels": ["webhook-test": .string(cluster.namespace)]]]
            _ = try await cluster.client.send(
                .mergePatch(Namespace.resource, ObjectKey(name: cluster.namespace), label))
            let address = try await cluster.addressForAPIServer()
            let replicas = try (0..<count).map { _ in try Replica(cluster, address: address) }
            let result = await Result { () async throws in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for replica in replicas { group.addTask { try await replica.run() } }
                    try await body(cluster, replicas)
                    group.cancelAll()
                }
            }
            for kind in ["validating", "mutating"] {
                let type = ResourceType(
                    group: "admissionregistration.k8s.io", version: "v1", kind: "",
                    plural: "\(kind)webhookconfigurations",
                    isNamespaced: false)
                // not there where the test ended before it registered
                _ = try? await cluster.client.send(.delete(type, ObjectKey(name: cluster.namespace)))
            }
            try result.get()
        }
    }

    @Test("what breaks a rule is refused with the texts that other tools match, and what is legal is stored")
    func refusals() async throws {
        try await withReplicas { cluster, replicas in
            try await replicas[0].register()
            let prefix = "admission webhook \"webhook.cert-manager.io\" denied the request: "
            #expect(
                try await cluster.refusal(
                    of: "kind: Certificate",
                    spec: "{secretName: s, dnsNames: [a.example], duration: 30m, issuerRef: {name: ca}}")
                    == prefix
                    + "spec.duration: Invalid value: \"30m0s\": certificate duration must be greater than 1h0m0s")
            #expect(
                try await cluster.refusal(
                    of: "kind: Issuer",
                    spec: """
                        {vault: {server: s, path: p, auth: {tokenSecretRef: {name: t}}, caBundle: bm9uc2Vuc2U=, \
                        caBundleSecretRef: {name: ca-bundle}}}
                        """
                ).contains(
                    "spec.vault.caBundle: Invalid value: \"<snip>\": specified caBundle and caBundleSecretRef cannot be"
                        + " used together, spec.vault.caBundleSecretRef: Invalid value: \"ca-bundle\": specified"))
            let legal = "{secretName: s, dnsNames: [a.example], issuerRef: {name: ca}}"
            #expect(try await cluster.refusal(of: "kind: Certificate", spec: legal) == "")
        }
    }

    @Test("a request says who made it, and only who has the right approves it")
    func approval() async throws {
        try await withReplicas { cluster, replicas in
            try await replicas[0].register()
            let key = cluster.key("request")
            _ = try await cluster.client.send(
                .create(
                    CertificateRequest.resource, namespace: cluster.namespace,
                    [
                        "apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest",
                        "metadata": ["name": .string(key.name)],
                        "spec": [
                            "request": .string(Self.signingRequest), "issuerRef": ["name": "ca"], "username": "mallory",
                        ],
                    ]))
            let stored = try await cluster.client.get(CertificateRequest.self, key)
            #expect(stored.spec.username != "mallory")
            #expect(stored.spec.groups?.contains("system:masters") == true)

            let jane = cluster.client(over: Impersonating(name: "jane", transport: cluster.transport))
            try await cluster.apply(Self.rights(of: "jane"))
            func approve(_ client: KubeClient, _ issuer: String = "") async throws -> String {
                let approved: JSONValue = [
                    "status": [
                        "conditions": [["type": "Approved", "status": "True", "reason": "Test", "message": "ok"]]
                    ]
                ]
                do throws(KubeError) {
                    _ = try await client.send(
                        .mergePatch(CertificateRequest.resource, key, approved, subresource: "status"))
                    return ""
                } catch {
                    return error.status?.message ?? "\(error)"
                }
            }
            try await cluster.eventually("jane may write the status") {
                try await approve(jane).hasSuffix(
                    "Forbidden: user \"jane\" does not have permissions to set approved/denied conditions for issuer {ca"
                        + " Issuer cert-manager.io}")
            }
            #expect(try await approve(cluster.client) == "")
        }
    }

    @Test("two replicas agree on one CA, and make another where it is damaged; the API server goes on trusting them")
    func replicas() async throws {
        try await withReplicas(2) { cluster, replicas in
            try await replicas[0].register()
            try await cluster.eventually("both are ready") { replicas.allSatisfy { $0.ready.report().isHealthy } }
            let key = cluster.key("cert-manager-webhook-ca")
            let first = try await cluster.client.get(Secret.self, key)
            #expect(first.metadata.annotations?["cert-manager.io/allow-direct-injection"] == "true")
            #expect(Self.certificates(in: first) == 1)

            let damage: JSONValue = ["data": ["tls.key": "bm9uc2Vuc2U="]]
            _ = try await cluster.client.send(.mergePatch(Secret.resource, key, damage))
            try await cluster.eventually("the CA is made anew, its predecessor beside it") {
                let secret = try await cluster.client.get(Secret.self, key)
                return secret["tls.crt"] != first["tls.crt"] && Self.certificates(in: secret) == 2
            }
            #expect(
                try await cluster.refusal(
                    of: "kind: Certificate", spec: WebhookClusterTests.Replica.wrong
                )
                .contains("denied the request"))
        }
    }

    static func certificates(in secret: Secret) -> Int {
        let text = String(decoding: secret["ca.crt"] ?? [], as: UTF8.self)
        return text.split(separator: "\n").filter { $0 == "-----BEGIN CERTIFICATE-----" }.count
    }

    /// Lets somebody write the status of requests, and approve none.
    static func rights(of user: String) -> String {
        """
        apiVersion: rbac.authorization.k8s.io/v1
        kind: Role
        metadata: {name: status}
        rules: [{apiGroups: [cert-manager.io], resources: [certificaterequests/status], verbs: [update, patch]}]
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: RoleBinding
        metadata: {name: status}
        roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: status}
        subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: \(user)}]
        """
    }

    /// For a.example, with an ECDSA key, made with openssl.
    static let signingRequest =
        "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIaU1JR0pBZ0VBTUFBd1dUQVRCZ2NxaGtqT1BRSUJCZ2dx"
        + "aGtqT1BRTUJCd05DQUFUdjBPeVEyOHBWOEw1cwpKVGdNaGY0RDRFQzY2Z0MyY3M4dVZhb3RPeVYvZUxxYWRGc0FWekl1ZnFN"
        + "T0NmTWNkckN5a2pmUUlpdHIvekNTCk9jN2h3Z2ZFb0Njd0pRWUpLb1pJaHZjTkFRa09NUmd3RmpBVUJnTlZIUkVFRFRBTGdn"
        + "bGhMbVY0WVcxd2JHVXcKQ2dZSUtvWkl6ajBFQXdJRFNBQXdSUUlnSG56Y1o0N0xHUUpSRzd1ajU4Mk0ra0prQnZiNjZZMEdT"
        + "amhibFZTcgpaS0lDSVFDUHRqL21hVXRWcWxWUjJSeThKR1BOeGgxVVltQnJraXAwWXFDWHp4NkZqQT09Ci0tLS0tRU5EIENF"
        + "UlRJRklDQVRFIFJFUVVFU1QtLS0tLQo="
}

/// The admin's transport, in somebody else's name.
struct Impersonating: HTTPTransport {
    var name: String
    var transport: any HTTPTransport

    func withResponse<R: Sendable>(
        to request: TransportRequest, _ use: (ResponseHead, ResponseBody) async throws -> R
    ) async throws -> R {
        var request = request
        if let field = HTTPField.Name("Impersonate-User") { request.headers[field] = name }
        return try await transport.withResponse(to: request, use)
    }
}

extension Cluster {
    /// Tries to create an object of that kind with that spec; answers the message of the refusal, empty where there is none.
    fileprivate func refusal(of kind: String, spec: String) async throws -> String {
        do {
            try await apply(
                """
                apiVersion: cert-manager.io/v1
                \(kind)
                metadata: {name: tried}
                spec: \(spec)
                """)
            return ""
        } catch let error as KubeError {
            return error.status?.message ?? "\(error)"
        }
    }
}

extension Result where Failure == any Error {
    /// What an asynchronous piece of work returned or threw.
    fileprivate init(_ work: () async throws -> Success) async {
        do {
            self = .success(try await work())
        } catch {
            self = .failure(error)
        }
    }
}
