import ACME
import CurlTransport
import HTTPServer
import HTTPTransport
import HTTPTypes
import PKI
import TestSupport
import Testing
import Wire

/// Caddy's ACME server, which is smallstep's: its CA signs what is proved by the DNS server it is told of.
private struct Caddy: Sendable {
    let directoryURL: String
    let tls: TLSOptions

    static func run<R: Sendable>(
        resolver: String, over transport: any HTTPTransport, _ body: (Caddy) async throws -> R
    ) async throws -> R {
        let folder = try TemporaryFolder(named: "caddy")
        defer { folder.remove() }
        let port = try FreePorts.take(1)[0]
        let (certificate, key) = try await identity()
        try folder.write("cert.pem", certificate)
        try folder.write("key.pem", key)
        try folder.write("caddy.json", configuration(port, resolver, folder).serialized())
        let caddy = Caddy(
            directoryURL: "https://localhost:\(port)/acme/local/directory",
            tls: TLSOptions(trust: .only(pem: certificate)))
        let arguments = ["run", "--config", folder.path("caddy.json")]
        return try await withProcess(
            "caddy", arguments, environment: ["HOME": folder.root], log: folder.path("log")
        ) {
            try await caddy.waitUntilReady(over: transport)
            return try await body(caddy)
        }
    }

    private func waitUntilReady(over transport: any HTTPTransport) async throws {
        for attempt in 1... {
            do {
                _ = try await transport.send(TransportRequest(url: directoryURL, tls: tls, proxy: .none))
                return
            } catch {
                if attempt > 300 { throw error }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    private static func identity() async throws -> (certificate: [UInt8], key: [UInt8]) {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var extensions = CertificateExtensions()
        extensions.names = [.dns("localhost")]
        let certificate = try await CertificateTemplate(
            subject: try DistinguishedName(commonName: "localhost"), publicKey: key.publicKey,
            notBefore: .now() - .seconds(3600), notAfter: .now() + .seconds(86400), extensions: extensions
        ).signed(by: nil, key: key)
        return (Array(certificate.pem.utf8), try key.pem(.pkcs8))
    }

    func client(over transport: any HTTPTransport) async throws -> ACMEClient {
        let server = ACMEServer(
            settings: .init(directoryURL: directoryURL, tls: tls, userAgent: "certwright-tests libcurl"),
            transport: transport, time: SystemTime())
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        #expect(try await server.existingAccount(of: key) == nil)
        let account = try await server.newAccount(
            NewACMEAccount(contact: ["mailto:a@example.com"], agreesToTermsOfService: true), key: key)
        #expect(try await server.existingAccount(of: key)?.url == account.url)
        return ACMEClient(server: server, accountURL: account.url, key: key)
    }

    /// https://caddyserver.com/docs/json/apps/http/servers/routes/handle/acme_server/
    private static func configuration(_ port: Int, _ resolver: String, _ folder: TemporaryFolder) -> JSONValue {
        let handler: JSONValue = [
            "handler": "acme_server", "ca": "local", "host": .string("localhost:\(port)"), "lifetime": "24h",
            "resolvers": [.string(resolver)], "challenges": ["dns-01", "http-01"],
        ]
        let server: JSONValue = [
            "listen": [.string("127.0.0.1:\(port)")], "automatic_https": ["disable": true],
            "tls_connection_policies": [[:]], "routes": [["handle": [handler]]],
        ]
        let identity: JSONValue = [
            "certificate": .string(folder.path("cert.pem")), "key": .string(folder.path("key.pem")),
        ]
        return [
            "admin": ["disabled": true, "config": ["persist": false]],
            "storage": ["module": "file_system", "root": .string(folder.path("data"))],
            "apps": [
                "http": ["servers": ["acme": server]],
                "pki": ["certificate_authorities": ["local": ["install_trust": false]]],
                "tls": ["certificates": ["load_files": [identity]]],
            ],
        ]
    }
}

@Suite(
    "Against Caddy",
    .enabled(
        if: TestPrograms.find("caddy") != nil && Pebble.isInstalled(),
        "caddy is not installed; scripts/test installs it"))
struct CaddyTests {
    @Test("a certificate by dns-01; a wildcard beside it; what the server has not is said (A2, O6, K7)")
    func issue() async throws {
        // Pebble's challenge server is the DNS that Caddy looks at.
        try await Laboratory.run { laboratory in
            let resolver = laboratory.pebble.challengeServer.dnsAddress
            try await Caddy.run(resolver: resolver, over: laboratory.transport) { caddy in
                let client = try await caddy.client(over: laboratory.transport)
                let names = [try ACMEIdentifier(dns: "caddy.example"), try ACMEIdentifier(dns: "*.caddy.example")]
                let (chain, request) = try await laboratory.certificate(for: names, with: client)
                try chain.check(against: request, identifiers: Set(names), now: .now())
                #expect(try await client.server.directory().renewalInfo == nil)
                let other = try await PrivateKey.generate(.ecdsa(.p256))
                let error = await #expect(throws: ACMEError.self) { _ = try await client.changeKey(to: other) }
                #expect(error?.advice == .permanent, "\(error as Any)")
                try await client.revoke(chain.leaf, reason: .superseded)
                // One that is revoked already is a success.
                try await client.revoke(chain.leaf, reason: .superseded)
            }
        }
    }

    @Test("an address of a machine without any name gets a certificate, by http-01 (IP1, IP2)")
    func address() async throws {
        try await Laboratory.run { laboratory in
            let answers = laboratory.pebble.challengeServer
            try await Caddy.run(resolver: answers.dnsAddress, over: laboratory.transport) { caddy in
                let client = try await caddy.client(over: laboratory.transport)
                // Port 80 is all that smallstep's server asks; of loopback's sixteen million addresses one has it free.
                let address = "127.\(Int.random(in: 64..<128)).\(Int.random(in: 1..<255)).\(Int.random(in: 1..<255))"
                let web = Server(address: address, port: 80) { request in
                    let url = "http://127.0.0.1:\(answers.httpPort)\(request.target)"
                    let answer = try? await laboratory.transport.send(TransportRequest(url: url, proxy: .none))
                    return ServerResponse(answer?.status ?? .badGateway, body: answer?.body ?? [])
                }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await web.run() }
                    _ = try await web.boundPort
                    let names = [try ACMEIdentifier(ip: address)]
                    let (chain, request) = try await laboratory.certificate(for: names, with: client)
                    try chain.check(against: request, identifiers: Set(names), now: .now())
                    #expect(chain.leaf.extensions.dnsNames.isEmpty)
                    group.cancelAll()
                }
            }
        }
    }
}
