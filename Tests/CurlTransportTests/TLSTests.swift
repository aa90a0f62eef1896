import CurlTransport
import HTTPTransport
import HTTPTypes
import PKI
import TestSupport
import Testing
import Wire

@Suite("TLS to a real server", .enabled(if: TestPrograms.find("openssl") != nil, "openssl is not installed"))
struct TLSTests {
    /// A certificate that is its own root, with its key, as PEM.
    private struct Identity {
        var certificate: [UInt8]
        var key: [UInt8]

        init(for names: [GeneralName], validFor life: Duration = .seconds(86_400)) async throws {
            let key = try await PrivateKey.generate(.ecdsa(.p256))
            var extensions = CertificateExtensions()
            extensions.names = names
            let template = CertificateTemplate(
                subject: try DistinguishedName(commonName: "test"), publicKey: key.publicKey,
                notBefore: .now() - .seconds(7200), notAfter: .now() + life, extensions: extensions)
            certificate = Array(try await template.signed(by: nil, key: key).pem.utf8)
            self.key = try key.pem(.pkcs8)
        }

        var tls: TLSOptions.Identity { .init(certificatePEM: certificate, keyPEM: Redacted(key)) }
    }

    /// `openssl s_server`, which answers a GET with a page about the connection, or as `mode` says, beside those files.
    private func withServer(
        _ identity: Identity, asksFor client: Identity? = nil, answering mode: String = "-www",
        files: [String: [UInt8]] = [:], _ arguments: [String] = [],
        _ body: (Int) async throws -> Void
    ) async throws {
        let folder = try TemporaryFolder(named: "tls")
        defer { folder.remove() }
        try folder.write("cert.pem", identity.certificate)
        try folder.write("key.pem", identity.key)
        for (name, content) in files { try folder.write(name, content) }
        var arguments =
            [
                "-C", folder.path(""), "openssl", "s_server", mode, "-cert", folder.path("cert.pem"), "-key",
                folder.path("key.pem"),
            ] + arguments
        if let client {
            try folder.write("client.pem", client.certificate)
            arguments += ["-Verify", "1", "-verify_return_error", "-CAfile", folder.path("client.pem")]
        }
        let port = try FreePorts.take(1)[0]
        try await withProcess("env", arguments + ["-accept", "127.0.0.1:\(port)"], log: folder.path("log")) {
            for attempt in 1... {
                if try folder.text("log").contains("ACCEPT") { break }
                guard attempt < 600 else { throw TestServerError("s_server does not listen") }
                try await Task.sleep(for: .milliseconds(50))
            }
            try await body(port)
        }
    }

    private enum Outcome {
        case answered
        /// By our side, for the certificate or the handshake.
        case refused
        /// By either side.
        case failed
    }

    private func expect(
        _ outcome: Outcome, _ port: Int, _ tls: TLSOptions, host: String = "localhost",
        at location: SourceLocation = #_sourceLocation
    ) async throws {
        let failure = try await withTransport { transport in
            var request = TransportRequest(url: "https://\(host):\(port)/", tls: tls, proxy: .none)
            request.addressOverrides = ["\(host):\(port)": "127.0.0.1"]
            return await transport.failure(of: request)
        }
        let found: Outcome =
            switch failure {
            // The page of `s_server` does not say where it ends, which is refused, but came through.
            case nil, .truncated("no length and no chunks say where it ends")?: .answered
            case .tls?: .refused
            default: .failed
            }
        let isAsExpected = found == outcome || outcome == .failed && found == .refused
        #expect(isAsExpected, "\(String(describing: failure))", sourceLocation: location)
    }

    @Test("an exchange that ends at the handshake has what the server showed, although it never answers")
    func handshake() async throws {
        let identity = try await Identity(for: [.dns("localhost")])
        // No web server: it waits for lines, which it would answer with the same backwards.
        try await withServer(identity, answering: "-rev") { port in
            try await withTransport { transport in
                var request = TransportRequest(
                    url: "https://localhost:\(port)/", tls: TLSOptions(trust: .only(pem: identity.certificate)),
                    proxy: .none, deadline: .seconds(20))
                request.endsAtHandshake = true
                request.addressOverrides = ["localhost:\(port)": "127.0.0.1"]
                let answer = try await transport.send(request)
                #expect(answer.status.code == 0)
                let shown = try X509Certificate(pem: Array(try #require(answer.peerCertificates.first).utf8))
                #expect(shown == (try X509Certificate(pem: identity.certificate)))
                request.tls = TLSOptions(trust: .system)
                await #expect(throws: TransportError.self) { try await transport.send(request) }
            }
        }
    }

    @Test("a server is trusted by the roots given and no others, and only under its own name")
    func trust() async throws {
        let identity = try await Identity(for: [.dns("localhost"), .dns("api.test")])
        let other = try await Identity(for: [.dns("localhost")])
        let own = TLSOptions.Trust.only(pem: identity.certificate)
        try await withServer(identity) { port in
            try await expect(.answered, port, TLSOptions(trust: own))
            try await expect(.answered, port, TLSOptions(trust: .systemAnd(pem: identity.certificate)))
            try await expect(.answered, port, TLSOptions(trust: .insecure))
            try await expect(.refused, port, .system)
            try await expect(.refused, port, TLSOptions(trust: .only(pem: other.certificate)))
            try await expect(.refused, port, TLSOptions(trust: own), host: "other.test")
            try await expect(.answered, port, TLSOptions(trust: own, serverName: "api.test"), host: "other.test")
            try await expect(.refused, port, TLSOptions(trust: own, serverName: "other.test"))
        }
    }

    @Test("an expired certificate is refused")
    func expired() async throws {
        let identity = try await Identity(for: [.dns("localhost")], validFor: .seconds(-3600))
        try await withServer(identity) { port in
            try await expect(.refused, port, TLSOptions(trust: .only(pem: identity.certificate)))
            try await expect(.answered, port, TLSOptions(trust: .insecure))
        }
    }

    @Test("a client certificate is shown to a server that asks, and another identity is another connection")
    func clientIdentity() async throws {
        let identity = try await Identity(for: [.dns("localhost")])
        let client = try await Identity(for: [.dns("client")])
        let trust = TLSOptions.Trust.only(pem: identity.certificate)
        try await withServer(identity, asksFor: client, ["-tls1_2"]) { port in
            try await expect(.answered, port, TLSOptions(trust: trust, identity: client.tls))
            try await expect(.failed, port, TLSOptions(trust: trust))
            let other = try await Identity(for: [.dns("other")])
            try await expect(.failed, port, TLSOptions(trust: trust, identity: other.tls))
        }
    }

    @Test("TLS before 1.2 is not spoken")
    func oldVersions() async throws {
        let identity = try await Identity(for: [.dns("localhost")])
        try await withServer(identity, ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]) { port in
            try await expect(.refused, port, TLSOptions(trust: .only(pem: identity.certificate)))
        }
    }
    @Test("a slow reader of a stream over TLS is waited for, and gets what libcurl and OpenSSL kept meanwhile")
    func heldStream() async throws {
        let identity = try await Identity(for: [.dns("localhost")])
        let whole = (0..<3_000_000).map { UInt8(97 + $0 / 4096 % 26) }
        let head = "HTTP/1.1 200 OK\r\nContent-Length: \(whole.count)\r\n\r\n"
        // Answers with the file that the path names, head and all.
        let files = ["answer": Array(head.utf8) + whole]
        try await withServer(identity, answering: "-HTTP", files: files) { port in
            let limit = 64 << 10
            var request = TransportRequest(
                url: "https://localhost:\(port)/answer", tls: TLSOptions(trust: .only(pem: identity.certificate)),
                proxy: .none, deadline: nil, readAhead: limit)
            request.addressOverrides = ["localhost:\(port)": "127.0.0.1"]
            try await withTransport { [request] transport in
                let (bytes, longest) = try await transport.withResponse(to: request) { _, body in
                    var bytes: [UInt8] = []
                    var longest = 0
                    for try await chunk in body {
                        longest = max(longest, chunk.count)
                        bytes += chunk
                        if bytes.count < 16 * limit { try await Task.sleep(for: .milliseconds(5)) }
                    }
                    return (bytes, longest)
                }
                #expect(longest <= limit)
                #expect(bytes == whole)
            }
        }
    }
}
