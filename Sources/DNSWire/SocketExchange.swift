import NIOCore
import NIOPosix

/// How a message travels.
package enum DNSTransport: String, Sendable, Hashable {
    case udp = "UDP"
    case tcp = "TCP"
}

/// One message out and one back, on a socket of its own, so that every query leaves from a port nobody can guess
/// (RFC 5452 §9.2).
struct SocketExchange: Sendable {
    let group: any EventLoopGroup
    let endpoint: Endpoint
    let timeout: Duration

    /// Octets of the first message that `accepts` takes; others are passed over, since anybody can send a datagram.
    func send(
        _ octets: [UInt8], over transport: DNSTransport, accepts: @escaping @Sendable ([UInt8]) -> Bool
    ) async throws(DNSError) -> [UInt8] {
        let address = try await endpoint.resolved()
        let loop = group.next()
        let answer = loop.makePromise(of: [UInt8].self)
        let timer = loop.scheduleTask(in: .nanoseconds(timeout.nanoseconds)) { answer.fail(Expired()) }
        defer { timer.cancel() }
        let channel = open(transport, to: address, on: loop, answer: answer, accepts: accepts)
        channel.whenFailure { answer.fail($0) }
        channel.whenSuccess { Self.write(octets, over: transport, to: address, on: $0, answer: answer) }
        defer { channel.whenSuccess { $0.close(promise: nil) } }
        do {
            return try await withTaskCancellationHandler {
                try await answer.futureResult.get()
            } onCancel: {
                answer.fail(CancellationError())
            }
        } catch {
            throw failure(error)
        }
    }

    private struct Expired: Error {}

    private func open(
        _ transport: DNSTransport, to address: SocketAddress, on loop: any EventLoop,
        answer: EventLoopPromise<[UInt8]>, accepts: @escaping @Sendable ([UInt8]) -> Bool
    ) -> EventLoopFuture<any Channel> {
        switch transport {
        case .udp:
            DatagramBootstrap(group: loop).channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(DatagramHandler(answer: answer, accepts: accepts))
                }
            }.connect(to: address)
        case .tcp:
            ClientBootstrap(group: loop).connectTimeout(.nanoseconds(timeout.nanoseconds)).channelInitializer {
                channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(StreamHandler(answer: answer, accepts: accepts))
                }
            }.connect(to: address)
        }
    }

    private static func write(
        _ octets: [UInt8], over transport: DNSTransport, to address: SocketAddress, on channel: any Channel,
        answer: EventLoopPromise<[UInt8]>
    ) {
        switch transport {
        case .udp:
            let envelope = AddressedEnvelope(remoteAddress: address, data: ByteBuffer(bytes: octets))
            channel.writeAndFlush(envelope).whenFailure { answer.fail($0) }
        case .tcp:
            let framed = UInt16(clamping: octets.count).octets + octets
            channel.writeAndFlush(ByteBuffer(bytes: framed)).whenFailure { answer.fail($0) }
        }
    }

    private func failure(_ error: any Error) -> DNSError {
        switch error {
        case is Expired: .timedOut(server: endpoint.description)
        case is CancellationError: .cancelled
        case ChannelError.connectTimeout: .timedOut(server: endpoint.description)
        case ChannelError.eof, ChannelError.ioOnClosedChannel, ChannelError.alreadyClosed:
            .unreachable(server: endpoint.description, detail: "it closed the connection without an answer")
        case let error as IOError: .unreachable(server: endpoint.description, detail: Self.text(of: error))
        default: .unreachable(server: endpoint.description, detail: String(describing: error))
        }
    }

    private static func text(of error: IOError) -> String {
        switch error.errnoCode {
        case ECONNREFUSED: "connection refused"
        case ENETUNREACH, EHOSTUNREACH: "no route to it"
        case ECONNRESET: "connection reset"
        default: error.description
        }
    }
}

/// Takes datagrams from the connected peer until one is the answer.
private final class DatagramHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let answer: EventLoopPromise<[UInt8]>
    private let accepts: @Sendable ([UInt8]) -> Bool

    init(answer: EventLoopPromise<[UInt8]>, accepts: @escaping @Sendable ([UInt8]) -> Bool) {
        self.answer = answer
        self.accepts = accepts
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let octets = Array(unwrapInboundIn(data).data.readableBytesView)
        if accepts(octets) { answer.succeed(octets) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { answer.fail(error) }

    func channelInactive(context: ChannelHandlerContext) { answer.fail(ChannelError.eof) }
}

/// Collects the length-prefixed messages of a TCP connection until one is the answer (RFC 7766 §8).
private final class StreamHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let answer: EventLoopPromise<[UInt8]>
    private let accepts: @Sendable ([UInt8]) -> Bool
    private var received = ByteBuffer()

    init(answer: EventLoopPromise<[UInt8]>, accepts: @escaping @Sendable ([UInt8]) -> Bool) {
        self.answer = answer
        self.accepts = accepts
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received.writeImmutableBuffer(unwrapInboundIn(data))
        while let message = received.readLengthPrefixedSlice(as: UInt16.self) {
            let octets = Array(message.readableBytesView)
            if accepts(octets) { return answer.succeed(octets) }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { answer.fail(error) }

    func channelInactive(context: ChannelHandlerContext) { answer.fail(ChannelError.eof) }
}

extension Duration {
    /// Whole nanoseconds, held to what an `Int64` can say.
    fileprivate var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : product &+ attoseconds / 1_000_000_000
    }
}
