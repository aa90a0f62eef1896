import CCurl
import Glibc

/// A descriptor that any thread can make readable (eventfd(2)).
final class Doorbell: Sendable {
    let descriptor: Int32

    init() {
        descriptor = certwright_eventfd()
        precondition(descriptor >= 0, "no eventfd: \(errno)")
    }

    deinit {
        close(descriptor)
    }

    func ring() {
        var one: UInt64 = 1
        _ = unsafe write(descriptor, &one, 8)
    }

    func silence() {
        var count: UInt64 = 0
        _ = unsafe read(descriptor, &count, 8)
    }
}

/// Which descriptors are ready, asked of the kernel at a cost that does not grow with their number (epoll(7)).
final class Readiness {
    /// What may be asked of a descriptor, and what it may be.
    struct Kind: OptionSet {
        let rawValue: Int32
        static let readable = Kind(rawValue: Int32(CERTWRIGHT_READABLE))
        static let writable = Kind(rawValue: Int32(CERTWRIGHT_WRITABLE))
        static let broken = Kind(rawValue: Int32(CERTWRIGHT_BROKEN))
    }

    private let descriptor: Int32
    private var ready = [certwright_ready](repeating: certwright_ready(), count: 64)

    init() {
        descriptor = certwright_epoll()
        precondition(descriptor >= 0, "no epoll: \(errno)")
    }

    deinit {
        close(descriptor)
    }

    /// Watches `watched` for `kind`, or no longer where that is empty.
    func watch(_ watched: Int32, _ kind: Kind) {
        certwright_epoll_watch(descriptor, watched, kind.rawValue)
    }

    /// Calls `each` with what is ready, after at most `milliseconds`.
    func wait(_ milliseconds: Int32, _ each: (Int32, Kind) -> Void) {
        let count = unsafe ready.withUnsafeMutableBufferPointer {
            unsafe certwright_epoll_wait(descriptor, $0.baseAddress, Int32($0.count), milliseconds)
        }
        for index in 0..<Int(count) { each(ready[index].descriptor, Kind(rawValue: ready[index].what)) }
    }
}
