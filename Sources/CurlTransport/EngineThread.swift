import CCurl  // pthread_attr_t, which its headers bring along
import Glibc

/// A thread of its own for work that blocks in `poll`.
enum EngineThread {
    private final class Work {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }

    static func start(_ body: @escaping @Sendable () -> Void) {
        let work = unsafe Unmanaged.passRetained(Work(body)).toOpaque()
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        unsafe pthread_attr_setstacksize(&attributes, 512 << 10)
        defer { unsafe pthread_attr_destroy(&attributes) }
        var thread = pthread_t()
        let failure = unsafe pthread_create(&thread, &attributes, { unsafe EngineThread.main($0) }, work)
        precondition(failure == 0, "no thread for the HTTP engine: \(failure)")
    }

    /// Signals belong to the program's other threads.
    private static func main(_ work: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        var all = sigset_t()
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_BLOCK, &all, nil)
        unsafe Unmanaged<Work>.fromOpaque(work!).takeRetainedValue().body()  // `start` always passes it
        return nil
    }
}
