import Glibc
import Synchronization

/// A server on 127.0.0.1 that does to each connection what its script says, faults included; one thread each.
final class LoopbackServer: Sendable {
    let port: Int
    private let listener: Int32
    private let accepted = Atomic<Int>(0)
    private let isClosed = Mutex(false)

    var connections: Int { accepted.load(ordering: .relaxed) }

    /// `script` gets each connection with its number, from 0; the connection is closed when it returns.
    init(_ script: @escaping @Sendable (LoopbackConnection, _ number: Int) -> Void) {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        port = withUnsafeMutablePointer(to: &address) { [listener] pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                precondition(bind(listener, address, length) == 0 && listen(listener, 128) == 0)
                precondition(getsockname(listener, address, &length) == 0)
            }
            return Int(UInt16(bigEndian: pointer.pointee.sin_port))
        }
        Self.thread { [self] in acceptAll(script) }
    }

    /// Refuses connections from now on. Once the listener is closed its number may be another socket's: it is left alone.
    func stop() {
        isClosed.withLock { if !$0 { shutdown(listener, Int32(SHUT_RDWR)) } }
    }

    func url(_ path: String = "/") -> String { "http://127.0.0.1:\(port)\(path)" }

    private func acceptAll(_ script: @escaping @Sendable (LoopbackConnection, Int) -> Void) {
        while true {
            let descriptor = accept(listener, nil, nil)
            guard descriptor >= 0 else { break }
            let number = accepted.add(1, ordering: .relaxed).oldValue
            Self.thread {
                let connection = LoopbackConnection(descriptor)
                script(connection, number)
                connection.close()
            }
        }
        isClosed.withLock {
            $0 = true
            Glibc.close(listener)
        }
    }

    private static func thread(_ body: @escaping @Sendable () -> Void) {
        final class Box {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var thread = pthread_t()
        let work = Unmanaged.passRetained(Box(body)).toOpaque()
        let failure = pthread_create(
            &thread, nil,
            { work in
                Unmanaged<Box>.fromOpaque(work!).takeRetainedValue().body()
                return nil
            }, work)
        precondition(failure == 0)
        pthread_detach(thread)
    }
}

/// One accepted connection.
final class LoopbackConnection {
    private let descriptor: Int32
    private var isOpen = true
    private var buffered: [UInt8] = []

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    func send(_ text: String) {
        send(Array(text.utf8))
    }

    func send(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }

    /// An answer with a length and keep-alive.
    func answer(_ body: String, status: String = "200 OK", headers: String = "") {
        send("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
    }

    /// The next request, head and body, or nil once the client has closed.
    func readRequest() -> (head: String, body: [UInt8])? {
        while true {
            if let end = endOfHead {
                let head = String(decoding: buffered[..<end], as: UTF8.self)
                let length = Self.contentLength(head)
                while buffered.count < end + length { guard readMore() else { return nil } }
                defer { buffered.removeFirst(end + length) }
                return (head, Array(buffered[end..<(end + length)]))
            }
            guard readMore() else { return nil }
        }
    }

    /// Waits until the client closes.
    func waitForClose() {
        while readMore() {}
    }

    func pause(_ milliseconds: UInt32) {
        usleep(milliseconds * 1000)
    }

    func close() {
        guard isOpen else { return }
        isOpen = false
        Glibc.close(descriptor)
    }

    /// Closes with RST in place of FIN.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    private var endOfHead: Int? {
        guard buffered.count >= 4 else { return nil }
        for index in 0...(buffered.count - 4) where buffered[index..<(index + 4)].elementsEqual("\r\n\r\n".utf8) {
            return index + 4
        }
        return nil
    }

    private func readMore() -> Bool {
        var part = [UInt8](repeating: 0, count: 16384)
        let count = part.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        guard count > 0 else { return false }
        buffered += part[..<count]
        return true
    }

    private static func contentLength(_ head: String) -> Int {
        for line in head.split(separator: "\r\n") where line.lowercased().hasPrefix("content-length:") {
            return Int(line.dropFirst("content-length:".count).drop { $0 == " " }) ?? 0
        }
        return 0
    }
}
