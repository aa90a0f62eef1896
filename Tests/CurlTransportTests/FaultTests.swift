import CurlTransport
import HTTPTransport
import HTTPTypes
import Synchronization
import Testing

/// What a server may do wrong, and what must come of it.
struct Fault: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let expected: @Sendable (TransportError?) -> Bool
    let script: @Sendable (LoopbackConnection) -> Void

    static func truncated(_ name: String, _ script: @escaping @Sendable (LoopbackConnection) -> Void) -> Fault {
        Fault(
            testDescription: name,
            expected: {
                if case .truncated? = $0 { return true }
                return false
            }, script: script)
    }

    static func garbage(_ name: String, _ script: @escaping @Sendable (LoopbackConnection) -> Void) -> Fault {
        Fault(
            testDescription: name,
            expected: {
                if case .garbage? = $0 { return true }
                return false
            }, script: script)
    }

    static let all: [Fault] = [
        .truncated("closed at once") { _ in },
        .truncated("reset at once") { $0.reset() },
        .truncated("closed inside the body") { $0.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc") },
        .truncated("reset inside the body") {
            $0.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
            $0.pause(30)
            $0.reset()
        },
        .truncated("closed between chunks") {
            $0.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        },
        .truncated("closed inside a chunk") {
            $0.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n30\r\nabc")
        },
        .truncated("a body that only the close ends") { $0.send("HTTP/1.1 200 OK\r\n\r\nabc") },
        .truncated("an HTTP/1.0 answer without a length") { $0.send("HTTP/1.0 200 OK\r\n\r\nabc") },
        .garbage("not HTTP") { $0.send("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n") },
        .garbage("closed inside the head") { $0.send("HTTP/1.1 200 OK\r\nContent-Le") },
        .garbage("a head without end") { connection in
            connection.send("HTTP/1.1 200 OK\r\n")
            for number in 0..<400 { connection.send("X-\(number): \(String(repeating: "y", count: 1000))\r\n") }
            connection.pause(500)
        },
        .garbage("a status that is none") { $0.send("HTTP/1.1 abc\r\n\r\n") },
    ]
}

@Suite(.serialized, .timeLimit(.minutes(5))) struct FaultTests {
    @Test("a broken answer is an error, never a response", arguments: Fault.all)
    func broken(fault: Fault) async throws {
        let server = LoopbackServer { connection, _ in
            _ = connection.readRequest()
            fault.script(connection)
        }
        try await withTransport { transport in
            let failure = await transport.failure(of: TransportRequest(url: server.url(), deadline: .seconds(60)))
            #expect(fault.expected(failure), "\(String(describing: failure))")
        }
    }

    @Test("nobody listening is a connect error")
    func refused() async throws {
        let server = LoopbackServer { _, _ in }
        server.stop()
        try await withTransport { transport in
            try await Task.sleep(for: .milliseconds(50))
            let failure = try #require(await transport.failure(of: TransportRequest(url: server.url())))
            if case .connect = failure {} else { Issue.record("\(failure)") }
            #expect(!failure.mayHaveReachedServer)
        }
    }

    @Test("a silent server ends in a timeout at the deadline, and not before")
    func deadline() async throws {
        let server = SilentServer()
        try await withHandSetTime { time, transport in
            let hanging = Outcome(of: TransportRequest(url: server.url, deadline: .seconds(10)), transport)
            try await server.waitForRequest()
            try await time.advance(by: .milliseconds(9_999))
            #expect(hanging.known == nil)
            try await time.advance(by: .milliseconds(1))
            #expect(await hanging.value == .timeout)
        }
    }

    @Test(
        "a write whose deadline passes while the process stands still is not sent, not even on a connection that waits")
    func stoodStill() async throws {
        let seen = Mutex<[String]>([])
        let server = LoopbackServer { connection, _ in
            while let request = connection.readRequest() {
                seen.withLock { $0.append(String(request.head.prefix { $0 != " " })) }
                connection.answer("")
            }
        }
        defer { server.stop() }
        let start = ContinuousClock.now
        // Between the caller's look at the clock and the engine's, which is on a thread of its own and in no task.
        let stoodStill = Mutex(false)
        try await withTransport {
            $0.now = {
                Caller.isLooking || !stoodStill.withLock { $0 } ? start : start + .seconds(90)
            }
        } _: { transport in
            for method in [HTTPRequest.Method.put, .patch, .delete] {
                stoodStill.withLock { $0 = false }
                _ = try await transport.send(TransportRequest(url: server.url(), deadline: .seconds(20)))
                stoodStill.withLock { $0 = true }
                let write = TransportRequest(url: server.url(), method: method, deadline: .seconds(20))
                let failure = await Caller.$isLooking.withValue(true) { await transport.failure(of: write) }
                #expect(failure == .connectTimeout)
                #expect(failure?.mayHaveReachedServer == false)
            }
        }
        #expect(seen.withLock { $0 } == ["GET", "GET", "GET"])
    }

    @Test("the deadline counts while a request waits for its turn, and the one it waits for has its own")
    func deadlineInLane() async throws {
        let server = SilentServer()
        try await withHandSetTime {
            $0.concurrencyPerHost = 1
        } _: { time, transport in
            let first = Outcome(of: TransportRequest(url: server.url, deadline: .seconds(30)), transport)
            try await server.waitForRequest()
            let hasty = Outcome(of: TransportRequest(url: server.url, deadline: .seconds(10)), transport)
            try await time.advance(by: .zero)  // it waits in the lane now
            try await time.advance(by: .milliseconds(9_999))
            #expect(hasty.known == nil)
            try await time.advance(by: .milliseconds(1))
            #expect(await hasty.value == .connectTimeout)
            #expect(first.known == nil)
            try await time.advance(by: .seconds(20))
            #expect(await first.value == .timeout)
            #expect(server.connections == 1, "the hasty one never had its turn")
        }
    }

    @Test("the engine wakes by itself for a deadline, and leaves those alone who have more time")
    func wakesForDeadline() async throws {
        let server = SilentServer()
        try await withTransport { transport in
            let patient = Outcome(of: TransportRequest(url: server.url, deadline: .seconds(600)), transport)
            try await server.waitForRequest()
            let failure = await transport.failure(of: TransportRequest(url: server.url, deadline: .milliseconds(200)))
            // On a busy machine the time may be up before the connection stands.
            #expect(failure == .timeout || failure == .connectTimeout)
            #expect(patient.known == nil)
            patient.cancel()
            #expect(await patient.value == .cancelled)
        }
    }

    @Test("an answer larger than the limit is an error")
    func tooLarge() async throws {
        let server = LoopbackServer { connection, _ in
            while connection.readRequest() != nil { connection.answer(String(repeating: "x", count: 100_000)) }
        }
        try await withTransport { transport in
            let request = TransportRequest(url: server.url(), bodyLimit: 50_000)
            #expect(await transport.failure(of: request) == .tooLarge(limit: 50_000))
            var roomy = request
            roomy.bodyLimit = 100_000
            let answer = try await transport.send(roomy)
            #expect(answer.body.count == 100_000)
        }
    }

    /// The server takes a request, then closes the kept connection without an answer: libcurl would send it again.
    @Test(
        "on a dead connection a GET is sent again, a POST or PATCH never twice",
        arguments: [(HTTPRequest.Method.get, 2), (.put, 2), (.delete, 2), (.post, 1), (.patch, 1)])
    func deadConnection(method: HTTPRequest.Method, times: Int) async throws {
        let seen = Mutex(0)
        let server = LoopbackServer { connection, number in
            if connection.readRequest() != nil, number > 0 { seen.withLock { $0 += 1 } }
            connection.answer("ok")
            if number == 0, connection.readRequest() != nil { return seen.withLock { $0 += 1 } }
            connection.waitForClose()
        }
        try await withTransport { transport in
            _ = try await transport.send(TransportRequest(url: server.url()))
            let body: [UInt8]? = method == .get ? nil : Array("{}".utf8)
            let failure = await transport.failure(of: TransportRequest(url: server.url(), method: method, body: body))
            #expect(seen.withLock { $0 } == times)
            if times == 2 {
                #expect(failure == nil)
                return
            }
            if case .truncated? = failure { return }
            Issue.record("\(String(describing: failure))")
        }
    }

    @Test("cancelling returns at once and leaves the transport usable")
    func cancellation() async throws {
        let server = LoopbackServer { connection, _ in
            while let (head, _) = connection.readRequest() {
                if head.contains("/hang") { return connection.waitForClose() }
                connection.answer("ok")
            }
        }
        try await withTransport { transport in
            let hanging = Task { await transport.failure(of: TransportRequest(url: server.url("/hang"))) }
            try await Task.sleep(for: .milliseconds(100))
            let start = ContinuousClock.now
            hanging.cancel()
            #expect(await hanging.value == .cancelled)
            #expect(ContinuousClock.now - start < .milliseconds(500))
            let answer = try await transport.send(TransportRequest(url: server.url()))
            #expect(answer.text == "ok")
        }
    }

    @Test("shutting down fails what is under way and what comes later")
    func shutDown() async throws {
        let server = LoopbackServer { connection, _ in connection.waitForClose() }
        try await withTransport { transport in
            async let hanging = transport.failure(of: TransportRequest(url: server.url()))
            try await Task.sleep(for: .milliseconds(100))
            transport.shutDown()
            #expect(await hanging == .shutDown)
            try await Task.sleep(for: .milliseconds(100))
            #expect(await transport.failure(of: TransportRequest(url: server.url())) == .shutDown)
        }
    }
}

/// Tells the task that makes a request from the engine that carries it out.
private enum Caller {
    @TaskLocal static var isLooking = false
}
