import Synchronization

/// Where callers leave orders for the engine's thread.
final class Mailbox: Sendable {
    enum Order: Sendable {
        case start(Transfer)
        /// The reader has taken what waited; a held transfer is read again.
        case goOn(Transfer)
        /// The caller has left; the machine knows already.
        case drop(Transfer)
    }

    private struct Contents {
        var orders: [Order] = []
        /// The engine has been woken and has not looked yet.
        var isSignalled = false
        var isClosing = false
        var isClosed = false

        /// Whether the engine must be woken for what has just changed.
        mutating func mustRing() -> Bool {
            defer { isSignalled = true }
            return !isSignalled
        }
    }

    private let contents = Mutex(Contents())
    /// What the engine's thread sleeps on.
    let doorbell = Doorbell()

    /// False when the engine has ended and will never read the order.
    func post(_ order: Order) -> Bool {
        let (isTaken, mustRing) = contents.withLock { contents in
            if contents.isClosed { return (false, false) }
            contents.orders.append(order)
            return (true, contents.mustRing())
        }
        // Not under the lock: the engine wakes at once, and would have to wait for it.
        if mustRing { doorbell.ring() }
        return isTaken
    }

    /// Asks the engine to end.
    func close() {
        let mustRing = contents.withLock { contents in
            contents.isClosing = true
            return contents.mustRing()
        }
        if mustRing { doorbell.ring() }
    }

    func take() -> (orders: [Order], isClosing: Bool) {
        contents.withLock { contents in
            contents.isSignalled = false
            defer { contents.orders = [] }
            return (contents.orders, contents.isClosing)
        }
    }

    /// Refuses orders from now on and gives back those that came too late.
    func shut() -> [Order] {
        contents.withLock { contents in
            contents.isClosed = true
            defer { contents.orders = [] }
            return contents.orders
        }
    }
}
