/// What `body` returns, or nil when it takes longer than `limit` and is cancelled; it must then end soon by itself.
package func withTimeLimit<R: Sendable>(
    _ limit: Duration, time: any TimeSource, _ body: @escaping @Sendable () async -> R
) async -> R? {
    await withTaskGroup(of: R?.self) { group in
        group.addTask { await body() }
        group.addTask {
            try? await time.sleep(for: limit)  // only cancellation ends it early, and then nobody asks
            return nil
        }
        defer { group.cancelAll() }
        return await group.next() ?? nil
    }
}
