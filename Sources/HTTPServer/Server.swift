import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An HTTP/1.1 server. Each request is read whole, within its limits, before the handler sees it.
package final class Server: Sendable {
    package typealias Handler = @Sendable (ServerRequest) async -> ServerResponse

    private let address: String
    private let port: Int
    private let limits: ServerLimits
    private let tls: TLSServing?
    private let handler: Handler
    private let linger: (@Sendable () async -> Void)?
    private let binding = Mutex(Binding())
    private let ending = Mutex<Task<Void, Never>?>(nil)

    private struct Binding {
        var result: Result<Int, any Error>?
        var waiting: [CheckedContinuation<Result<Int, any Error>, Never>] = []
    }

    /// `address` is an IP address to listen on; port 0 takes any free one, see ``boundPort``. Without `tls` everything
    /// travels as it is.
    /// - Parameter linger: awaited when the server is told to stop; until it returns, all goes on as before, for those who
    ///   do not know yet.
    package init(
        address: String, port: Int, limits: ServerLimits = ServerLimits(), tls: TLSServing? = nil,
        handler: @escaping Handler, linger: (@Sendable () async -> Void)? = nil
    ) {
        self.address = address
        self.port = port
        self.limits = limits
        self.tls = tls
        self.linger = linger
        self.handler = handler
    }

    /// Serves until it is cancelled, lingers where it was told to, then answers what is under way and returns. Throws when it
    /// cannot listen. To be called once.
    package func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            try await serve(on: group)
        } catch {
            settle(.failure(error))
            try await group.shutdownGracefully()
            throw error
        }
        try await group.shutdownGracefully()
    }

    /// The port the server listens on, once it does; throws what ``run()`` throws where it never will.
    package var boundPort: Int {
        get async throws {
            try await withCheckedContinuation { continuation in
                let known = binding.withLock { binding in
                    if binding.result == nil { binding.waiting.append(continuation) }
                    return binding.result
                }
                if let known { continuation.resume(returning: known) }
            }.get()
        }
    }

    private func settle(_ result: Result<Int, any Error>) {
        let waiting = binding.withLock { binding in
            if binding.result == nil { binding.result = result }
            defer { binding.waiting = [] }
            return binding.waiting
        }
        for continuation in waiting { continuation.resume(returning: result) }
    }

    private func serve(on group: MultiThreadedEventLoopGroup) async throws {
        let requests = RequestQueue()
        let connections = ConnectionSet(limit: limits.connections)
        let listener = try await bootstrap(group, requests, connections)
            .bind(to: SocketAddress(ipAddress: address, port: port)).get()
        settle(.success(listener.localAddress?.port ?? port))
        // Awaited below. It is no child, because cancelling `run()` must not cancel the requests under way.
        let serving = Task { [handler] in
            await withDiscardingTaskGroup { tasks in
                for await pending in requests.stream {
                    tasks.addTask { pending.answer(await handler(pending.request)) }
                }
            }
        }
        let stop: @Sendable () -> Void = { [limits] in
            listener.close(promise: nil)
            connections.stop(grace: limits.stopGrace, on: group.next()) { requests.finish() }
        }
        await withTaskCancellationHandler {
            await serving.value
        } onCancel: {
            guard let linger else { return stop() }
            let task = Task {
                await linger()
                stop()
            }
            ending.withLock { $0 = task }
        }
        // The last connection may close while `stop` still needs the event loop, which ends after this.
        await ending.withLock { $0 }?.value
        try? await listener.close()  // closed already when it was cancelled
    }

    private func bootstrap(
        _ group: MultiThreadedEventLoopGroup, _ requests: RequestQueue, _ connections: ConnectionSet
    ) -> ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { [limits, tls, decoding = decoderLimits] channel in
                guard connections.add(channel) else { return channel.close() }
                var identity: ServerIdentity?
                if let tls {
                    identity = tls.identity()
                    guard identity != nil else { return channel.close() }
                }
                return channel.eventLoop.makeCompletedFuture { [identity] in
                    if let tls, let identity {
                        try channel.pipeline.syncOperations.addHandler(
                            TLSHandler(identity, handshakeTimeout: tls.handshakeTimeout))
                    }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                        withErrorHandling: false, withEncoderConfiguration: .init(),
                        withDecoderLimitConfiguration: decoding)
                    try channel.pipeline.syncOperations.addHandler(ConnectionHandler(limits, requests))
                }
            }
    }

    private var decoderLimits: NIOHTTPDecoderLimitConfiguration {
        var decoding = NIOHTTPDecoderLimitConfiguration()
        decoding.maxHeaderFieldSize = limits.headerBytes
        decoding.maxHeaderListSize = limits.headerBytes
        return decoding
    }
}
