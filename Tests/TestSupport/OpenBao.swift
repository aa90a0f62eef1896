package import HTTPTransport
import HTTPTypes
package import Wire

/// A real OpenBao server with a PKI engine at `pki`, which speaks as Vault does. Its storage is its memory.
package struct OpenBao: Sendable {
    package let url: String
    /// What its certificate is verified with; nil without TLS.
    package let authority: [UInt8]?
    private let transport: any HTTPTransport
    private let folder: TemporaryFolder

    package static let rootToken = "root-k3yT0ken"
    package static var isInstalled: Bool { TestPrograms.find("bao") != nil }

    /// Starts it on a free port with a root certificate of its own, and ends it when `body` is left.
    package static func run<R: Sendable>(
        tls: Bool = false, over transport: any HTTPTransport, _ body: (OpenBao) async throws -> R
    ) async throws -> R {
        let folder = try TemporaryFolder(named: "openbao")
        defer { folder.remove() }
        let port = try FreePorts.take(1)[0]
        var arguments = [
            "server", "-dev", "-dev-no-store-token", "-dev-root-token-id=\(rootToken)",
            "-dev-listen-address=127.0.0.1:\(port)",
        ]
        if tls { arguments += ["-dev-tls", "-dev-tls-cert-dir=\(folder.root)"] }
        return try await withProcess("bao", arguments, environment: ["HOME": folder.root], log: folder.path("log")) {
            // The certificate is made by the server, and is there once it says that it has started.
            try await waitForLog(folder)
            let bao = OpenBao(
                url: "\(tls ? "https" : "http")://127.0.0.1:\(port)",
                authority: tls ? Array(try folder.text("vault-ca.pem").utf8) : nil, transport: transport, folder: folder
            )
            try await bao.prepare()
            return try await body(bao)
        }
    }

    /// What it said of the key that opens its storage after `sys/seal`.
    package func unsealKey() throws -> String {
        let line = try folder.text("log").split(separator: "\n").first { $0.hasPrefix("Unseal Key: ") }
        guard let line else { throw TestServerError("bao has not told its unseal key") }
        return String(line.dropFirst("Unseal Key: ".count))
    }

    /// Writes to a path under /v1, and answers what comes back.
    @discardableResult
    package func write(
        _ path: String, _ body: JSONValue = [:], token: String = rootToken, namespace: String? = nil
    ) async throws -> JSONValue {
        try await send(.post, path, body, token: token, namespace: namespace)
    }

    package func read(_ path: String) async throws -> JSONValue {
        try await send(.get, path, nil, token: Self.rootToken, namespace: nil)
    }

    package func delete(_ path: String) async throws {
        _ = try await send(.delete, path, nil, token: Self.rootToken, namespace: nil)
    }

    private func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: JSONValue?, token: String, namespace: String?
    ) async throws -> JSONValue {
        var headers = HTTPFields()
        headers[HTTPField.Name("X-Vault-Token")!] = token  // a legal name
        if let namespace { headers[HTTPField.Name("X-Vault-Namespace")!] = namespace }  // and this
        let answer = try await transport.send(
            TransportRequest(
                url: "\(url)/v1/\(path)", method: method, headers: headers, body: body?.serialized(),
                tls: authority.map { TLSOptions(trust: .only(pem: $0)) } ?? .system, proxy: .none))
        guard [200, 204].contains(answer.status.code) else {
            throw TestServerError("\(path): \(answer.status) \(String(decoding: answer.body, as: UTF8.self))")
        }
        return answer.body.isEmpty ? [:] : try JSONValue(parsing: answer.body)
    }

    private static func waitForLog(_ folder: TemporaryFolder) async throws {
        for _ in 0..<600 {
            if try folder.text("log").contains("server started") { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw TestServerError("bao has not started: \(try folder.text("log").suffix(2000))")
    }

    private func prepare() async throws {
        let headers: JSONValue = ["Last-Modified", "Location", "Replay-Nonce", "Link"]
        let engine: JSONValue = ["max_lease_ttl": "87600h", "allowed_response_headers": headers]
        try await write("sys/mounts/pki", ["type": "pki", "config": engine])
        try await write(
            "pki/root/generate/internal", ["common_name": "OpenBao root", "ttl": "8760h", "key_type": "ec"])
        try await write("pki/config/cluster", ["path": .string("\(url)/v1/pki")])
    }
}
