import PKI
import TestSupport
import Testing
import Wire

@testable import HTTPServer

@Suite("Validation certificates of TLS-ALPN-01", .timeLimit(.minutes(5)))
struct ValidationTests {
    static let key = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ.thumb"
    /// acmeIdentifier (1.3.6.1.5.5.7.1.31), critical, an OCTET STRING of 32 octets in that of the extension.
    static let identifier: [UInt8] =
        [0x06, 0x08, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x1F, 0x01, 0x01, 0xFF, 0x04, 0x22, 0x04, 0x20]
        + Digest.sha256(Array(key.utf8))

    private func serve(_ domain: String, _ body: (Int) async throws -> Void) async throws {
        let identity = try ServerIdentity(validating: domain, keyAuthorization: Self.key)
        try await withTLSServer(TLSServing { identity }) { port in try await body(port) }
    }

    private func look(_ port: Int, _ name: String) async throws -> ValidationSight {
        try await ValidationProbe.look(at: "127.0.0.1", port: port, serverName: name)
    }

    @Test("one name exactly as it is validated, the critical extension, and a signature of its own (L1, L3)")
    func content() async throws {
        try await serve("a.example.com") { port in
            let sight = try await look(port, "a.example.com")
            #expect(sight.applicationProtocol == "acme-tls/1")
            let certificate = try X509Certificate(der: sight.certificate)
            #expect(certificate.extensions.names == [.dns("a.example.com")])
            #expect(certificate.isSelfSigned)
            #expect(sight.certificate.contains(Self.identifier))
            // The SAN in full: no other name, and nothing around it.
            let name = Array("a.example.com".utf8)
            #expect(sight.certificate.contains([0x30, UInt8(name.count + 2), 0x82, UInt8(name.count)] + name))
        }
    }

    @Test("only the protocol and the name are answered; every other client is sent away without a certificate (L2)")
    func refusals() async throws {
        try await serve("a.example.com") { port in
            func client(_ arguments: String...) async throws -> String {
                let all = ["s_client", "-connect", "127.0.0.1:\(port)"] + arguments
                return try await OpenSSLTool.run(all).output
            }
            let right = try await client("-servername", "A.example.com", "-alpn", "h2,acme-tls/1")
            #expect(right.contains("ALPN protocol: acme-tls/1"))
            #expect(right.contains("BEGIN CERTIFICATE"))
            let wrong = [
                try await client("-servername", "a.example.com"),
                try await client("-servername", "a.example.com", "-alpn", "h2,http/1.1"),
                try await client("-servername", "b.example.com", "-alpn", "acme-tls/1"),
                try await client("-servername", "a.example.com.evil", "-alpn", "acme-tls/1"),
                try await client("-noservername", "-alpn", "acme-tls/1"),
                try await client("-servername", "a.example.com", "-alpn", "acme-tls/1", "-no_tls1_3", "-no_tls1_2"),
            ]
            for (index, output) in wrong.enumerated() {
                #expect(!output.contains("BEGIN CERTIFICATE"), "client \(index) saw a certificate: \(output)")
            }
        }
    }

    @Test("the connection ends once both sides agree (L2)")
    func hangsUp() async throws {
        try await serve("a.example.com") { port in
            let arguments = ["-servername", "a.example.com", "-alpn", "acme-tls/1", "-ign_eof"]
            let all = ["s_client", "-connect", "127.0.0.1:\(port)"] + arguments
            // It would wait for more until the limit of the suite.
            let output = try await OpenSSLTool.run(all, input: Array("GET / HTTP/1.1\r\n\r\n".utf8)).output
            #expect(output.contains("ALPN protocol: acme-tls/1"))
            #expect(!output.contains("HTTP/1.1 404"))
        }
    }

    @Test(
        "an address is asked for by its reverse name, with or without the dot, and stands in the certificate (L4)",
        arguments: [
            ("192.0.2.10", "10.2.0.192.in-addr.arpa", [192, 0, 2, 10]),
            (
                "2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
                [0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
            ),
        ] as [(String, String, [UInt8])])
    func addresses(address: String, name: String, octets: [UInt8]) async throws {
        #expect(ServerIdentity.validationServerName(of: address) == name)
        try await serve(address) { port in
            for spelling in [name, name + "."] {
                let sight = try await look(port, spelling)
                let names = try X509Certificate(der: sight.certificate).extensions.names
                #expect(names == [.ip(try #require(IPAddress(bytes: octets)))])
            }
        }
    }

    @Test("what is no name is refused", arguments: ["", "a..b", "a b", "*.a.example", "a\0b", "ü.example", ".a"])
    func names(domain: String) {
        #expect(throws: TLSServerError.illegalName(domain)) {
            try ServerIdentity(validating: domain, keyAuthorization: Self.key)
        }
    }

    @Test("a name of any length that DNS allows fits into the certificate")
    func longNames() async throws {
        let name = Array(repeating: String(repeating: "a", count: 60), count: 4).joined(separator: ".") + ".example"
        try #require((200...253).contains(name.utf8.count))
        try await serve(name) { port in
            let certificate = try X509Certificate(der: try await look(port, name).certificate)
            #expect(certificate.extensions.names == [.dns(name)])
        }
    }

    @Test("a probe tells a listener that shows something else from one that does not answer")
    func probe() async throws {
        let authority = try await TLSFixture("root")
        let identity = try await authority.identity("site")
        try await withTLSServer(TLSServing { identity }) { port in
            await #expect(throws: (any Error).self) { try await look(port, "site") }
        }
        let port = try FreePorts.take(1)[0]
        await #expect(throws: (any Error).self) { try await look(port, "site") }
    }
}
