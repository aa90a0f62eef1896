/// Returns as soon as `condition` holds; throws when it does not within 20 seconds, so that a hang has a name.
func until(_ what: String, _ condition: () -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(20)
    while !condition() {
        guard .now < end else { throw NeverHappened(what: what) }
        try await Task.sleep(for: .milliseconds(1))
    }
}

struct NeverHappened: Error, CustomStringConvertible {
    let what: String
    var description: String { "never happened: \(what)" }
}
