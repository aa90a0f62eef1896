import ACME
import CurlTransport
import HTTPTransport
import HTTPTypes
import PKI
import TestSupport
import Testing
import Wire

/// OpenBao's PKI engine as an ACME server. It is spoken to without TLS, on the loopback address.
private struct OpenBao: Sendable {
    let url: String
    let transport: any HTTPTransport

    /// Starts it with a root of its own that certifies whatever is proved by the DNS server at `resolver`.
    static func run<R: Sendable>(
        resolver: String, over transport: any HTTPTransport, _ body: (OpenBao) async throws -> R
    ) async throws -> R {
        let folder = try TemporaryFolder(named: "openbao")
        defer { folder.remove() }
        let port = try FreePorts.take(1)[0]
        let bao = OpenBao(url: "http://127.0.0.1:\(port)", transport: transport)
        let arguments = [
            "server", "-dev", "-dev-no-store-token", "-dev-root-token-id=root", "-dev-listen-address=127.0.0.1:\(port)",
        ]
        return try await withProcess("bao", arguments, environment: ["HOME": folder.root], log: folder.path("log")) {
            try await bao.prepare(resolver)
            return try await body(bao)
        }
    }

    var directoryURL: String { "\(url)/v1/pki/acme/directory" }

    private func prepare(_ resolver: String) async throws {
        for attempt in 1... {
            do {
                _ = try await transport.send(TransportRequest(url: "\(url)/v1/sys/health", proxy: .none))
                break
            } catch {
                if attempt > 600 { throw error }
                try await Task.sleep(for: .milliseconds(100))
            }
        }
        let headers: JSONValue = ["Last-Modified", "Location", "Replay-Nonce", "Link"]
        let engine: JSONValue = ["max_lease_ttl": "87600h", "allowed_response_headers": headers]
        try await write("sys/mounts/pki", ["type": "pki", "config": engine])
        try await write(
            "pki/root/generate/internal", ["common_name": "OpenBao root", "ttl": "8760h", "key_type": "ec"])
        try await write("pki/config/cluster", ["path": .string("\(url)/v1/pki")])
        try await write(
            "pki/config/acme",
            ["enabled": true, "dns_resolver": .string(resolver), "eab_policy": "not-required"])
    }

    /// When the certificate was revoked, in seconds of 1970; 0 while it is good.
    func revocationTime(of certificate: X509Certificate) async throws -> Int64? {
        let serial = certificate.serial.drop { $0 == 0 }.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        let request = TransportRequest(
            url: "\(url)/v1/pki/cert/\(serial.joined(separator: ":"))", headers: HTTPFields(), proxy: .none)
        let answer = try JSONValue(parsing: try await transport.send(request).body)
        return answer["data"]?["revocation_time"]?.intValue
    }

    private func write(_ path: String, _ body: JSONValue) async throws {
        var headers = HTTPFields()
        headers[HTTPField.Name("X-Vault-Token")!] = "root"  // a legal name
        let request = TransportRequest(
            url: "\(url)/v1/\(path)", method: .post, headers: headers, body: body.serialized(), proxy: .none)
        let answer = try await transport.send(request)
        guard [200, 204].contains(answer.status.code) else {
            throw TestServerError("\(path): \(answer.status) \(String(decoding: answer.body, as: UTF8.self))")
        }
    }
}

@Suite(
    "Against OpenBao",
    .enabled(
        if: TestPrograms.find("bao") != nil && Pebble.isInstalled(), "bao is not installed; scripts/test installs it"))
struct OpenBaoTests {
    @Test("a certificate by dns-01; a wildcard beside it; what the server has not is said (A2, O6, K7)")
    func issue() async throws {
        // Pebble's challenge server is the DNS that OpenBao looks at.
        try await Laboratory.run { laboratory in
            let resolver = laboratory.pebble.challengeServer.dnsAddress
            try await OpenBao.run(resolver: resolver, over: laboratory.transport) { bao in
                let server = ACMEServer(
                    settings: .init(
                        directoryURL: bao.directoryURL, userAgent: "certwright-tests libcurl", allowsPlainHTTP: true),
                    transport: laboratory.transport, time: SystemTime())
                let key = try await PrivateKey.generate(.ecdsa(.p256))
                #expect(try await server.existingAccount(of: key) == nil)
                let account = try await server.newAccount(
                    NewACMEAccount(contact: ["mailto:a@example.com"], agreesToTermsOfService: true), key: key)
                #expect(try await server.existingAccount(of: key)?.url == account.url)
                let client = ACMEClient(server: server, accountURL: account.url, key: key)
                let names = [try ACMEIdentifier(dns: "bao.example"), try ACMEIdentifier(dns: "*.bao.example")]
                let (chain, request) = try await laboratory.certificate(for: names, with: client)
                try chain.check(against: request, identifiers: Set(names), now: .now())
                #expect(try await server.directory().renewalInfo == nil)
                let other = try await PrivateKey.generate(.ecdsa(.p256))
                let error = await #expect(throws: ACMEError.self) { _ = try await client.changeKey(to: other) }
                #expect(error?.advice == .permanent, "\(error as Any)")
                #expect(try await bao.revocationTime(of: chain.leaf) == 0)
                let reason = await #expect(throws: ACMEError.self) {
                    try await client.revoke(chain.leaf, reason: .superseded)
                }
                #expect(reason?.refusal?.problem.type == .badRevocationReason)
                #expect(reason?.advice == .permanent)
                try await client.revoke(chain.leaf)
                #expect(try await bao.revocationTime(of: chain.leaf) ?? 0 > 0)
            }
        }
    }
}
