import HTTPTransport
import HTTPTypes
import Testing

@testable import CurlTransport

@Suite("proxies")
struct ProxyTests {
    /// A proxy that answers every request with its own first line, and refuses tunnels.
    private func proxy() -> LoopbackServer {
        LoopbackServer { connection, _ in
            while let (head, _) = connection.readRequest() {
                let line = String(head.prefix { $0 != "\r\n" })
                let hasCredentials = head.lowercased().contains("proxy-authorization: basic dxnlcjpwyxnz")
                if line.hasPrefix("CONNECT") {
                    connection.answer("no tunnels", status: "403 Forbidden")
                } else {
                    connection.answer(line + (hasCredentials ? " with credentials" : ""))
                }
            }
        }
    }

    @Test("a plain request goes to the proxy with its whole URL, credentials and all")
    func plain() async throws {
        let server = proxy()
        defer { server.stop() }
        try await withTransport { transport in
            let url = "http://user:pass@127.0.0.1:\(server.port)"
            let request = TransportRequest(url: "http://host.invalid:8080/a?b=c", proxy: .url(url))
            let text = try await transport.send(request).text
            #expect(text == "GET http://host.invalid:8080/a?b=c HTTP/1.1 with credentials")
        }
    }

    @Test("a tunnel that the proxy refuses is a proxy error, and the password is not in it")
    func refusedTunnel() async throws {
        let server = proxy()
        defer { server.stop() }
        try await withTransport { transport in
            let request = TransportRequest(
                url: "https://host.invalid/", proxy: .url("http://user:secret@127.0.0.1:\(server.port)"))
            let failure = await transport.failure(of: request)
            #expect(failure != nil)
            #expect(!"\(String(describing: failure))".contains("secret"))
        }
    }

    @Test("the environment's proxy is used, but not for what NO_PROXY or the request itself leaves out")
    func environment() async throws {
        let proxy = proxy()
        let direct = LoopbackServer { connection, _ in
            while connection.readRequest() != nil { connection.answer("direct") }
        }
        defer {
            proxy.stop()
            direct.stop()
        }
        let environment = ["HTTP_PROXY": proxy.url(""), "NO_PROXY": "left.invalid"]
        try await withTransport(environment: environment) { transport in
            /// An override says where to connect, which through a proxy would need a tunnel.
            func text(
                _ host: String, _ choice: ProxyChoice = .environment, isDirect: Bool = true
            ) async throws -> String {
                let authority = "\(host):\(direct.port)"
                var request = TransportRequest(url: "http://\(authority)/", proxy: choice)
                if isDirect { request.addressOverrides = [authority: "127.0.0.1"] }
                return try await transport.send(request).text
            }
            var texts = [try await text("right.invalid", isDirect: false)]
            texts.append(try await text("left.invalid"))
            texts.append(try await text("below.left.invalid"))
            texts.append(try await text("right.invalid", .none))
            texts.append(try await transport.send(TransportRequest(url: direct.url())).text)
            let proxied = "GET http://right.invalid:\(direct.port)/ HTTP/1.1"
            #expect(texts == [proxied, "direct", "direct", "direct", "direct"])
        }
    }

    @Test(
        "NO_PROXY is read as Go reads it",
        arguments: [
            ("example.com", "http://example.com/", false), ("example.com", "http://www.example.com/", false),
            (".example.com", "http://example.com/", true), (".example.com", "http://www.example.com/", false),
            ("*.example.com", "http://www.example.com/", false), ("example.com", "http://notexample.com/", true),
            ("example.com:8080", "http://example.com/", true), ("example.com:80", "http://example.com/", false),
            ("10.0.0.0/8", "http://10.1.2.3/", false), ("10.0.0.0/8", "http://11.1.2.3/", true),
            ("2001:db8::/32", "http://[2001:db8::7]/", false), ("*", "http://anything.example/", false),
            ("a.example, b.example", "http://b.example/", false), ("", "http://localhost/", false),
            ("", "http://127.0.0.1/", false), ("", "http://[::1]/", false), ("", "http://example.com/", true),
        ])
    func exceptions(_ list: String, _ url: String, _ isProxied: Bool) throws {
        let environment = ProxyEnvironment(["http_proxy": "http://proxy:3128", "no_proxy": list])
        let address = try #require(HTTPAddress(url: url))
        #expect((environment.proxy(for: address) == "http://proxy:3128") == isProxied)
    }

    @Test("https has its own variable, and upper case counts before lower case")
    func variables() throws {
        let environment = ProxyEnvironment(["HTTPS_PROXY": "http://upper", "https_proxy": "http://lower"])
        #expect(environment.proxy(for: try #require(HTTPAddress(url: "https://a.example/"))) == "http://upper")
        #expect(environment.proxy(for: try #require(HTTPAddress(url: "http://a.example/"))) == nil)
    }
}
