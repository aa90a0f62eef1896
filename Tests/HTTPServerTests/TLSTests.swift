import HTTPTypes
import PKI
import Synchronization
import TestSupport
import Testing
import Wire

@testable import HTTPServer

/// A CA and what it signs, made for one test.
struct TLSFixture: Sendable {
    let certificate: X509Certificate
    let key: PrivateKey

    init(_ name: String) async throws {
        key = try await PrivateKey.generate(.ecdsa(.p256))
        var extensions = CertificateExtensions()
        extensions.basicConstraints = BasicConstraints(isCA: true)
        certificate = try await Self.template(name, key.publicKey, extensions).signed(by: nil, key: key)
    }

    func leaf(_ name: String, for usage: ExtendedKeyUsage = .serverAuth) async throws -> (chain: [UInt8], key: [UInt8])
    {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var extensions = CertificateExtensions()
        extensions.names = [.dns(name)]
        extensions.extendedKeyUsage = [usage]
        let leaf = try await Self.template(name, key.publicKey, extensions).signed(by: certificate, key: self.key)
        return (Array(leaf.pem.utf8), try key.pem(.pkcs8))
    }

    func identity(_ name: String, _ options: TLSServerOptions = TLSServerOptions()) async throws -> ServerIdentity {
        let leaf = try await leaf(name)
        return try ServerIdentity(chain: leaf.chain, key: leaf.key, options: options)
    }

    private static func template(
        _ name: String, _ key: PublicKey, _ extensions: CertificateExtensions
    ) throws -> CertificateTemplate {
        let now = Timestamp.now()
        return CertificateTemplate(
            subject: try DistinguishedName(commonName: name), publicKey: key, notBefore: now - .seconds(60),
            notAfter: now + .seconds(3600), extensions: extensions)
    }
}

/// Runs a TLS server on a free port while `body` works with it.
func withTLSServer(
    _ serving: TLSServing, limits: ServerLimits = ServerLimits(),
    _ handler: @escaping Server.Handler = ServerTests.echo,
    _ body: (Int) async throws -> Void
) async throws {
    let server = Server(address: "127.0.0.1", port: 0, limits: limits, tls: serving, handler: handler)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await server.run() }
        let port = try await server.boundPort
        try await body(port)
        group.cancelAll()
        try await group.waitForAll()
    }
}

/// OpenSSL's own client, which knows nothing of ours.
struct SClient {
    var port: Int
    var authority: X509Certificate

    func run(_ arguments: [String], send text: String, files: [String: [UInt8]] = [:]) async throws -> String {
        let files = files.merging(["ca.pem": Array(authority.pem.utf8), "request": Array(text.utf8)]) { $1 }
        let fixed = ["s_client", "-connect", "127.0.0.1:\(port)", "-CAfile", "@ca.pem", "-verify_return_error"]
        return try await OpenSSLTool.run(fixed + ["-ign_eof"] + arguments, files: files, standardInput: "request")
            .output
    }
}

@Suite("TLS of the server", .serialized, .timeLimit(.minutes(5)))
struct TLSTests {
    static let request = "GET /hello HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\r\n"

    @Test(
        "OpenSSL's client verifies the chain and is answered over each version, with http/1.1 agreed by ALPN",
        arguments: ["-tls1_2", "-tls1_3"])
    func versions(flag: String) async throws {
        let authority = try await TLSFixture("root")
        let identity = try await authority.identity("site")
        try await withTLSServer(TLSServing { identity }) { port in
            let client = SClient(port: port, authority: authority.certificate)
            let output = try await client.run(
                [flag, "-servername", "site", "-verify_hostname", "site", "-alpn", "h2,http/1.1"], send: Self.request)
            #expect(output.contains("Verify return code: 0 (ok)"))
            #expect(output.contains("ALPN protocol: http/1.1"))
            #expect(output.contains("HTTP/1.1 200 OK"))
            #expect(output.contains("GET /hello site 0"))
        }
    }

    @Test("a client that speaks only HTTP/2, or only an older TLS than is allowed, is refused")
    func refusals() async throws {
        let authority = try await TLSFixture("root")
        var options = TLSServerOptions()
        options.minimumVersion = .tls13
        let identity = try await authority.identity("site", options)
        try await withTLSServer(TLSServing { identity }) { port in
            let client = SClient(port: port, authority: authority.certificate)
            let only2 = try await client.run(["-alpn", "h2"], send: Self.request)
            #expect(only2.contains("no application protocol"))
            let old = try await client.run(["-tls1_2"], send: Self.request)
            #expect(old.contains("alert protocol version"))
        }
    }

    @Test("each connection is shown the identity of that moment; while there is none it is closed")
    func rotation() async throws {
        let authority = try await TLSFixture("root")
        let current = Mutex<ServerIdentity?>(nil)
        try await withTLSServer(TLSServing { current.withLock { $0 } }) { port in
            let client = SClient(port: port, authority: authority.certificate)
            #expect(try await client.run([], send: Self.request).contains("no peer certificate available"))
            for name in ["first", "second"] {
                let identity = try await authority.identity(name)
                current.withLock { $0 = identity }
                #expect(try await client.run([], send: Self.request).contains("subject=CN = \(name)"))
            }
        }
    }

    @Test("only clients with a certificate from the authority and a welcome name get through, where that is demanded")
    func clients() async throws {
        let authority = try await TLSFixture("root")
        let strangers = try await TLSFixture("strangers")
        var options = TLSServerOptions()
        options.clientAuthorities = Array(authority.certificate.pem.utf8)
        options.clientNames = ["apiserver"]
        let identity = try await authority.identity("site", options)
        try await withTLSServer(TLSServing { identity }) { port in
            let client = SClient(port: port, authority: authority.certificate)
            func answer(_ leaf: (chain: [UInt8], key: [UInt8])?) async throws -> Bool {
                var files: [String: [UInt8]] = [:]
                if let leaf { (files["c.pem"], files["k.pem"]) = (leaf.chain, leaf.key) }
                let arguments = leaf == nil ? [] : ["-cert", "@c.pem", "-key", "@k.pem"]
                return try await client.run(arguments, send: Self.request, files: files).contains("HTTP/1.1 200 OK")
            }
            let answers = [
                try await answer(nil), try await answer(strangers.leaf("apiserver", for: .clientAuth)),
                try await answer(authority.leaf("kubelet", for: .clientAuth)),
                try await answer(authority.leaf("apiserver", for: .serverAuth)),
                try await answer(authority.leaf("apiserver", for: .clientAuth)),
            ]
            #expect(answers == [false, false, false, false, true])
        }
    }

    @Test("what is no TLS is closed, and so is who says nothing once the handshake's time is over")
    func garbage() async throws {
        let authority = try await TLSFixture("root")
        let identity = try await authority.identity("site")
        var serving = TLSServing { identity }
        serving.handshakeTimeout = .milliseconds(300)
        try await withTLSServer(serving) { port in
            for text in ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", String(repeating: "\u{1}", count: 70_000), ""] {
                let client = RawClient(port)
                if !text.isEmpty { client.write(text) }
                #expect(!client.readToEnd().contains("HTTP"))
            }
            let client = SClient(port: port, authority: authority.certificate)
            let output = try await client.run([], send: Self.request)
            #expect(output.contains("HTTP/1.1 200 OK"))
        }
    }

    @Test("while 200 connections say nothing and others send a byte of a handshake, an honest client is answered")
    func silence() async throws {
        let authority = try await TLSFixture("root")
        let identity = try await authority.identity("site")
        var limits = ServerLimits()
        limits.connections = 1000
        try await withTLSServer(TLSServing { identity }, limits: limits) { port in
            let silent = (0..<200).map { _ in RawClient(port) }
            let slow = (0..<50).map { _ in RawClient(port) }
            for client in slow { client.write("\u{16}") }
            let client = SClient(port: port, authority: authority.certificate)
            let output = try await client.run([], send: Self.request)
            #expect(output.contains("HTTP/1.1 200 OK"))
            #expect(silent.count + slow.count == 250)
        }
    }

    @Test("a body beyond the limit is refused with 413, and one within it arrives whole")
    func bodies() async throws {
        let authority = try await TLSFixture("root")
        let identity = try await authority.identity("site")
        var limits = ServerLimits()
        limits.bodyBytes = 1 << 20
        try await withTLSServer(TLSServing { identity }, limits: limits) { port in
            let client = SClient(port: port, authority: authority.certificate)
            for (size, answer) in [(1 << 20, "HTTP/1.1 200 OK"), ((1 << 20) + 1, "HTTP/1.1 413")] {
                let head = "POST /p HTTP/1.1\r\nHost: site\r\nConnection: close\r\nContent-Length: \(size)\r\n\r\n"
                let output = try await client.run([], send: head + String(repeating: "x", count: size))
                #expect(output.contains(answer))
            }
        }
    }

    @Test("what cannot be served is refused when it is read, and says what is wrong")
    func identities() async throws {
        let authority = try await TLSFixture("root")
        let one = try await authority.leaf("one")
        let other = try await authority.leaf("other")
        func refusal(
            _ chain: [UInt8], _ key: [UInt8], _ change: (inout TLSServerOptions) -> Void = { _ in }
        ) -> String? {
            var options = TLSServerOptions()
            change(&options)
            do throws(TLSServerError) {
                _ = try ServerIdentity(chain: chain, key: key, options: options)
                return nil
            } catch {
                return error.description
            }
        }
        #expect(refusal(one.chain, one.key) == nil)
        #expect(refusal([], one.key) == "the serving certificate cannot be used: there is no PEM certificate")
        #expect(refusal(one.chain, other.key)?.hasPrefix("the serving certificate's private key") == true)
        #expect(refusal(one.chain, Array("no key".utf8))?.hasPrefix("the serving certificate's private key") == true)
        #expect(
            refusal(one.chain, one.key) { $0.cipherSuites = ["TLS_NONSENSE_WITH_ROT13"] }
                == "\"TLS_NONSENSE_WITH_ROT13\" is not the IANA name of a cipher suite that OpenSSL has")
        #expect(
            refusal(one.chain, one.key) { $0.clientAuthorities = [] }
                == "the authorities of clients' certificates cannot be used: there is no PEM certificate")
        #expect(
            refusal(one.chain, one.key) {
                $0.cipherSuites = ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"]
            } == nil)
    }
}
