import CurlTransport
import HTTPTransport
import HTTPTypes
import Synchronization
import Testing

@Suite(.serialized, .timeLimit(.minutes(5))) struct ExchangeTests {
    @Test("a GET brings status, headers and body, and sends the URL byte for byte")
    func get() async throws {
        let server = LoopbackServer { connection, _ in
            while let (head, _) = connection.readRequest() { connection.answer(head, headers: "X-A: 1\r\nX-A: 2\r\n") }
        }
        try await withTransport { transport in
            let path = "/a/../b/%2e%2E//c?labelSelector=a%3Db,c&x=%zz"
            let response = try await transport.send(TransportRequest(url: server.url(path)))
            #expect(response.status == .ok)
            #expect(response.headers[HTTPField.Name("x-a")!] == "1, 2")
            #expect(response.text.hasPrefix("GET \(path) HTTP/1.1\r\n"))
            #expect(response.text.contains("User-Agent: test/1\r\n"))
        }
    }

    @Test(
        "every method sends its body, also an empty one, without Expect and without a made-up content type",
        arguments: [HTTPRequest.Method.post, .put, .patch, .delete],
        ["", "{}", String(repeating: "x", count: 2_000_000)])
    func bodies(method: HTTPRequest.Method, body: String) async throws {
        let server = LoopbackServer { connection, _ in
            while let (head, body) = connection.readRequest() { connection.answer(head + "\(body.count)") }
        }
        try await withTransport { transport in
            let response = try await transport.send(
                TransportRequest(url: server.url(), method: method, body: Array(body.utf8)))
            #expect(response.text.hasPrefix("\(method.rawValue) / HTTP/1.1\r\n"))
            #expect(response.text.hasSuffix("\r\n\r\n\(body.utf8.count)"))
            #expect(response.text.lowercased().contains("content-length: \(body.utf8.count)\r\n"))
            #expect(!response.text.lowercased().contains("expect:"))
            #expect(!response.text.lowercased().contains("content-type:"))
        }
    }

    @Test("a HEAD answer has its headers and no body")
    func head() async throws {
        let server = LoopbackServer { connection, _ in
            while connection.readRequest() != nil {
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 99\r\nReplay-Nonce: n\r\n\r\n")
            }
        }
        try await withTransport { transport in
            for _ in 0..<3 {
                let response = try await transport.send(TransportRequest(url: server.url(), method: .head))
                #expect(response.headers[HTTPField.Name("replay-nonce")!] == "n")
                #expect(response.body.isEmpty)
            }
        }
        #expect(server.connections == 1)
    }

    @Test("requests one after the other share a connection, also after answers without a body")
    func reuse() async throws {
        let server = LoopbackServer { connection, _ in
            while let (head, _) = connection.readRequest() {
                if head.contains("/none") {
                    connection.send("HTTP/1.1 204 No Content\r\n\r\n")
                } else {
                    connection.send(
                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-T: 1\r\n\r\n"
                    )
                }
            }
        }
        try await withTransport { transport in
            for _ in 0..<5 {
                let none = try await transport.send(TransportRequest(url: server.url("/none")))
                #expect(none.status == .noContent)
                let answer = try await transport.send(TransportRequest(url: server.url()))
                #expect(answer.text == "abcdefg")
            }
        }
        #expect(server.connections == 1)
    }

    @Test("1xx answers before the final one are passed over")
    func informational() async throws {
        let server = LoopbackServer { connection, _ in
            _ = connection.readRequest()
            connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n")
            connection.answer("done")
            connection.waitForClose()
        }
        try await withTransport { transport in
            let response = try await transport.send(TransportRequest(url: server.url()))
            #expect(response.text == "done")
            #expect(response.headers[HTTPField.Name("link")!] == nil)
        }
    }

    @Test("many requests at once all succeed over as many connections as the limit says")
    func burst() async throws {
        let server = LoopbackServer { connection, _ in
            while let (head, _) = connection.readRequest() {
                connection.pause(1)
                connection.answer(String(head.split(separator: " ")[1]))
            }
        }
        try await withTransport {
            $0.concurrencyPerHost = 8
        } _: { transport in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<500 {
                    group.addTask {
                        let response = try await transport.send(TransportRequest(url: server.url("/\(number)")))
                        #expect(response.text == "/\(number)")
                    }
                }
                try await group.waitForAll()
            }
        }
        #expect(server.connections <= 8)
    }

    @Test("a request on the express lane does not wait behind a full shared lane")
    func express() async throws {
        let isLeaseAnswered = Atomic(false)
        let server = LoopbackServer { connection, _ in
            while let (head, _) = connection.readRequest() {
                while head.contains("/slow"), !isLeaseAnswered.load(ordering: .acquiring) { connection.pause(1) }
                connection.answer("ok")
            }
        }
        try await withTransport {
            $0.concurrencyPerHost = 2
        } _: { transport in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<6 {
                    group.addTask { _ = try await transport.send(TransportRequest(url: server.url("/slow"))) }
                }
                while server.connections < 2 { try await Task.sleep(for: .milliseconds(1)) }
                // None of those before it is answered until it is.
                _ = try await transport.send(TransportRequest(url: server.url("/lease"), lane: .express))
                isLeaseAnswered.store(true, ordering: .releasing)
                try await group.waitForAll()
            }
        }
    }

    @Test("a redirect is the answer, or is followed when the request says so")
    func redirects() async throws {
        let server = LoopbackServer { connection, _ in
            while let (head, _) = connection.readRequest() {
                switch String(head.split(separator: " ")[1]) {
                case "/a": connection.answer("moved", status: "302 Found", headers: "Location: /b\r\n")
                case "/loop": connection.answer("", status: "302 Found", headers: "Location: /loop\r\n")
                case "/file": connection.answer("", status: "302 Found", headers: "Location: ftp://127.0.0.1/x\r\n")
                default: connection.answer("here")
                }
            }
        }
        try await withTransport { transport in
            let refused = try await transport.send(TransportRequest(url: server.url("/a")))
            #expect(refused.status == .found && refused.text == "moved")
            let follow = RedirectPolicy.follow(max: 3, schemes: ["http", "https"])
            let followed = try await transport.send(TransportRequest(url: server.url("/a"), redirects: follow))
            #expect(followed.text == "here" && followed.head.url == server.url("/b"))
            for path in ["/loop", "/file"] {
                let failure = await transport.failure(of: TransportRequest(url: server.url(path), redirects: follow))
                if case .redirect? = failure { continue }
                Issue.record("\(path): \(String(describing: failure))")
            }
        }
    }

    @Test("an address override connects elsewhere and keeps the Host header")
    func overrides() async throws {
        let server = LoopbackServer { connection, _ in
            while let (head, _) = connection.readRequest() { connection.answer(head) }
        }
        try await withTransport { transport in
            let name = "challenge.example:\(server.port)"
            let request = TransportRequest(url: "http://\(name)/x", addressOverrides: [name: "127.0.0.1"])
            let answer = try await transport.send(request)
            #expect(answer.text.contains("Host: \(name)\r\n"))
            let plain = await transport.failure(of: TransportRequest(url: "http://no-such-host.invalid/"))
            if case .resolve? = plain { return }
            Issue.record("the override stayed: \(String(describing: plain))")
        }
    }

    @Test("what cannot be a request is refused before anything is sent", arguments: ["ftp://a/", "x", "http://"])
    func badURL(url: String) async throws {
        try await withTransport { transport in
            if case .url? = await transport.failure(of: TransportRequest(url: url)) { return }
            Issue.record("sent")
        }
    }
}
