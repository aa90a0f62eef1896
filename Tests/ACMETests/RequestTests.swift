import HTTPTransport
import HTTPTypes
import PKI
import Synchronization
import Testing
import Wire

@testable import ACME

@Suite("Signed requests")
struct RequestTests {
    @Test(
        "POST-as-GET has an empty payload, kid and the URL byte for byte; all requests say who asks (T3, T4, T5, T6, J1, J2, J8, J9)"
    )
    func postAsGet() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let url = "https://ca.example:443/order/1?a=%7e"
        let stub = StubServer { request in
            request.url == url ? .json(["status": "pending", "finalize": "https://ca.example/f/1"]) : nil
        }
        _ = try await stub.client(key).order(url)
        #expect(stub.requests.map(\.method) == ["GET", "HEAD", "POST"])
        for request in stub.requests {
            #expect(request.headers[.userAgent] == "certwright/test libcurl/7.88.1")
            #expect(request.headers[.acceptLanguage] == "en")
            #expect(request.headers[.replayNonce] == nil)
        }
        let post = try #require(stub.posts.first)
        #expect(post.url == url)
        #expect(post.headers[.contentType] == "application/jose+json")
        #expect(post.json?.objectValue?.keys.sorted() == ["payload", "protected", "signature"])
        #expect(post.json?["payload"] == "")
        #expect(
            post.protected == ["alg": "ES256", "kid": "https://ca.example/acct/7", "nonce": "n2", "url": .string(url)])
        let input = "\(post.json!["protected"]!.stringValue!)."
        let signature = try #require(Base64.decodeURL(post.json!["signature"]!.stringValue!))
        #expect(signature.count == 64)
        #expect(key.publicKey.isValidJWSSignature(signature, of: Array(input.utf8)))
    }

    @Test("badNonce is answered at once with the nonce of the refusal, signed anew, not with one from the pool (N4)")
    func badNonce() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let refusals = Mutex(0)
        let stub = StubServer { request in
            guard request.method == "POST" else { return nil }
            let count = refusals.withLock { count in
                count += 1
                return count
            }
            guard count <= 12 else { return .json(["status": "ready", "finalize": "https://ca.example/f/1"]) }
            return .problem("badNonce", status: 400, headers: ["Replay-Nonce": "fresh\(count)"])
        }
        let server = stub.server()
        let client = ACMEClient(server: server, accountURL: "https://ca.example/acct/7", key: key)
        #expect(try await client.order("https://ca.example/order/1").status == .ready)
        #expect(stub.posts.map(\.nonce) == ["n2"] + (1...12).map { "fresh\($0)" })
        #expect(Set(stub.posts.map { $0.json!["signature"]! }).count == 13)
    }

    @Test("a server that refuses every nonce is given up on after a bounded number of tries (N5)")
    func badNonceForever() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = StubServer { $0.method == "POST" ? .problem("badNonce", status: 400) : nil }
        let error = await expectACMEError { () throws(ACMEError) in
            try await stub.client(key).order("https://ca.example/order/1")
        }
        #expect(error?.refusal?.problem.type == .badNonce)
        #expect(error?.advice == .retry)
        #expect(stub.posts.count == ACMEServer.nonceAttempts)
    }

    @Test("the nonce of each answer, errors included, serves the next request; no second HEAD is made (N1, N2)")
    func noncesAreReused() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = StubServer { request in
            request.url.hasSuffix("/order/1") ? .json(["status": "ready", "finalize": "https://ca.example/f/1"]) : nil
        }
        let client = stub.client(key)
        _ = await expectACMEError { () throws(ACMEError) in try await client.order("https://ca.example/gone") }
        _ = try await client.order("https://ca.example/order/1")
        _ = try await client.order("https://ca.example/order/1")
        #expect(stub.requests.map(\.method) == ["GET", "HEAD", "POST", "POST", "POST"])
        #expect(stub.posts.map(\.nonce) == ["n2", "n3", "n4"])
    }

    @Test("where HEAD is not allowed GET brings the nonce (N1)")
    func nonceByGet() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = StubServer { request in
            switch (request.method, request.url) {
            case ("HEAD", _): .text("", status: .methodNotAllowed)
            case ("GET", "https://ca.example/nonce"):
                .text("", status: .noContent, headers: ["Replay-Nonce": "byGet"])
            case ("POST", _): .json(["status": "ready", "finalize": "https://ca.example/f/1"])
            default: nil
            }
        }
        _ = try await stub.client(key).order("https://ca.example/order/1")
        #expect(stub.posts.map(\.nonce) == ["byGet"])
    }

    @Test("plain http is refused before anything is sent, in the directory's URL and in the URLs it names (T1)")
    func plainHTTP() async throws {
        let stub = StubServer()
        let plain = ACMEServer(
            settings: .init(directoryURL: "http://ca.example/dir", userAgent: "x"), transport: stub, time: FixedTime())
        let error = await expectACMEError { () throws(ACMEError) in try await plain.directory() }
        #expect(error?.advice == .permanent)
        #expect(stub.requests.isEmpty)

        let mixed = StubServer { request in
            var directory = StubServer.directory
            directory["newOrder"] = "http://ca.example/new-order"
            return request.url.hasSuffix("/dir") ? .json(directory) : nil
        }
        let second = await expectACMEError { () throws(ACMEError) in try await mixed.server().directory() }
        #expect(second?.advice == .permanent)
    }

    @Test("a redirected POST is not followed and not success (T11)")
    func redirect() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = StubServer { request in
            request.method == "POST"
                ? .text("", status: .temporaryRedirect, headers: ["Location": "https://evil.example/"]) : nil
        }
        let error = await expectACMEError { () throws(ACMEError) in
            try await stub.client(key).order("https://ca.example/order/1")
        }
        #expect(error?.refusal?.status == 307)
        #expect(stub.posts.count == 1)
    }

    @Test("an HTML page of a load balancer is a refusal judged by its status (Y4)")
    func htmlError() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = StubServer { request in
            request.method == "POST" ? .text("<html>502 Bad Gateway</html>", status: .badGateway) : nil
        }
        let error = await expectACMEError { () throws(ACMEError) in
            try await stub.client(key).order("https://ca.example/order/1")
        }
        #expect(error?.advice == .retry)
        #expect(error?.refusal?.problem.detail == "the server answered 502 without saying why")
    }

    @Test("a refusal in which no CA says why is no last word, except that something is not there (Y4)")
    func unexplained() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        for (status, advice) in [(400, ACMEAdvice.retry), (403, .retry), (404, .permanent), (410, .permanent)] {
            let stub = StubServer { request in
                request.method == "POST" ? .text("<html>", status: HTTPResponse.Status(code: status)) : nil
            }
            let error = await expectACMEError { () throws(ACMEError) in
                try await stub.client(key).order("https://ca.example/order/1")
            }
            #expect(error?.advice == advice)
        }
    }

    @Test("garbage instead of JSON, and an answer that is too large, are errors and not traps (T12)")
    func garbage() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = StubServer { request in
            guard request.method == "POST" else { return nil }
            return request.url.hasSuffix("big") ? .bytes([UInt8](repeating: 0x20, count: 2 << 20)) : .text("not json")
        }
        let client = stub.client(key)
        let first = await expectACMEError { () throws(ACMEError) in try await client.order("https://ca.example/x") }
        guard case .malformed = first else {
            Issue.record("\(first as Any)")
            return
        }
        let second = await expectACMEError { () throws(ACMEError) in try await client.order("https://ca.example/big") }
        guard case .transport(.tooLarge, attempting: .getOrder) = second else {
            Issue.record("\(second as Any)")
            return
        }
    }

    @Test(
        "Retry-After comes back as a value in both forms (Q2, Z7)",
        arguments: [("120", 120), ("Sun, 01 Mar 2026 12:05:00 GMT", 300), ("Sun, 01 Mar 2026 11:00:00 GMT", 0)])
    func retryAfter(header: String, seconds: Int) async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = StubServer { request in
            guard request.method == "POST" else { return nil }
            if request.url.hasSuffix("limited") {
                return .problem("rateLimited", status: 429, headers: ["Retry-After": header])
            }
            return .json(
                [
                    "status": "processing", "finalize": "https://ca.example/f", "type": "dns-01",
                    "url": "https://ca.example/c",
                    "identifier": ["type": "dns", "value": "a.example"],
                ], headers: ["Retry-After": header])
        }
        let client = stub.client(key)
        let wait = Duration.seconds(seconds)
        #expect(try await client.order("https://ca.example/o").retryAfter == wait)
        #expect(try await client.authorization("https://ca.example/z").retryAfter == wait)
        #expect(try await client.respond(to: "https://ca.example/c").retryAfter == wait)
        let error = await expectACMEError { () throws(ACMEError) in try await client.order("https://ca.example/limited")
        }
        #expect(error?.advice == .retryAt(FixedTime().now() + wait))
    }

    @Test("the terms of service and the help page of a refusal are kept (A14, Q4)")
    func links() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = StubServer { request in
            guard request.method == "POST" else { return nil }
            return .problem(
                "userActionRequired", status: 403, detail: "Terms of service have changed",
                headers: ["Link": "</tos/2>;rel=\"terms-of-service\", <https://help.example>;rel=help"])
        }
        let error = await expectACMEError { () throws(ACMEError) in
            try await stub.client(key).order("https://ca.example/o")
        }
        #expect(error?.refusal?.termsOfService == "https://ca.example/tos/2")
        #expect(error?.refusal?.help == "https://help.example")
        #expect(error?.advice == .userActionRequired)
    }

    @Test("every request is counted once, under the action it served")
    func observed() async throws {
        let records = Mutex<[ACMERequestRecord]>([])
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = StubServer { request in
            request.method == "POST" ? .json(["status": "ready", "finalize": "https://ca.example/f"]) : nil
        }
        let server = stub.server { record in records.withLock { $0.append(record) } }
        let client = ACMEClient(server: server, accountURL: "https://ca.example/acct/7", key: key)
        _ = try await client.order("https://ca.example/o", as: .waitOrder)
        let seen = records.withLock { $0 }
        #expect(seen.map(\.action) == [.discover, .waitOrder, .waitOrder])
        #expect(seen.map(\.method) == ["GET", "HEAD", "POST"])
        #expect(seen.map(\.host) == ["ca.example", "ca.example", "ca.example"])
        #expect(seen.map(\.status) == [200, 200, 200])
    }

    @Test("a directory is fetched once for many requests, and again after a URL of it was not known (T14)")
    func directoryCaching() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = StubServer()
        let client = stub.client(key)
        for _ in 1...2 {
            _ = await expectACMEError { () throws(ACMEError) in
                try await client.newOrder(NewACMEOrder(identifiers: [.dns("a.example")]))
            }
        }
        #expect(stub.requests.filter { $0.url.hasSuffix("/dir") }.count == 2)
    }
}
