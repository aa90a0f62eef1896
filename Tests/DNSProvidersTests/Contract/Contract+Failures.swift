import DNSProviders
import DNSWire
import HTTPTransport
import HTTPTypes
import TestSupport
import Testing
import Wire

/// What providers keep when something fails.
extension Contract {
    @Sendable static func throttling(_ world: ContractWorld) async throws {
        let answer = world.subject.throttled
        world.network.follow { _ in .answer(answer) }
        let error = await world.failure { try await world.present(value(1), at: name) }
        guard case .rateLimited(_, let until)? = error else { return expectKind("rateLimited", error) }
        #expect(until == world.time.now() + world.subject.throttledFor)
        let count = world.network.requestCount
        _ = await world.failure { try await world.present(value(2), at: name) }
        #expect(world.network.requestCount == count, "asked again before the time")
        world.network.follow { _ in nil }
        world.time.advance(by: world.subject.throttledFor)
        try await world.present(value(1), at: name)
        try await world.expectValues([value(1)], at: name)
    }

    @Sendable static func outOfOrder(_ world: ContractWorld) async throws {
        for status in [500, 502, 503] {
            world.network.follow { _ in .answer(.text("<html>upstream connect error</html>", status: status)) }
            let error = await world.failure { try await world.present(value(1), at: name) }
            guard case .unreachable? = error else { return expectKind("unreachable", error) }
            #expect(error?.description.contains("\(status)") == true)
            #expect(error?.description.contains("html") == false)
            world.restart()
        }
        world.network.follow { _ in nil }
        try await world.present(value(1), at: name)
        try await world.expectValues([value(1)], at: name)
    }

    @Sendable static func malformed(_ world: ContractWorld) async throws {
        for body in ["<html>Welcome to the hotel</html>", "{", "[]", "null", "{\"a\": \"\\ud800\"}"] {
            world.network.follow { _ in .answer(.text(body)) }
            let error = await world.failure { try await world.present(value(1), at: name) }
            switch error {
            case .malformedAnswer?: break
            case .zoneNotFound? where body == "[]": break  // some lists of zones are just that
            default: return expectKind("malformedAnswer", error)
            }
            world.restart()
        }
    }

    @Sendable static func silence(_ world: ContractWorld) async throws {
        for failure in [TransportError.timeout, .connect("refused"), .truncated("cut")] {
            world.network.follow { _ in .fail(failure) }
            let error = await world.failure { try await world.present(value(1), at: name) }
            guard case .unreachable? = error else { return expectKind("unreachable", error) }
            #expect(error?.description.contains(failure.description) == true)
        }
        world.network.follow { _ in nil }
        try await world.present(value(1), at: name)
        try await world.expectValues([value(1)], at: name)
    }

    /// The n-th answer of the errand gets lost, for every n there is.
    @Sendable static func lostAnswer(_ world: ContractWorld) async throws {
        let lastOfCleanUp = world.subject.callsToCleanUpAlone ?? world.subject.calls.warmCleanUp
        for number in 1...world.subject.calls.coldPresent {
            world.restart()
            let count = Counter()
            world.network.follow { _ in count.next() == number ? .loseAnswer(.timeout) : nil }
            _ = await world.failure { try await world.present(value(number), at: name) }
            world.network.follow { _ in nil }
            try await persist(world) { try await world.present(value(number), at: name) }
            try await world.expectValues([value(number)], at: name)
            count.reset()
            world.network.follow { _ in
                count.next() == lastOfCleanUp ? .loseAnswer(.timeout) : nil
            }
            _ = await world.failure { try await world.cleanUp(value(number), at: name) }
            world.network.follow { _ in nil }
            try await persist(world) { try await world.cleanUp(value(number), at: name) }
            try await world.expectValues([], at: name)
        }
    }

    @Sendable static func wrongCredentials(_ world: ContractWorld) async throws {
        world.secrets.replace(world.subject.wrongSecrets)
        let error = await world.failure { try await world.present(value(1), at: name) }
        guard case .wrongCredentials? = error else { return expectKind("wrongCredentials", error) }
        #expect(error?.isTerminal == false)
        world.secrets.replace(world.subject.secrets)
        try await world.present(value(1), at: name)
        try await world.expectValues([value(1)], at: name)
        guard world.subject.limits.isDisjoint(with: [.noRemoval]) else { return }
        // They run out between presenting and cleaning up.
        world.secrets.replace(world.subject.wrongSecrets)
        let second = await world.failure { try await world.cleanUp(value(1), at: name) }
        guard case .wrongCredentials? = second else { return expectKind("wrongCredentials", second) }
        world.secrets.replace([:])
        let third = await world.failure { try await world.cleanUp(value(1), at: name) }
        guard case .secretMissing? = third else { return expectKind("secretMissing", third) }
        world.secrets.replace(world.subject.secrets)
        try await world.cleanUp(value(1), at: name)
        try await world.expectValues([], at: name)
    }

    @Sendable static func missingPermission(_ world: ContractWorld) async throws {
        world.secrets.replace(world.subject.restrictedSecrets)
        let error = await world.failure { try await world.present(value(1), at: name) }
        guard case .missingPermission(_, _, let needs, _)? = error else {
            return expectKind("missingPermission", error)
        }
        #expect(needs.contains(world.subject.permission), "\(needs) does not name \(world.subject.permission)")
        try await world.expectValues([], at: name)
    }

    @Sendable static func quoting(_ world: ContractWorld) async throws {
        let values = ["with spaces; and = signs", "a \"quoted\" word", "back\\slash"]
        for value in values {
            try await world.present(value, at: name)
            try await world.present(value, at: name)
        }
        try await world.expectValues(values, at: name)
        for value in values { try await world.cleanUp(value, at: name) }
        try await world.expectValues([], at: name)
    }

    @Sendable static func longValues(_ world: ContractWorld) async throws {
        let long = "issuer.example; accounturi=https://ca.example/" + String(repeating: "abcdefghij", count: 42)
        for _ in 0..<2 { try await world.present(long, at: name) }
        try await world.expectValues([long], at: name)
        try await world.cleanUp(long, at: name)
        try await world.expectValues([], at: name)
    }

    @Sendable static func calls(_ world: ContractWorld) async throws {
        let expected = world.subject.calls
        var last = world.network.requestCount
        func taken() -> Int {
            defer { last = world.network.requestCount }
            return world.network.requestCount - last
        }
        try await world.present(value(1), at: name)
        let coldPresent = taken()
        try await world.present(value(2), at: name)
        let warmPresent = taken()
        if !world.subject.limits.contains(.noRemoval) { try await world.cleanUp(value(1), at: name) }
        let warmCleanUp = taken()
        #expect(
            CallCounts(coldPresent: coldPresent, warmPresent: warmPresent, warmCleanUp: warmCleanUp) == expected)
        if !world.subject.limits.contains(.noRemoval) { try await world.cleanUp(value(2), at: name) }
    }

    /// One errand after the other: then the time that the fake counts in is exactly the client's.
    @Sendable static func busy(_ world: ContractWorld) async throws {
        let names = (1...200).map { "_acme-challenge.host\($0).example.com" }
        for name in names { try await persist(world) { try await world.present(value(1), at: name) } }
        for name in names { try await world.expectValues([value(1)], at: name) }
        for name in names { try await persist(world) { try await world.cleanUp(value(1), at: name) } }
        for name in names { try await world.expectValues([], at: name) }
        #expect(world.server.refusedCount == 0, "the service had to refuse requests")
    }

    /// As the controller does: who is told to come back later comes back then.
    static func persist(_ world: ContractWorld, _ errand: () async throws -> Void) async throws {
        for _ in 0..<500 {
            do {
                return try await errand()
            } catch DNSProviderError.rateLimited(_, let until) {
                try await world.time.sleep(for: until - world.time.now())
            }
        }
        Issue.record("an errand was put off without end")
    }
}
