import Synchronization

/// Where callers leave orders for the engine's thread.
final class Mailbox: Sendable {
    enum Order: Sendable {
        case start(Transfer)
        /// The caller has left; the machine knows already.
        case drop(Transfer)
    }

    private struct Contents {
        var orders: [Order] = []
        /// The engine has been woken and has not looked yet.
        var isSignalled = false
        var isClosing = false
        var isClosed = false
    }

    private let contents = Mutex(Contents())
    /// What the engine's thread sleeps on.
    let doorbell = Doorbell()

    /// False when the engine has ended and will never read the order.
    func post(_ order: Order) -> Bool {
        contents.withLock { contents in
            if contents.isClosed { return false }
            contents.orders.append(order)
            wake(&contents)
            return true
        }
    }

    /// Asks the engine to end.
    func close() {
        contents.withLock { contents in
            contents.isClosing = true
            wake(&contents)
        }
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

    private func wake(_ contents: inout Contents) {
        if contents.isSignalled { return }
        contents.isSignalled = true
        doorbell.ring()
    }
}
