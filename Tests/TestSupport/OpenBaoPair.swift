package import HTTPTransport
import HTTPTypes
import Subprocess
import Wire

/// Two real OpenBao servers that share their storage (Raft): one is active, the other a standby.
package struct OpenBaoPair: Sendable {
    package let activeURL: String
    package let standbyURL: String
    package let rootToken: String
    private let transport: any HTTPTransport

    /// Starts both without TLS, with a PKI engine at `pki`, and ends them when `body` is left.
    package static func run<R: Sendable>(
        over transport: any HTTPTransport, _ body: (OpenBaoPair) async throws -> R
    ) async throws -> R {
        let folder = try TemporaryFolder(named: "openbao-pair")
        let ports = try FreePorts.take(4)
        for node in 0...1 {
            _ = try await Subprocess.run(
                .name("mkdir"), arguments: [folder.path("data\(node)")], output: .discarded)
            try folder.write("\(node).hcl", Array(configuration(node, ports, folder).utf8))
        }
        func serve<Value: Sendable>(_ node: Int, _ body: () async throws -> Value) async throws -> Value {
            let arguments = ["server", "-config=\(folder.path("\(node).hcl"))"]
            return try await withProcess(
                "bao", arguments, environment: ["HOME": folder.root], log: folder.path("\(node).log"), body)
        }
        let result = try await serve(0) {
            let active = "http://127.0.0.1:\(ports[0])"
            let made = try await patiently {
                try await send(transport, .put, active, "sys/init", ["secret_shares": 1, "secret_threshold": 1])
            }
            guard let token = made["root_token"]?.stringValue, let key = made["keys_base64"]?[0]?.stringValue else {
                throw TestServerError("bao was not initialized: \(made)")
            }
            _ = try await send(transport, .put, active, "sys/unseal", ["key": .string(key)])
            return try await serve(1) {
                let pair = OpenBaoPair(
                    activeURL: active, standbyURL: "http://127.0.0.1:\(ports[1])", rootToken: token,
                    transport: transport)
                try await pair.prepare(key)
                return try await body(pair)
            }
        }
        _ = try await Subprocess.run(.name("rm"), arguments: ["-r", folder.root], output: .discarded)
        return result
    }

    /// Of the standby: 429, once it follows the active server.
    package func standbyStatus() async throws -> Int {
        let request = TransportRequest(url: "\(standbyURL)/v1/sys/health", proxy: .none)
        return try await transport.send(request).status.code
    }

    private func prepare(_ key: String) async throws {
        for path in ["sys/mounts/pki", "pki/root/generate/internal", "pki/roles/web"] {
            let bodies: [String: JSONValue] = [
                "sys/mounts/pki": ["type": "pki"],
                "pki/root/generate/internal": ["common_name": "OpenBao root", "key_type": "ec"],
                "pki/roles/web": ["allow_any_name": true, "key_type": "any", "require_cn": false],
            ]
            _ = try await Self.patiently {
                try await Self.send(transport, .post, activeURL, path, bodies[path] ?? [:], token: rootToken)
            }
        }
        // It joins the active server by itself, and takes its key only then.
        _ = try await Self.patiently {
            _ = try await Self.send(transport, .put, standbyURL, "sys/unseal", ["key": .string(key)])
            guard try await standbyStatus() == 429 else { throw TestServerError("the second bao is no standby") }
            return [:]
        }
    }

    private static func patiently(_ work: () async throws -> JSONValue) async throws -> JSONValue {
        for attempt in 1... {
            do { return try await work() } catch {
                if attempt > 300 { throw error }
                try await Task.sleep(for: .milliseconds(100))
            }
        }
        throw TestServerError("never reached")
    }

    private static func send(
        _ transport: any HTTPTransport, _ method: HTTPRequest.Method, _ server: String, _ path: String,
        _ body: JSONValue, token: String? = nil
    ) async throws -> JSONValue {
        var headers = HTTPFields()
        if let token { headers[HTTPField.Name("X-Vault-Token")!] = token }  // a legal name
        let answer = try await transport.send(
            TransportRequest(
                url: "\(server)/v1/\(path)", method: method, headers: headers, body: body.serialized(), proxy: .none))
        guard [200, 204].contains(answer.status.code) else {
            throw TestServerError("\(path): \(answer.status) \(String(decoding: answer.body, as: UTF8.self))")
        }
        return answer.body.isEmpty ? [:] : try JSONValue(parsing: answer.body)
    }

    private static func configuration(_ node: Int, _ ports: [Int], _ folder: TemporaryFolder) -> String {
        """
        storage "raft" {
          path = "\(folder.path("data\(node)"))"
          node_id = "n\(node)"
          retry_join { leader_api_addr = "http://127.0.0.1:\(ports[0])" }
        }
        listener "tcp" {
          address = "127.0.0.1:\(ports[node])"
          cluster_address = "127.0.0.1:\(ports[node + 2])"
          tls_disable = true
        }
        api_addr = "http://127.0.0.1:\(ports[node])"
        cluster_addr = "http://127.0.0.1:\(ports[node + 2])"
        disable_mlock = true
        """
    }
}
