/// How long to wait after the n-th failure in a row: doubling from `minimum` to `maximum`, spread by jitter.
package struct Backoff: Sendable, Equatable {
    package var minimum: Duration
    package var maximum: Duration
    /// How far a delay may be stretched, as a part of itself. At the ceiling the delay is shortened instead, so
    /// that many keys that failed together do not come back together.
    package var spread: Double

    package init(minimum: Duration, maximum: Duration, spread: Double = 0.5) {
        self.minimum = minimum
        self.maximum = max(minimum, maximum)
        self.spread = spread
    }

    /// The delay after `failures` failures in a row (1 is the first); always in `minimum...maximum`.
    func delay(afterFailures failures: Int, using jitter: inout Jitter) -> Duration {
        let doublings = min(max(failures - 1, 0), 40)
        // Compared before multiplying: `minimum * 2^40` would overflow for long minima.
        let plain = maximum / Double(1 << doublings) <= minimum ? maximum : minimum * (1 << doublings)
        guard spread > 0 else { return plain }
        let longest = min(maximum, plain * (1 + spread))
        let shortest = plain < maximum ? plain : max(minimum, plain * (1 - spread / 2))
        return shortest + (longest - shortest) * jitter.fraction()
    }
}
