import Glibc
import HTTPTypes
import Synchronization
import Testing

@testable import HTTPServer

/// Runs a server on a free port while `body` works with it.
func withServer(
    limits: ServerLimits = ServerLimits(), _ handler: @escaping Server.Handler,
    linger: (@Sendable () async -> Void)? = nil, _ body: (Int, () -> Void) async throws -> Void
) async throws {
    let server = Server(address: "127.0.0.1", port: 0, limits: limits, handler: handler, linger: linger)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await server.run() }
        let port = try await server.boundPort
        try await body(port) { group.cancelAll() }
        group.cancelAll()
        try await group.waitForAll()
    }
}

/// A client that sends any bytes; its calls block.
final class RawClient: Sendable {
    private let descriptor: Int32

    init(_ port: Int) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafePointer(to: &address) { [descriptor] in
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
        }
        var timeout = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit {
        close(descriptor)
    }

    func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    /// What comes until the server closes.
    func readToEnd() -> String {
        var all: [UInt8] = []
        while let part = readPart() { all += part }
        return String(decoding: all, as: UTF8.self)
    }

    func readPart() -> [UInt8]? {
        var part = [UInt8](repeating: 0, count: 65536)
        let count = part.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        return count > 0 ? Array(part[..<count]) : nil
    }
}

@Suite(.serialized, .timeLimit(.minutes(5))) struct ServerTests {
    static let echo: Server.Handler = { request in
        ServerResponse(
            .ok, text: "\(request.method.rawValue) \(request.target) \(request.host ?? "-") \(request.body.count)")
    }

    @Test("told to stop, it lingers: old and new connections are answered as before, and then no more")
    func lingers() async throws {
        let (told, teller) = AsyncStream.makeStream(of: Void.self)
        let (over, ender) = AsyncStream.makeStream(of: Void.self)
        let linger: @Sendable () async -> Void = {
            teller.finish()
            for await _ in over {}
        }
        try await withServer(Self.echo, linger: linger) { port, stop in
            let old = RawClient(port)
            old.write("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(String(decoding: old.readPart() ?? [], as: UTF8.self).hasSuffix("GET /1 x 0"))
            stop()
            for await _ in told {}
            for client in [old, RawClient(port)] {
                client.write("GET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(String(decoding: client.readPart() ?? [], as: UTF8.self).hasSuffix("GET /2 x 0"))
            }
            ender.finish()
            #expect(old.readToEnd().isEmpty)
        }
    }

    @Test("requests on one connection are answered in order, bodies of both framings included")
    func requests() async throws {
        try await withServer(Self.echo) { port, _ in
            let client = RawClient(port)
            client.write(
                "GET /a?b HTTP/1.1\r\nHost: x:1\r\n\r\nPOST /p HTTP/1.1\r\nHost: y\r\nContent-Length: 3\r\n\r\nabc")
            client.write(
                "PUT /c HTTP/1.1\r\nHost: z\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
            )
            let text = client.readToEnd()
            let bodies = text.split(separator: "\r\n").filter { $0.contains("/") && !$0.hasPrefix("content") }
            #expect(text.contains("GET /a?b x:1 0"))
            #expect(text.contains("POST /p y 3"))
            #expect(text.hasSuffix("PUT /c z 5"))
            #expect(text.contains("connection: close"), "\(bodies)")
        }
    }

    @Test("a HEAD answer has the length and no body")
    func head() async throws {
        try await withServer { _ in
            ServerResponse(.ok, text: "12345")
        } _: { port, _ in
            let client = RawClient(port)
            client.write("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            let text = client.readToEnd()
            #expect(text.contains("content-length: 5\r\n"))
            #expect(text.hasSuffix("\r\n\r\n"))
        }
    }

    @Test(
        "what is no request is answered with an error and a closed connection",
        arguments: [
            ("hello\r\n\r\n", "HTTP/1.1 400"), ("GET / HTTP/1.1\r\nA B: c\r\n\r\n", "HTTP/1.1 400"),
            (
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n" + String(repeating: "x", count: 100),
                "HTTP/1.1 413"
            ),
            ("GET / HTTP/1.1\r\nHost: x\r\nX: \(String(repeating: "y", count: 3000))\r\n\r\n", "HTTP/1.1 400"),
            ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "HTTP/1.1 400"),
        ])
    func garbage(sent: String, answer: String) async throws {
        var limits = ServerLimits()
        limits.bodyBytes = 50
        limits.headerBytes = 2000
        try await withServer(limits: limits, Self.echo) { port, _ in
            let client = RawClient(port)
            client.write(sent)
            #expect(client.readToEnd().hasPrefix(answer))
        }
    }

    @Test("a request that dribbles in is cut off at the read timeout, however often a byte comes")
    func slowloris() async throws {
        var limits = ServerLimits()
        limits.readTimeout = .milliseconds(500)
        try await withServer(limits: limits, Self.echo) { port, _ in
            let client = RawClient(port)
            let start = ContinuousClock.now
            let dribble = Task {
                client.write("GET / HTTP/1.1\r\n")
                for number in 0..<40 where !Task.isCancelled {
                    client.write("X\(number): y\r\n")
                    try await Task.sleep(for: .milliseconds(50))
                }
            }
            _ = client.readToEnd()
            dribble.cancel()
            #expect(ContinuousClock.now - start < .milliseconds(1900))
        }
    }

    @Test("connections past the limit are closed, and let in again when others have gone")
    func tooMany() async throws {
        var limits = ServerLimits()
        limits.connections = 2
        try await withServer(limits: limits, Self.echo) { port, _ in
            var first: [RawClient] = []
            for _ in 0..<2 {
                let client = RawClient(port)
                client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(client.readPart() != nil)
                first.append(client)
            }
            let third = RawClient(port)
            #expect(third.readToEnd() == "")
            first = []
            try await Task.sleep(for: .milliseconds(200))
            let fourth = RawClient(port)
            fourth.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            #expect(fourth.readToEnd().hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test("stopping lets a request under way finish and closes idle connections")
    func stopping() async throws {
        let started = Atomic(false)
        try await withServer { _ in
            started.store(true, ordering: .releasing)
            try? await Task.sleep(for: .milliseconds(300))  // not cancelled by the stop: that is what is tested
            return ServerResponse(.ok, text: Task.isCancelled ? "cancelled" : "finished")
        } _: { port, stop in
            let idle = RawClient(port)
            let busy = RawClient(port)
            busy.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            while !started.load(ordering: .acquiring) { try await Task.sleep(for: .milliseconds(5)) }
            stop()
            #expect(idle.readToEnd() == "")
            let text = busy.readToEnd()
            #expect(text.contains("connection: close") && text.hasSuffix("finished"))
        }
    }

    @Test("a handler that never ends is cut off when the grace is over")
    func stuckHandler() async throws {
        var limits = ServerLimits()
        limits.stopGrace = .milliseconds(200)
        let release = AsyncStream<Void>.makeStream()
        try await withServer(limits: limits) { _ in
            for await _ in release.stream {}
            return ServerResponse(.ok)
        } _: { port, stop in
            let client = RawClient(port)
            client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            try await Task.sleep(for: .milliseconds(100))
            stop()
            #expect(client.readToEnd() == "")
            release.continuation.finish()
        }
    }

    @Test("an address that is taken is an error of run and of boundPort")
    func taken() async throws {
        try await withServer(Self.echo) { port, _ in
            let second = Server(address: "127.0.0.1", port: port, handler: Self.echo)
            await #expect(throws: (any Error).self) { try await second.run() }
            await #expect(throws: (any Error).self) { try await second.boundPort }
        }
    }
}
