import Glibc
import HTTPTransport
import KubeClient
import KubeModel
import TestSupport
import Testing
import Wire

/// Each kind of credential of a kubeconfig, shown to an API server that checks it.
@Suite("credentials against a real API server", .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"))
struct CredentialClusterTests {
    /// Lends a namespace with a service account that may read its Secrets, a token of it, and a folder.
    func withReader(_ body: (Cluster, _ token: String, Workplace) async throws -> Void) async throws {
        try await Cluster.withNamespace("credentials") { cluster in
            let account: JSONValue = ["metadata": ["name": "reader"]]
            _ = try await cluster.client.send(.create(.accounts, namespace: cluster.namespace, account))
            try await cluster.apply(
                """
                apiVersion: rbac.authorization.k8s.io/v1
                kind: Role
                metadata: {name: reader}
                rules: [{apiGroups: [""], resources: [secrets], verbs: [get, list]}]
                ---
                apiVersion: rbac.authorization.k8s.io/v1
                kind: RoleBinding
                metadata: {name: reader}
                roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
                subjects: [{kind: ServiceAccount, name: reader, namespace: \(cluster.namespace)}]
                """)
            let request = try await cluster.client.send(
                .create(
                    .accounts, namespace: cluster.namespace, ["spec": ["expirationSeconds": 3600]], name: "reader",
                    subresource: "token"))
            let token = try #require(request["status"]?["token"]?.stringValue)
            let folder = try TemporaryFolder(named: "credentials")
            defer { folder.remove() }
            let workplace = Workplace(cluster: cluster, folder: folder)
            // The authorizer hears of a new role a moment after it is made.
            let reader = try workplace.client(user: "token: \(token)")
            try await cluster.eventually("the role is known", within: .seconds(60)) {
                (try? await workplace.read(reader)) != nil
            }
            try await body(cluster, token, workplace)
        }
    }

    @Test("a service account's token reads what its role allows and nothing else")
    func token() async throws {
        try await withReader { cluster, token, workplace in
            let client = try workplace.client(user: "token: \(token)")
            try await workplace.expectReads(client)
            let refused = await cluster.refusal {
                try await client.delete(Secret.self, cluster.key("any"))
            }
            #expect(refused?.isForbidden == true)
            let stranger = try workplace.client(user: "token: nonsense")
            #expect(await cluster.refusal { try await workplace.read(stranger) }?.status?.code == 401)
        }
    }

    @Test("a token file that was rotated is read again when the old token is refused")
    func tokenFile() async throws {
        try await withReader { cluster, token, workplace in
            try workplace.folder.write("token", Array("expired\n".utf8))
            let client = try workplace.client(user: "tokenFile: token")
            #expect(await cluster.refusal { try await workplace.read(client) }?.status?.code == 401)
            try workplace.folder.write("token", Array("\(token)\n".utf8))
            try await workplace.expectReads(client)
        }
    }

    @Test("a client certificate identifies from data and from files, and is refused without its CA")
    func clientCertificate() async throws {
        try await withReader { cluster, _, workplace in
            guard let identity = cluster.configuration.tls.identity else { return }  // an admin of another kind
            try workplace.folder.write("admin.crt", identity.certificatePEM)
            try workplace.folder.write("admin.key", identity.keyPEM.reveal())
            try await workplace.expectReads(
                try workplace.client(user: "client-certificate: admin.crt, client-key: admin.key"))
            let untrusting = try workplace.client(
                user: "client-certificate: admin.crt, client-key: admin.key", authority: identity.certificatePEM)
            guard case .transport(.tls)? = await cluster.refusal({ try await workplace.read(untrusting) }) else {
                Issue.record("the server's certificate was believed")
                return
            }
        }
    }

    @Test("an exec plugin gives a token, and is run again when that is refused", arguments: ["v1", "v1beta1"])
    func execToken(version: String) async throws {
        try await withReader { _, token, workplace in
            let user = try workplace.plugin(
                version,
                """
                if [ -e used ]; then token=$GOOD; else token=stale; : >used; fi
                printf '{"apiVersion":"client.authentication.k8s.io/\(version)","kind":"ExecCredential",'
                printf '"status":{"token":"%s","expirationTimestamp":"2999-01-01T00:00:00Z"}}' "$token"
                """, environment: ["GOOD": token])
            let client = try workplace.client(user: user)
            try await workplace.expectReads(client)
        }
    }

    @Test("an exec plugin gives a client certificate")
    func execCertificate() async throws {
        try await withReader { cluster, _, workplace in
            guard let identity = cluster.configuration.tls.identity else { return }  // an admin of another kind
            let answer: JSONValue = [
                "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                "status": [
                    "clientCertificateData": .string(String(decoding: identity.certificatePEM, as: UTF8.self)),
                    "clientKeyData": .string(String(decoding: identity.keyPEM.reveal(), as: UTF8.self)),
                ],
            ]
            try workplace.folder.write("answer", answer.serialized())
            let client = try workplace.client(user: try workplace.plugin("v1", "cat answer"))
            try await workplace.expectReads(client)
        }
    }
}

/// Kubeconfigs of a test's own, for the shared cluster.
struct Workplace {
    let cluster: Cluster
    let folder: TemporaryFolder

    func client(user: String, authority: [UInt8]? = nil) throws -> KubeClient {
        var trust = ""
        if case .only(let pem) = cluster.configuration.tls.trust {
            trust = ", certificate-authority-data: \(Base64.encode(authority ?? pem))"
        }
        let text = """
            clusters: [{name: c, cluster: {server: "\(cluster.configuration.server)"\(trust)}}]
            users: [{name: u, user: {\(user)}}]
            contexts: [{name: x, context: {cluster: c, user: u}}]
            current-context: x
            """
        try folder.write("kubeconfig", Array(text.utf8))
        let configuration = try ClusterConfiguration.load(
            kubeconfig: folder.path("kubeconfig"), environment: { _ in nil })
        return KubeClient(configuration: configuration, transport: cluster.transport, userAgent: "test/1")
    }

    /// A plugin program, run in this folder, and the kubeconfig user that names it.
    func plugin(_ version: String, _ script: String, environment: [String: String] = [:]) throws -> String {
        try folder.write("plugin", Array("#!/bin/sh\ncd \"$(dirname \"$0\")\"\n\(script)\n".utf8))
        chmod(folder.path("plugin"), 0o700)
        let variables = environment.map { "{name: \($0.key), value: \($0.value)}" }.joined(separator: ", ")
        return """
            exec: {apiVersion: client.authentication.k8s.io/\(version), command: ./plugin, interactiveMode: Never, \
            env: [\(variables)]}
            """
    }

    func read(_ client: KubeClient) async throws {
        _ = try await client.page(Secret.resource, ListOptions(namespace: cluster.namespace))
    }

    func expectReads(_ client: KubeClient) async throws {
        await #expect(throws: Never.self) { try await read(client) }
    }
}

extension ResourceType {
    fileprivate static let accounts = ResourceType(
        group: "", version: "v1", kind: "ServiceAccount", plural: "serviceaccounts", isNamespaced: true)
}
