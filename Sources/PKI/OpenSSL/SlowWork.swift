import Glibc
import Synchronization

/// PKI's own threads, for C work that would hold up the cooperative pool (RSA keys, PKCS#12).
///
/// A thread starts when there is work and ends when there is none, at most one for each processor up to four.
/// Starting one costs some 30 µs, the work it does milliseconds to seconds; an idle controller keeps no thread.
final class SlowWork: Sendable {
    static let shared = SlowWork(maximumThreads: min(4, max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))))

    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var threads = 0
    }
    private let state = Mutex(State())
    private let maximumThreads: Int

    init(maximumThreads: Int) { self.maximumThreads = maximumThreads }

    /// Runs `work` on one of the threads. Cancelling before it has begun skips it; once begun it runs to its end.
    func run<T: Sendable>(_ work: @escaping @Sendable () throws(PKIError) -> T) async throws(PKIError) -> T {
        let cancelled = CancellationFlag()
        let result: Result<T, PKIError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                submit {
                    guard !cancelled.isSet else { return continuation.resume(returning: .failure(.cancelled)) }
                    do throws(PKIError) {
                        continuation.resume(returning: .success(try work()))
                    } catch {
                        continuation.resume(returning: .failure(error))
                    }
                }
            }
        } onCancel: {
            cancelled.set()
        }
        return try result.get()
    }

    private func submit(_ job: @escaping @Sendable () -> Void) {
        let needsThread = state.withLock { state in
            state.jobs.append(job)
            guard state.threads < maximumThreads else { return false }
            state.threads += 1
            return true
        }
        if needsThread, !startThread() {
            // Out of threads: do the work here, late but done.
            workUntilIdle()
        }
    }

    private func startThread() -> Bool {
        let context = unsafe Unmanaged.passRetained(self)
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        defer { unsafe pthread_attr_destroy(&attributes) }
        unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let status = unsafe pthread_create(
            &thread, &attributes,
            { context in
                guard let context = unsafe context else { return nil }
                let work = unsafe Unmanaged<SlowWork>.fromOpaque(context).takeRetainedValue()
                work.workUntilIdle()
                return nil
            }, context.toOpaque())
        if status != 0 { unsafe context.release() }
        return status == 0
    }

    private func workUntilIdle() {
        while let job = nextJob() { job() }
    }

    private func nextJob() -> (@Sendable () -> Void)? {
        state.withLock { state in
            if state.jobs.isEmpty {
                state.threads -= 1
                return nil
            }
            return state.jobs.removeFirst()
        }
    }
}

private final class CancellationFlag: Sendable {
    private let flag = Atomic(false)
    var isSet: Bool { flag.load(ordering: .relaxed) }
    func set() { flag.store(true, ordering: .relaxed) }
}
