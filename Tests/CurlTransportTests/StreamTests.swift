import CurlTransport
import HTTPTransport
import HTTPTypes
import Synchronization
import Testing

@Suite(.serialized, .timeLimit(.minutes(5))) struct StreamTests {
    static let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    static func chunk(_ text: String) -> String { "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n" }

    static func watch(_ server: LoopbackServer) -> TransportRequest {
        TransportRequest(url: server.url(), deadline: nil, lane: .express)
    }

    @Test("the head comes before the first byte, each part as it arrives, and the end when it is whole")
    func parts() async throws {
        let wanted = Atomic(0)
        let server = LoopbackServer { connection, _ in
            _ = connection.readRequest()
            connection.send(Self.head)
            for (number, part) in ["one\n", "two\n", "three\n"].enumerated() {
                while wanted.load(ordering: .acquiring) <= number { connection.pause(1) }
                connection.send(Self.chunk(part))
            }
            connection.send("0\r\n\r\n")
            connection.waitForClose()
        }
        try await withTransport { transport in
            let parts = try await transport.withResponse(to: Self.watch(server)) { head, body in
                #expect(head.status == .ok)
                var parts: [String] = []
                wanted.store(1, ordering: .releasing)
                for try await chunk in body {
                    parts.append(String(decoding: chunk, as: UTF8.self))
                    wanted.add(1, ordering: .releasing)
                }
                return parts
            }
            #expect(parts == ["one\n", "two\n", "three\n"])
        }
    }

    @Test("a stream cut between or inside chunks throws after the parts that came", arguments: ["", "5\r\nab"])
    func cut(tail: String) async throws {
        let server = LoopbackServer { connection, _ in
            _ = connection.readRequest()
            connection.send(Self.head + Self.chunk("one\n") + tail)
            connection.pause(50)
        }
        try await withTransport { transport in
            let seen = Mutex("")
            await #expect(throws: TransportError.self) {
                try await transport.withResponse(to: Self.watch(server)) { _, body in
                    for try await chunk in body {
                        seen.withLock { $0 += String(decoding: chunk, as: UTF8.self) }
                    }
                }
            }
            #expect(seen.withLock { $0 }.hasPrefix("one\n"))
        }
    }

    @Test("leaving the closure ends the transfer and closes the connection")
    func leaving() async throws {
        let closed = Mutex(false)
        let server = LoopbackServer { connection, _ in
            _ = connection.readRequest()
            connection.send(Self.head + Self.chunk("one\n"))
            connection.waitForClose()
            closed.withLock { $0 = true }
        }
        try await withTransport { transport in
            let first = try await transport.withResponse(to: Self.watch(server)) { _, body in
                var iterator = body.makeAsyncIterator()
                return try await iterator.next()
            }
            #expect(first == Array("one\n".utf8))
            for _ in 0..<50 where !closed.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(10)) }
            #expect(closed.withLock { $0 })
        }
    }

    @Test("a silent stream fails once its idle limit has passed, a speaking one does not")
    func idle() async throws {
        let wanted = Atomic(0)
        let server = LoopbackServer { connection, _ in
            _ = connection.readRequest()
            connection.send(Self.head)
            for number in 0..<5 {
                while wanted.load(ordering: .acquiring) <= number { connection.pause(1) }
                connection.send(Self.chunk("beat\n"))
            }
            connection.waitForClose()
        }
        try await withHandSetTime { time, transport in
            var request = Self.watch(server)
            request.idleLimit = .seconds(10)
            let beats = Mutex(0)
            await #expect(throws: TransportError.idle) {
                try await transport.withResponse(to: request) { _, body in
                    var iterator = body.makeAsyncIterator()
                    for _ in 0..<5 {
                        try await time.advance(by: .milliseconds(9_999))
                        wanted.add(1, ordering: .releasing)
                        _ = try await iterator.next()
                        beats.withLock { $0 += 1 }
                    }
                    try await time.advance(by: .seconds(10))
                    _ = try await iterator.next()
                    beats.withLock { $0 += 1 }
                }
            }
            #expect(beats.withLock { $0 } == 5)
        }
    }

    @Test("a reader that is too slow loses the stream in place of filling the memory")
    func overflow() async throws {
        let server = LoopbackServer { connection, _ in
            _ = connection.readRequest()
            connection.send(Self.head)
            for _ in 0..<200 { connection.send(Self.chunk(String(repeating: "x", count: 10_000))) }
            connection.waitForClose()
        }
        try await withTransport { transport in
            var request = Self.watch(server)
            request.bodyLimit = 100_000
            await #expect(throws: TransportError.tooLarge(limit: 100_000)) {
                try await transport.withResponse(to: request) { _, body in
                    try await Task.sleep(for: .milliseconds(200))
                    for try await _ in body {}
                }
            }
        }
    }

    @Test("a reader that keeps up may read more than the limit in all")
    func longStream() async throws {
        let read = Mutex(0)
        let server = LoopbackServer { connection, _ in
            _ = connection.readRequest()
            connection.send(Self.head)
            for number in 0..<100 {
                connection.send(Self.chunk(String(repeating: "x", count: 10_000)))
                // However slow the machine is, the reader is kept up with; a minute at most.
                for _ in 0..<600 where read.withLock({ $0 }) + 300_000 < number * 10_000 { connection.pause(100) }
            }
            connection.send("0\r\n\r\n")
            connection.waitForClose()
        }
        try await withTransport { transport in
            var request = Self.watch(server)
            request.bodyLimit = 500_000
            let total = try await transport.withResponse(to: request) { _, body in
                var total = 0
                for try await chunk in body {
                    total += chunk.count
                    read.withLock { [total] in $0 = total }
                }
                return total
            }
            #expect(total == 1_000_000)
        }
    }

    @Test("cancelling a watch ends it at once")
    func cancellation() async throws {
        let server = LoopbackServer { connection, _ in
            _ = connection.readRequest()
            connection.send(Self.head)
            connection.waitForClose()
        }
        try await withTransport { transport in
            let watch = Task {
                try await transport.withResponse(to: Self.watch(server)) { _, body in
                    for try await _ in body {}
                }
            }
            try await Task.sleep(for: .milliseconds(100))
            watch.cancel()
            await #expect(throws: TransportError.cancelled) { try await watch.value }
        }
    }

    @Test("an error that the closure throws comes through as it is")
    func ownError() async throws {
        struct Mine: Error {}
        let server = LoopbackServer { connection, _ in
            _ = connection.readRequest()
            connection.answer("x")
        }
        try await withTransport { transport in
            await #expect(throws: Mine.self) {
                try await transport.withResponse(to: Self.watch(server)) { _, _ in throw Mine() }
            }
        }
    }

    @Test("a reader who is slow holds the connection back, and still gets every byte in order")
    func readAhead() async throws {
        let whole = Self.letters
        let server = LoopbackServer { connection, _ in
            _ = connection.readRequest()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(whole.count)\r\n\r\n")
            connection.send(whole)
            connection.waitForClose()
        }
        try await expectHeldBack(Self.watch(server), whole)
    }

    @Test("so it is with chunks, whose last one may have come while the connection was held")
    func readAheadOfChunks() async throws {
        let whole = Self.letters
        let server = LoopbackServer { connection, _ in
            _ = connection.readRequest()
            connection.send(Self.head)
            for start in stride(from: 0, to: whole.count, by: 40_960) {
                let part = whole[start..<min(start + 40_960, whole.count)]
                connection.send("\(String(part.count, radix: 16))\r\n")
                connection.send(Array(part))
                connection.send("\r\n")
            }
            connection.send("0\r\n\r\n")
            connection.waitForClose()
        }
        try await expectHeldBack(Self.watch(server), whole)
    }

    private static let letters = (0..<3000).flatMap { [UInt8](repeating: UInt8(97 + $0 % 26), count: 4096) }

    /// However much waits in the network: libcurl reads no more once it is told to hold, so that no more than the limit is
    /// ever there to be taken at one go.
    private func expectHeldBack(_ request: TransportRequest, _ whole: [UInt8]) async throws {
        let limit = 64 << 10
        var request = request
        request.readAhead = limit
        try await withTransport { [request] transport in
            let (bytes, longest) = try await transport.withResponse(to: request) { _, body in
                var bytes: [UInt8] = []
                var longest = 0
                for try await chunk in body {
                    longest = max(longest, chunk.count)
                    bytes += chunk
                    if bytes.count < 8 * limit { try await Task.sleep(for: .milliseconds(5)) }
                }
                return (bytes, longest)
            }
            #expect(longest <= limit)
            #expect(bytes == whole)
        }
    }

    @Test("a held stream can be left, and the transport goes on serving others")
    func leavesHeld() async throws {
        let server = LoopbackServer { connection, _ in
            _ = connection.readRequest()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n")
            for _ in 0..<100 { connection.send(String(repeating: "x", count: 4096)) }
            connection.waitForClose()
        }
        var request = Self.watch(server)
        request.readAhead = 1
        try await withTransport { transport in
            for _ in 0..<3 {
                try await transport.withResponse(to: request) { _, body in
                    for try await _ in body { break }
                }
            }
        }
    }
}
