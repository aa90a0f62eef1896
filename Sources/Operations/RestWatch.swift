package import Wire

/// Notices when a process has come to rest after work, by the CPU time it takes.
package struct RestWatch: Sendable, Equatable {
    /// How often to look.
    package static var interval: Duration { .seconds(10) }
    /// Under this share of one core it rests.
    static var quietShare: Double { 0.03 }
    /// Less work than this since the last time, in CPU seconds, is not worth tidying up after.
    static var worthwhile: Double { 0.05 }

    private var lastSeconds: Double
    /// The CPU time at the last rest that was answered with true.
    private var tidiedSeconds: Double

    package init(cpuSeconds: Double) {
        lastSeconds = cpuSeconds
        tidiedSeconds = 0
    }

    /// To be told the CPU time so far at every `interval`. Answers whether now is a time to tidy up.
    package mutating func observed(cpuSeconds: Double) -> Bool {
        defer { lastSeconds = cpuSeconds }
        let isQuiet = cpuSeconds - lastSeconds < Self.quietShare * (Self.interval / .seconds(1))
        guard isQuiet, cpuSeconds - tidiedSeconds >= Self.worthwhile else { return false }
        tidiedSeconds = cpuSeconds
        return true
    }
}

extension ProcessMemory {
    /// Trims whenever the process has come to rest after work, until cancelled.
    package static func trimAtRest(time: any TimeSource) async throws {
        var watch = RestWatch(cpuSeconds: ProcessMetrics.cpuSeconds() ?? 0)
        while true {
            try await time.sleep(for: RestWatch.interval)
            if let seconds = ProcessMetrics.cpuSeconds(), watch.observed(cpuSeconds: seconds) { trim() }
        }
    }
}
