import NIOCore
import NIOPosix

/// What a listener shows a client that asks as a CA does for TLS-ALPN-01.
package struct ValidationSight: Sendable, Hashable {
    /// What both agreed to speak; nil when the listener chose none.
    package var applicationProtocol: String?
    /// DER of the leaf.
    package var certificate: [UInt8]

    package init(applicationProtocol: String?, certificate: [UInt8]) {
        self.applicationProtocol = applicationProtocol
        self.certificate = certificate
    }
}

/// Asks a listener for a validation certificate, as a CA does (RFC 8737 §3).
package enum ValidationProbe {
    /// What a CA sends as server name for a DNS name or an address (RFC 8737 §3, RFC 8738 §6).
    package static func serverName(of domain: String) -> String { ValidationCertificate.Subject(domain).serverName }

    /// Connects to `host`, a name or an address, shakes hands and hangs up.
    package static func look(
        at host: String, port: Int, serverName: String, timeout: Duration = .seconds(10)
    ) async throws -> ValidationSight {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let promise = loop.makePromise(of: ValidationSight.self)
        ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(timeout))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let session = try TLSSession(askingFor: serverName, applicationProtocol: "acme-tls/1")
                    let handler = ProbeHandler(session, promise, timeout: TimeAmount(timeout))
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .connect(host: host, port: port)
            .whenFailure { promise.fail($0) }
        return try await promise.futureResult.get()
    }
}

/// The client's side of one handshake. The first outcome counts; later ones change nothing.
private final class ProbeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let session: TLSSession
    private let outcome: EventLoopPromise<ValidationSight>
    private let timeout: TimeAmount
    private var timer: Scheduled<Void>?

    init(_ session: TLSSession, _ outcome: EventLoopPromise<ValidationSight>, timeout: TimeAmount) {
        self.session = session
        self.outcome = outcome
        self.timeout = timeout
    }

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: timeout) { channel.close(promise: nil) }
        shakeHands(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        session.receive(unwrapInboundIn(data))
        shakeHands(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        outcome.fail(ChannelError.eof)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        outcome.fail(error)
        context.close(promise: nil)
    }

    private func shakeHands(_ context: ChannelHandlerContext) {
        do throws(TLSServerError) {
            let isComplete = try session.handshake()
            flush(context)
            guard isComplete else { return }
            if let sight = session.sight { outcome.succeed(sight) }
            context.close(promise: nil)
        } catch {
            outcome.fail(error)
            context.close(promise: nil)
        }
    }

    private func flush(_ context: ChannelHandlerContext) {
        guard let output = session.takeOutput(context.channel.allocator) else { return }
        context.writeAndFlush(wrapOutboundOut(output), promise: nil)
    }
}
