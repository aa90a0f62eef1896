import Issuers
import Wire

/// When to look again at what an ACME server is working on.
enum PollPace {
    /// What the server says, within reason: some say a day for what takes a minute (a certificate would wait that day).
    /// Without a word from it: soon, then at doubling distance up to half a minute.
    static func delay(afterPolls polls: Int, retryAfter: Duration?, jitter: Double) -> Duration {
        if let retryAfter { return min(max(retryAfter, .milliseconds(250)), .seconds(600)) }
        let plain = min(0.4 * Double(1 << min(polls, 10)), 30)
        return .milliseconds(Int64(plain * (1 + 0.3 * jitter) * 1000))
    }
}
