import NIOCore
import Synchronization

/// The open connections of a server: counted against the limit, and told when the server stops.
final class ConnectionSet: Sendable {
    private struct Contents {
        var open: [ObjectIdentifier: any Channel] = [:]
        var isStopping = false
        var whenEmpty: (@Sendable () -> Void)?
    }

    private let contents = Mutex(Contents())
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    /// False when there are too many already.
    func add(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let isWelcome = contents.withLock { contents in
            guard !contents.isStopping, contents.open.count < limit else { return false }
            contents.open[id] = channel
            return true
        }
        if isWelcome { channel.closeFuture.whenComplete { [self] _ in remove(id) } }
        return isWelcome
    }

    /// Lets every connection finish what it does, cuts those that take longer than `grace`, then calls `done` once.
    func stop(grace: Duration, on loop: any EventLoop, _ done: @escaping @Sendable () -> Void) {
        let open = contents.withLock { contents in
            contents.isStopping = true
            contents.whenEmpty = done
            return Array(contents.open.values)
        }
        if open.isEmpty { return finishIfEmpty() }
        for channel in open { channel.pipeline.fireUserInboundEventTriggered(ServerStops()) }
        loop.scheduleTask(in: TimeAmount(grace)) {
            for channel in open { channel.close(promise: nil) }
        }
    }

    private func remove(_ id: ObjectIdentifier) {
        contents.withLock { _ = $0.open.removeValue(forKey: id) }
        finishIfEmpty()
    }

    private func finishIfEmpty() {
        let done = contents.withLock { contents -> (@Sendable () -> Void)? in
            guard contents.isStopping, contents.open.isEmpty else { return nil }
            defer { contents.whenEmpty = nil }
            return contents.whenEmpty
        }
        done?()
    }
}
