import Glibc
import HTTPTransport
import KubeClient
import Testing
import Wire

/// A folder of its own for one test, removed with it.
final class Folder {
    let path: String

    init() throws {
        var template = Array("/tmp/certwright-test-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in buffer.baseAddress.flatMap { mkdtemp($0) } }
        path = try #require(made.map { String(cString: $0) })
    }

    deinit { for name in names { unlink("\(path)/\(name)") }; rmdir(path) }

    private var names: [String] = []

    @discardableResult
    func write(_ name: String, _ text: String, mode: mode_t = 0o600) throws -> String {
        let file = try #require(fopen("\(path)/\(name)", "w"))
        fputs(text, file)
        fclose(file)
        chmod("\(path)/\(name)", mode)
        names.append(name)
        return "\(path)/\(name)"
    }
}

@Suite("kubeconfig")
struct KubeconfigTests {
    func file(user: String, cluster: String = "server: https://api.test:6443") -> String {
        """
        apiVersion: v1
        kind: Config
        clusters: [{name: c, cluster: {\(cluster)}}]
        users: [{name: u, user: {\(user)}}]
        contexts: [{name: ctx, context: {cluster: c, user: u, namespace: web}}]
        current-context: ctx
        """
    }
    func load(_ path: String, context: String? = nil, time: any TimeSource = SystemTime()) throws
        -> ClusterConfiguration
    {
        try ClusterConfiguration.load(kubeconfig: path, context: context, environment: { _ in nil }, time: time)
    }

    @Test("a token, basic credentials and none")
    func simple() async throws {
        let folder = try Folder()
        let token = try load(try folder.write("a", file(user: "token: secret-token")))
        #expect(try await token.credentials.authorization().header == "Bearer secret-token")
        #expect(token.namespace == "web")
        #expect(token.server == "https://api.test:6443")
        let basic = try load(try folder.write("b", file(user: "username: ann, password: pw")))
        #expect(try await basic.credentials.authorization().header == "Basic YW5uOnB3")
        let none = try load(try folder.write("c", file(user: "")))
        #expect(try await none.credentials.authorization().header == nil)
    }

    @Test("certificates as data and as files besides the kubeconfig")
    func certificates() throws {
        let folder = try Folder()
        try folder.write("crt", "CERT")
        try folder.write("key", "KEY")
        try folder.write("ca", "CA")
        let files = try load(
            try folder.write(
                "a",
                file(
                    user: "client-certificate: crt, client-key: key",
                    cluster: "server: \"https://x\", certificate-authority: ca, tls-server-name: api.internal")))
        #expect(files.tls.trust == .only(pem: Array("CA".utf8)))
        #expect(files.tls.serverName == "api.internal")
        #expect(files.tls.identity?.certificatePEM == Array("CERT".utf8))
        #expect(files.tls.identity?.keyPEM.reveal() == Array("KEY".utf8))
        let data = try load(
            try folder.write(
                "b",
                file(
                    user: "client-certificate-data: Q0VSVA==, client-key-data: S0VZ",
                    cluster: "server: \"https://x\", insecure-skip-tls-verify: true, proxy-url: \"http://p:1\"")))
        #expect(data.tls.trust == .insecure)
        #expect(data.proxy == .url("http://p:1"))
        #expect(data.tls.identity?.keyPEM.reveal() == Array("KEY".utf8))
    }

    @Test("a token file is read again once it was refused")
    func tokenFile() async throws {
        let folder = try Folder()
        try folder.write("token", "one\n")
        let configuration = try load(try folder.write("a", file(user: "tokenFile: token")))
        #expect(try await configuration.credentials.authorization().header == "Bearer one")
        try folder.write("token", "two\n")
        #expect(try await configuration.credentials.authorization().header == "Bearer one")
        let shown = try await configuration.credentials.authorization()
        #expect(await configuration.credentials.wasRefused(shown))
        #expect(try await configuration.credentials.authorization().header == "Bearer two")
    }

    @Test("an exec plugin runs once until its credential expires", arguments: ["v1", "v1beta1"])
    func exec(version: String) async throws {
        let folder = try Folder()
        try folder.write(
            "plugin",
            """
            #!/bin/sh
            echo x >>"$COUNT_FILE"
            case "$KUBERNETES_EXEC_INFO" in *'"server":"https://api.test:6443"'*) ;; *) exit 3 ;; esac
            printf '{"apiVersion":"client.authentication.k8s.io/\(version)","kind":"ExecCredential","status":{"token":"%s","expirationTimestamp":"2999-01-01T00:00:00Z"}}' "$1-$EXTRA"
            """, mode: 0o700)
        let counter = try folder.write("count", "")
        let user = """
            exec: {apiVersion: client.authentication.k8s.io/\(version), command: ./plugin, args: [tok], \
            provideClusterInfo: true, interactiveMode: Never, \
            env: [{name: EXTRA, value: env}, {name: COUNT_FILE, value: \(counter)}]}
            """
        let configuration = try load(try folder.write("a", file(user: user)))
        for _ in 0..<3 {
            #expect(try await configuration.credentials.authorization().header == "Bearer tok-env")
        }
        let shown = try await configuration.credentials.authorization()
        for _ in 0..<3 { #expect(await configuration.credentials.wasRefused(shown)) }
        _ = try await configuration.credentials.authorization()
        #expect(await configuration.credentials.wasRefused(Authorization(header: "Bearer of another plugin run")))
        _ = try await configuration.credentials.authorization()
        let count = try #require(fopen(counter, "r"))
        defer { fclose(count) }
        fseek(count, 0, SEEK_END)
        #expect(ftell(count) == 4)
    }

    @Test("a plugin that fails is named with its hint, and what it printed is not repeated")
    func execFails() async throws {
        let folder = try Folder()
        try folder.write("plugin", "#!/bin/sh\necho top-secret\necho no login >&2\nexit 1\n", mode: 0o700)
        let user = """
            exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, installHint: Install it., \
            interactiveMode: Never}
            """
        let configuration = try load(try folder.write("a", file(user: user)))
        do throws(KubeError) {
            _ = try await configuration.credentials.authorization()
            Issue.record("no error")
        } catch {
            #expect(error.description.contains("./plugin"))
            #expect(error.description.contains("no login"))
            #expect(error.description.contains("Install it."))
            #expect(!error.description.contains("top-secret"))
        }
    }

    @Test("several files are read as one, the first to name a thing wins")
    func merged() async throws {
        let folder = try Folder()
        let one = try folder.write("one", "users: [{name: u, user: {token: first}}]\ncurrent-context: ctx\n")
        let two = try folder.write("two", file(user: "token: second"))
        let configuration = try ClusterConfiguration.load(
            kubeconfig: nil, environment: { $0 == "KUBECONFIG" ? "\(one):/nowhere:\(two)" : nil })
        #expect(try await configuration.credentials.authorization().header == "Bearer first")
    }

    @Test("in a pod the service account is used")
    func inCluster() async throws {
        let folder = try Folder()
        try folder.write("ca.crt", "CA")
        try folder.write("token", "t")
        try folder.write("namespace", "cert-manager")
        let environment = ["KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"]
        let configuration = try ClusterConfiguration.inCluster(
            environment: { environment[$0] }, folder: folder.path)
        #expect(configuration.server == "https://[fd00::1]:443")
        #expect(configuration.namespace == "cert-manager")
        #expect(try await configuration.credentials.authorization().header == "Bearer t")
    }

    @Test("the CA is told as its file has it now, and as it was while the file cannot be read")
    func rotatedAuthority() throws {
        let folder = try Folder()
        let ca = try folder.write("ca.crt", "old")
        let environment = ["KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"]
        let inPod = try ClusterConfiguration.inCluster(environment: { environment[$0] }, folder: folder.path)
        func kubeconfig(_ name: String, _ cluster: String) throws -> ClusterConfiguration {
            try load(
                folder.write(
                    name,
                    """
                    current-context: x
                    contexts: [{name: x, context: {cluster: c}}]
                    clusters: [{name: c, cluster: {server: "https://a", \(cluster)}}]
                    """))
        }
        let byFile = try kubeconfig("file", "certificate-authority: ca.crt")
        let inline = try kubeconfig(
            "inline",
            "certificate-authority: ca.crt, certificate-authority-data: \(Base64.encode(Array("inline".utf8)))")
        let system = try kubeconfig("system", "tls-server-name: a")
        func told(_ configuration: ClusterConfiguration) -> String? {
            configuration.currentAuthority.map { String(decoding: $0, as: UTF8.self) }
        }
        #expect([inPod, byFile, inline, system].map(told) == ["old", "old", "inline", nil])
        try folder.write("ca.crt", "new")
        #expect([inPod, byFile, inline, system].map(told) == ["new", "new", "inline", nil])
        try folder.write("ca.crt", "")
        #expect([inPod, byFile].map(told) == ["old", "old"])
        _ = ca
    }

    @Test(
        "what cannot be used is said with file and field, never with a value",
        arguments: [
            ("users: [", "line"), ("[]", "a"), ("", "empty"), ("contexts: []", "current-context"),
            ("current-context: x", "context \"x\""),
            ("current-context: x\ncontexts: [{name: x, context: {cluster: c}}]", "cluster"),
            (
                "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\nclusters: [{name: c, cluster: {server: nonsense}}]",
                "server"
            ),
            (
                "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\nclusters: [{name: c, cluster: {certificate-authority-data: \"%%secret%%\"}}]",
                "certificate-authority-data"
            ),
        ])
    func unusable(text: String, part: String) throws {
        let folder = try Folder()
        let path = try folder.write("bad", text)
        do {
            _ = try load(path)
            Issue.record("no error for \(text)")
        } catch let error as KubeconfigError {
            #expect(error.description.contains(path))
            #expect(error.description.contains(part), "\(error.description)")
            #expect(!error.description.contains("%%secret%%"))
        }
    }

    @Test("the cluster that a plugin is told of carries the CA of a file besides the kubeconfig")
    func execClusterInfo() async throws {
        let folder = try Folder()
        try folder.write("ca", "CA")
        try folder.write(
            "plugin",
            """
            #!/bin/sh
            case "$KUBERNETES_EXEC_INFO" in *'"certificate-authority-data":"Q0E="'*) ;; *) exit 3 ;; esac
            printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t"}}'
            """, mode: 0o700)
        let user = """
            exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, provideClusterInfo: true, \
            interactiveMode: Never}
            """
        let cluster = "server: \"https://x\", certificate-authority: ca"
        let configuration = try load(try folder.write("a", file(user: user, cluster: cluster)))
        #expect(try await configuration.credentials.authorization().header == "Bearer t")
    }

    @Test("a plugin that hangs is given up")
    func execHangs() async throws {
        let folder = try Folder()
        try folder.write("plugin", "#!/bin/sh\nexec sleep 600\n", mode: 0o700)
        let user = "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, interactiveMode: Never}"
        let configuration = try load(try folder.write("a", file(user: user)), time: InstantTime())
        do throws(KubeError) {
            _ = try await configuration.credentials.authorization()
            Issue.record("no error")
        } catch {
            #expect(error.description.contains("did not end within"))
        }
    }
}
