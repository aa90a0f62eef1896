import KubeModel
import Synchronization

/// A way into a controller's queue for what is made before the queue is.
final class KeySink: Sendable {
    private let target = Mutex<(@Sendable (ObjectKey) -> Void)?>(nil)

    func connect(_ enqueue: @escaping @Sendable (ObjectKey) -> Void) {
        target.withLock { $0 = enqueue }
    }

    func enqueue(_ key: ObjectKey) {
        target.withLock { $0 }?(key)
    }
}
