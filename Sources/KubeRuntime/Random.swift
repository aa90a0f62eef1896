/// A small, seedable source of jitter (SplitMix64), so that a machine's delays can be replayed in a test.
///
/// Not for secrets.
struct Jitter: RandomNumberGenerator, Sendable, Equatable {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    /// A generator that differs from process to process.
    static func seeded() -> Jitter {
        Jitter(seed: .random(in: .min ... .max))
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// A number in `0..<1`.
    mutating func fraction() -> Double {
        Double(next() >> 11) * 0x1p-53
    }
}
