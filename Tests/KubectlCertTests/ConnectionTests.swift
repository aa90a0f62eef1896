import ArgumentParser
import HTTPTransport
import HTTPTypes
import KubeClient
import KubeModel
import TestSupport
import Testing
import Wire

@testable import kubectl_cert

@Suite("kubectl's connection flags")
struct ConnectionTests {
    private static let kubeconfig = """
        apiVersion: v1
        kind: Config
        current-context: one
        clusters:
          - {name: one, cluster: {server: "https://one.example:6443"}}
          - {name: two, cluster: {server: "https://two.example:6443", tls-server-name: api.two}}
        users:
          - {name: one, user: {token: first}}
          - {name: two, user: {token: second, as: eve, as-groups: [g], as-uid: u}}
        contexts:
          - {name: one, context: {cluster: one, user: one, namespace: web}}
          - {name: two, context: {cluster: two, user: two}}
        """

    private func load(_ arguments: [String]) throws -> ClusterConfiguration {
        let folder = try TemporaryFolder(named: "kubeconfig")
        defer { folder.remove() }
        try folder.write("config", Array(Self.kubeconfig.utf8))
        let flags = try ConnectionFlags.parse(arguments)
        let path = folder.path("config")
        return try flags.configuration { $0 == "KUBECONFIG" ? path : nil }
    }

    @Test("the context, or another, or parts of it by name")
    func contexts() async throws {
        let plain = try load([])
        #expect(plain.server == "https://one.example:6443")
        #expect(plain.namespace == "web")
        let two = try load(["--context", "two"])
        #expect(two.tls.serverName == "api.two")
        let mixed = try load(["--cluster", "two", "--user", "one"])
        #expect(mixed.server == "https://two.example:6443")
        let header = try await mixed.credentials.authorization().header
        #expect(header == "Bearer first")
        #expect(mixed.namespace == "web")
    }

    @Test("flags win over the file")
    func overrides() async throws {
        let configuration = try load([
            "-s", "https://other.example/", "--token", "mine", "--insecure-skip-tls-verify", "--tls-server-name", "x",
        ])
        #expect(configuration.server == "https://other.example")
        let header = try await configuration.credentials.authorization().header
        #expect(header == "Bearer mine")
        #expect(configuration.tls.trust == .insecure)
        #expect(configuration.tls.serverName == "x")
    }

    @Test("somebody else can be acted as, by flag or by file")
    func impersonation() throws {
        let byFlag = try load(["--as", "jane", "--as-group", "a", "--as-group", "b", "--as-uid", "7"])
        #expect(byFlag.impersonation == Impersonation(user: "jane", uid: "7", groups: ["a", "b"]))
        let byFile = try load(["--context", "two"])
        #expect(byFile.impersonation == Impersonation(user: "eve", uid: "u", groups: ["g"]))
        let nobody = try load([])
        #expect(nobody.impersonation == nil)
    }

    @Test("the impersonated user stands in every request")
    func headers() async throws {
        let transport = ScriptedTransport([.response(status: 200, body: "{}")])
        var configuration = try load([])
        configuration.impersonation = Impersonation(user: "jane", uid: "7", groups: ["a", "b"])
        let client = KubeClient(configuration: configuration, transport: transport, userAgent: "test")
        _ = try await client.send(KubeRequest(method: .get, path: "/version", isIdempotent: true))
        let fields = transport.requests.first?.headers.map { "\($0.name.canonicalName): \($0.value)" } ?? []
        #expect(fields.contains("impersonate-user: jane"))
        #expect(fields.contains("impersonate-uid: 7"))
        #expect(
            fields.filter { $0.hasPrefix("impersonate-group") } == ["impersonate-group: a", "impersonate-group: b"])
    }

    private static let absent: [([String], String)] = [
        (["--context", "three"], "three"), (["--cluster", "three"], "cluster"), (["--user", "three"], "user"),
        (["--certificate-authority", "/nowhere"], "--certificate-authority"),
        (["--client-certificate", "/nowhere"], "together"),
    ]

    @Test("what is not there is named", arguments: absent)
    func problems(arguments: [String], part: String) {
        do {
            _ = try load(arguments)
            Issue.record("accepted")
        } catch {
            #expect("\(error)".contains(part), "\(error)")
        }
    }
}
