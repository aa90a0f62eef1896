import HTTPTransport
import Subprocess
import SystemPackage
import Wire

/// A credential that a plugin program prints (client.authentication.k8s.io v1 and v1beta1), kept until it expires.
///
/// An actor, so that many requests wait for one run of the plugin instead of starting one each.
actor ExecCredential: CredentialSource {
    private struct Answer: Codable {
        struct Status: Codable {
            var token: String?
            var clientCertificateData: String?
            var clientKeyData: String?
            var expirationTimestamp: Timestamp?
        }
        var apiVersion: String?
        var kind: String?
        var status: Status?
    }
    private struct Cached {
        var authorization: Authorization
        var expires: Timestamp?
    }

    private let config: KubeconfigFile.ExecConfig
    private let apiVersion: String
    private let program: String
    private let variables: [(name: String, value: String)]
    private let time: any TimeSource
    private static let patience = Duration.seconds(60)
    private var cached: Cached?
    private var running: Task<Cached, any Error>?

    init(
        _ config: KubeconfigFile.ExecConfig, userField: String, file: String,
        cluster: MergedKubeconfig.Sourced<KubeconfigFile.Cluster>,
        time: any TimeSource
    ) throws(KubeconfigError) {
        let known = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"]
        guard let version = config.apiVersion, known.contains(version) else {
            throw KubeconfigError(
                file: file, problem: "\(userField).apiVersion must be one of \(known.joined(separator: ", ")).")
        }
        guard !config.command.isEmpty else {
            throw KubeconfigError(file: file, problem: "\(userField).command is required.")
        }
        guard config.interactiveMode != "Always" else {
            throw KubeconfigError(
                file: file, problem: "\(userField).interactiveMode is Always, but nobody is there to be asked.")
        }
        self.config = config
        apiVersion = version
        program = config.command.contains("/") ? FileBytes.resolve(config.command, besides: file) : config.command
        var request: JSONValue = [
            "apiVersion": .string(version), "kind": "ExecCredential", "spec": ["interactive": false],
        ]
        if config.provideClusterInfo == true {
            request["spec"] = ["interactive": false, "cluster": Self.clusterInfo(cluster)]
        }
        variables =
            (config.env ?? []).map { ($0.name, $0.value) }
            + [("KUBERNETES_EXEC_INFO", String(decoding: request.serialized(), as: UTF8.self))]
        self.time = time
    }

    func authorization() async throws(KubeError) -> Authorization {
        if let cached, cached.expires.map({ time.now() < $0 - .seconds(10) }) ?? true { return cached.authorization }
        do {
            return try await shared().authorization
        } catch let error as KubeError {
            throw error
        } catch {
            throw .credentials("the exec plugin \(config.command): \(error)\(hint)")
        }
    }

    func wasRefused(_ authorization: Authorization) -> Bool {
        if let cached, cached.authorization.isSame(as: authorization) { self.cached = nil }
        return true
    }

    private var hint: String { config.installHint.map { " \($0)" } ?? "" }

    /// One run for all who wait. The task is awaited by each of them, right here.
    private func shared() async throws -> Cached {
        if let running { return try await running.value }
        let task = Task { try await runInTime() }
        running = task
        defer { running = nil }
        let fresh = try await task.value
        cached = fresh
        return fresh
    }

    /// A plugin that hangs would hold up every request: it is ended after a while.
    private func runInTime() async throws -> Cached {
        try await withThrowingTaskGroup(of: Cached.self) { group in
            group.addTask { try await self.run() }
            group.addTask { [time, config, hint] in
                try await time.sleep(for: Self.patience)
                throw KubeError.credentials(
                    "the exec plugin \(config.command) did not end within \(Self.patience)\(hint)")
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw KubeError.cancelled }
            return first
        }
    }

    private func run() async throws -> Cached {
        var overrides: [Environment.Key: String?] = [:]
        for variable in variables { overrides[Environment.Key(stringLiteral: variable.name)] = variable.value }
        let result = try await Subprocess.run(
            program.contains("/") ? .path(FilePath(program)) : .name(program),
            arguments: Arguments(config.args ?? []), environment: .inherit.updating(overrides), input: .none,
            output: .bytes(limit: 1 << 20), error: .string(limit: 4096))
        guard result.terminationStatus.isSuccess else {
            // What it printed may hold a credential and is not repeated; its error output is for people.
            throw KubeError.credentials(
                "the exec plugin \(config.command) failed (\(result.terminationStatus)): \(result.standardError)\(hint)"
            )
        }
        return try read(result.standardOutput)
    }

    private func read(_ output: [UInt8]) throws(KubeError) -> Cached {
        guard let answer = try? JSONValue(parsing: output).decode(Answer.self), let status = answer.status else {
            throw .credentials("the exec plugin \(config.command) printed no ExecCredential with a status")
        }
        guard answer.kind == "ExecCredential", answer.apiVersion == apiVersion else {
            throw .credentials(
                "the exec plugin \(config.command) answered in another version than \(apiVersion), which it was asked for"
            )
        }
        var authorization = Authorization()
        if let token = status.token, !token.isEmpty { authorization.header = "Bearer \(token)" }
        if let certificate = status.clientCertificateData, let key = status.clientKeyData {
            authorization.identity = TLSOptions.Identity(
                certificatePEM: Array(certificate.utf8), keyPEM: Redacted(Array(key.utf8)))
        }
        guard authorization.header != nil || authorization.identity != nil else {
            throw .credentials("the exec plugin \(config.command) gave neither a token nor a certificate with its key")
        }
        return Cached(authorization: authorization, expires: status.expirationTimestamp)
    }

    private static func clusterInfo(_ sourced: MergedKubeconfig.Sourced<KubeconfigFile.Cluster>) -> JSONValue {
        let cluster = sourced.value
        var info: JSONValue = [:]
        if let server = cluster.server { info["server"] = .string(server) }
        if let name = cluster.tlsServerName { info["tls-server-name"] = .string(name) }
        if let skip = cluster.insecureSkipTLSVerify { info["insecure-skip-tls-verify"] = .bool(skip) }
        if let proxy = cluster.proxyURL { info["proxy-url"] = .string(proxy) }
        var authority = cluster.certificateAuthorityData?.bytes
        if authority == nil, let path = cluster.certificateAuthority {
            // One that cannot be read has already been refused with the cluster's own trust.
            authority = try? FileBytes.read(FileBytes.resolve(path, besides: sourced.file))
        }
        if let authority { info["certificate-authority-data"] = .string(Base64.encode(authority)) }
        return info
    }
}
