import HTTPTransport
import KubeModel

/// How often, and after what wait, a request is sent again.
package struct RetryPolicy: Sendable {
    /// Tries in all, the first included.
    package var tries: Int
    package var firstWait: Duration
    package var longestWait: Duration

    package init(tries: Int = 5, firstWait: Duration = .milliseconds(100), longestWait: Duration = .seconds(10)) {
        self.tries = tries
        self.firstWait = firstWait
        self.longestWait = longestWait
    }

    /// The wait before the next try, or nil when the error is to be given to the caller.
    ///
    /// 429, and 503 with a Retry-After, say that nothing was done: they are waited out for every request. What may have
    /// been carried out is repeated only where that does no harm: a 500 `ServerTimeout` names a wait too, but its write
    /// may have reached etcd.
    func wait(after error: KubeError, try number: Int, isIdempotent: Bool) -> Duration? {
        guard number < tries else { return nil }
        switch error {
        case .status(let status, let retryAfter):
            let code = status.code ?? 0
            let isUndone = code == 429 || code == 503 && retryAfter != nil
            guard isUndone || isIdempotent && (500...599).contains(code) else { return nil }
            guard let retryAfter else { return backoff(number) }
            return retryAfter > longestWait ? nil : max(retryAfter, .milliseconds(1)) + jitter(of: firstWait)
        case .transport(let error):
            switch error {
            case .connect, .connectTimeout, .resolve: return backoff(number)
            case .truncated, .timeout, .other: return isIdempotent ? backoff(number) : nil
            default: return nil
            }
        default: return nil
        }
    }

    private func backoff(_ number: Int) -> Duration {
        let doubled = firstWait * (1 << min(number - 1, 16))
        let wait = min(doubled, longestWait)
        return wait / 2 + jitter(of: wait / 2)
    }

    private func jitter(of span: Duration) -> Duration { span * Double.random(in: 0...1) }
}
