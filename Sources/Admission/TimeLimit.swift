import Wire

enum TimeLimit {
    /// What `body` returns, or nil when it takes longer than `limit` and is cancelled.
    static func run<Result: Sendable>(
        _ limit: Duration, time: any TimeSource, _ body: @escaping @Sendable () async -> Result
    ) async -> Result? {
        await withTaskGroup(of: Result?.self) { group in
            group.addTask { await body() }
            group.addTask {
                try? await time.sleep(for: limit)  // only cancellation ends it early, and then nobody asks
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }
}
