import HTTPTypes
import NIOCore
import NIOHTTP1

/// Carries one connection's events to its ``ConnectionMachine`` and does what that answers.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private var machine: ConnectionMachine
    private let limits: ServerLimits
    private let requests: RequestQueue
    private var timer: Scheduled<Void>?
    private var peer: String?
    private var isHead = false
    /// Whether the timer that runs is that of a connection without a request.
    private var isIdle = false

    init(_ limits: ServerLimits, _ requests: RequestQueue) {
        machine = ConnectionMachine(bodyLimit: limits.bodyBytes)
        self.limits = limits
        self.requests = requests
    }

    func handlerAdded(context: ChannelHandlerContext) {
        peer = context.remoteAddress?.ipAddress
        startTimer(limits.readTimeout, context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            if isIdle { startTimer(limits.readTimeout, context) }
            isHead = head.method == .HEAD
            guard let request = ServerRequest(head, peer: peer) else { return act(machine.receivedGarbage(), context) }
            let length = head.headers.first(name: "content-length").flatMap { Int($0) }
            act(machine.headArrived(request, keepAlive: head.isKeepAlive, announcedLength: length), context)
        case .body(let part):
            act(machine.bodyArrived(part.readableBytesView), context)
        case .end:
            act(machine.endArrived(), context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        machine.connectionClosed()
        timer?.cancel()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is HTTPParserError {
            act(machine.receivedGarbage(), context)
        } else {
            context.close(promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ServerStops {
            act(machine.stopping(), context)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    private func act(_ action: ConnectionMachine.Action, _ context: ChannelHandlerContext) {
        switch action {
        case .none: return
        case .close: context.close(promise: nil)
        case .refuse(let status):
            startTimer(limits.writeTimeout, context)
            let here = NIOLoopBound(context, eventLoop: context.eventLoop)
            refuse(status, context).whenComplete { _ in here.value.close(promise: nil) }
        case .refuseAndDrain(let status):
            startTimer(.seconds(2), context)
            refuse(status, context)
        case .handle(let request):
            timer?.cancel()
            handOver(request, context)
        }
    }

    private func handOver(_ request: ServerRequest, _ context: ChannelHandlerContext) {
        let here = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let loop = context.eventLoop
        requests.add(request) { response in
            loop.execute {
                let (handler, context) = here.value
                handler.answer(response, context)
            }
        }
    }

    private func answer(_ response: ServerResponse, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        let keepAlive = machine.keepsAlive
        let next = machine.answered()
        startTimer(keepAlive ? limits.idleTimeout ?? limits.readTimeout : limits.writeTimeout, context)
        isIdle = keepAlive
        let written = write(response, keepAlive: keepAlive, context)
        if next == .close {
            let here = NIOLoopBound(context, eventLoop: context.eventLoop)
            written.whenComplete { _ in here.value.close(promise: nil) }
        }
    }

    @discardableResult
    private func refuse(_ status: HTTPResponse.Status, _ context: ChannelHandlerContext) -> EventLoopFuture<Void> {
        write(ServerResponse(status, text: "\(status.code) \(status.reasonPhrase)\n"), keepAlive: false, context)
    }

    private func write(
        _ response: ServerResponse, keepAlive: Bool, _ context: ChannelHandlerContext
    ) -> EventLoopFuture<Void> {
        var headers = HTTPHeaders(response.headers.map { ($0.name.rawName, $0.value) })
        headers.replaceOrAdd(name: "content-length", value: String(response.body.count))
        if !keepAlive { headers.replaceOrAdd(name: "connection", value: "close") }
        let status = HTTPResponseStatus(statusCode: response.status.code, reasonPhrase: response.status.reasonPhrase)
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !response.body.isEmpty, !isHead {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: response.body)))), promise: nil)
        }
        return context.writeAndFlush(wrapOutboundOut(.end(nil)))
    }

    private func startTimer(_ limit: Duration, _ context: ChannelHandlerContext) {
        timer?.cancel()
        isIdle = false
        let here = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: TimeAmount(limit)) {
            let (handler, context) = here.value
            handler.act(handler.machine.timedOut(), context)
        }
    }
}

/// Tells a connection that the server stops.
struct ServerStops: Sendable {}

extension ServerRequest {
    /// Nil where HTTPTypes does not take the method or a field's name, which NIO's parser lets through.
    init?(_ head: HTTPRequestHead, peer: String?) {
        guard let method = HTTPRequest.Method(head.method.rawValue) else { return nil }
        var headers = HTTPFields()
        for (name, value) in head.headers {
            guard let name = HTTPField.Name(name) else { return nil }
            headers.append(HTTPField(name: name, value: value))
        }
        self.init(method: method, target: head.uri, headers: headers, peer: peer)
    }
}
