import NIOCore

/// Stands between the socket and the HTTP handlers of one connection, which see only what was encrypted.
final class TLSHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    private enum State: Equatable {
        /// The client has sent so many bytes. Leaves to `open` when both sides agree, to `closed`.
        case handshaking(received: Int)
        /// Leaves to `closed` when either side ends it.
        case open
        /// Never left.
        case closed
    }

    /// A client's certificate chain fits many times.
    private static let handshakeLimit = 256 << 10

    private let session: TLSSession
    private let handshakeTimeout: Duration
    private var state = State.handshaking(received: 0)
    private var timer: Scheduled<Void>?
    private var waiting: ByteBuffer?
    private var promises: [EventLoopPromise<Void>] = []

    init(_ identity: ServerIdentity, handshakeTimeout: Duration) throws(TLSServerError) {
        session = try TLSSession(identity)
        self.handshakeTimeout = handshakeTimeout
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let here = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: TimeAmount(handshakeTimeout)) {
            let (handler, context) = here.value
            if case .handshaking = handler.state { context.close(promise: nil) }
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        giveUp()
    }

    // MARK: From the client

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard state != .closed else { return }
        let buffer = unwrapInboundIn(data)
        session.receive(buffer)
        do throws(TLSServerError) {
            if case .handshaking(let before) = state {
                try shakeHands(received: before + buffer.readableBytes, context)
            }
            if state == .open { try readAll(context) }
        } catch {
            // The alert that says why is waiting already.
            flushSession(context)
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        state = .closed
        timer?.cancel()
        giveUp()
        context.fireChannelInactive()
    }

    private func shakeHands(received: Int, _ context: ChannelHandlerContext) throws(TLSServerError) {
        guard received <= Self.handshakeLimit else { throw .handshakeTooLong }
        guard try session.handshake() else {
            state = .handshaking(received: received)
            return flushSession(context)
        }
        state = .open
        timer?.cancel()
        flushSession(context)
        if session.endsAfterHandshake { context.close(promise: nil) }
    }

    private func readAll(_ context: ChannelHandlerContext) throws(TLSServerError) {
        while state == .open {
            var buffer = context.channel.allocator.buffer(capacity: 16 << 10)
            switch try session.read(into: &buffer) {
            case .bytes: context.fireChannelRead(wrapInboundOut(buffer))
            case .nothing: return flushSession(context)
            case .end: return context.close(promise: nil)
            }
        }
    }

    // MARK: To the client

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .byteBuffer(var buffer) = unwrapOutboundIn(data), state != .closed else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        // Kept until the flush, so that one answer becomes one record.
        if waiting == nil { waiting = buffer } else { waiting?.writeBuffer(&buffer) }
        if let promise { promises.append(promise) }
    }

    func flush(context: ChannelHandlerContext) {
        guard state == .open, let buffer = waiting else { return context.flush() }
        waiting = nil
        do throws(TLSServerError) {
            try session.write(buffer)
        } catch {
            giveUp()
            return context.close(promise: nil)
        }
        flushSession(context, takePromises(context))
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if state == .open, mode != .input {
            flush(context: context)
            session.end()
            flushSession(context)
        }
        if mode == .all {
            state = .closed
            timer?.cancel()
        }
        context.close(mode: mode, promise: promise)
    }

    private func flushSession(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>? = nil) {
        guard let output = session.takeOutput(context.channel.allocator) else {
            promise?.succeed()
            return
        }
        context.writeAndFlush(wrapOutboundOut(.byteBuffer(output)), promise: promise)
    }

    /// One promise for all that are waiting; nil where nobody waits.
    private func takePromises(_ context: ChannelHandlerContext) -> EventLoopPromise<Void>? {
        guard let first = promises.first else { return nil }
        for other in promises.dropFirst() { first.futureResult.cascade(to: other) }
        promises = []
        return first
    }

    private func giveUp() {
        for promise in promises { promise.fail(ChannelError.ioOnClosedChannel) }
        promises = []
        waiting = nil
    }
}
