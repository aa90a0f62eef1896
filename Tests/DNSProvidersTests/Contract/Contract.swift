import DNSProviders
import DNSWire
import HTTPTransport
import HTTPTypes
import Synchronization
import TestSupport
import Testing
import Wire

/// What every provider keeps; each promise is a function of a world.
struct Promise: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// A provider with one of these limits cannot be asked for it.
    var unless: Set<ContractSubject.Limit> = []
    var check: @Sendable (ContractWorld) async throws -> Void

    init(
        _ title: String, unless: Set<ContractSubject.Limit> = [],
        _ check: @escaping @Sendable (ContractWorld) async throws -> Void
    ) {
        testDescription = title
        self.unless = unless
        self.check = check
    }
}

enum Contract {
    static let promises: [Promise] = [
        Promise("presenting and cleaning up twice is as good as once", unless: [.noRemoval], idempotence),
        Promise(
            "wildcard and apex have two values under one name, and each goes alone", unless: [.noRemoval], twoValues),
        Promise("values of others stay", unless: [.noRemoval], othersStay),
        Promise("many at once under one name lose nothing", unless: [.noRemoval], concurrency),
        Promise("two replicas at once lose nothing, in whatever order they come", unless: [.noRemoval], replicas),
        Promise("a value that somebody else overwrote is written again", unless: [.noRemoval, .noStatus], overwritten),
        Promise("a restart between presenting and cleaning up leaves nothing", unless: [.noRemoval], restart),
        Promise("the longest zone is found behind other pages", unless: [.noZones], longestZone),
        Promise(
            "a name without a zone is an error that says so, and no value goes elsewhere", unless: [.noZones], noZone),
        Promise("too many requests: nobody asks again before the time", unless: [.noStatus], throttling),
        Promise("a service out of order is an error that passes", unless: [.noStatus], outOfOrder),
        Promise("an answer that cannot be read is an error", unless: [.noStatus], malformed),
        Promise("a request without an answer is an error that passes", unless: [.noStatus], silence),
        Promise("an answer that got lost leaves one value", unless: [.noRemoval, .noStatus], lostAnswer),
        Promise(
            "wrong credentials are told, and a changed Secret is read again", unless: [.noStatus], wrongCredentials),
        Promise("a missing permission is named", unless: [.noRestriction], missingPermission),
        Promise("quotes, backslashes and spaces survive", unless: [.noRemoval], quoting),
        Promise("values of more than 255 octets survive", unless: [.noRemoval, .noLongValues], longValues),
        Promise("the requests of an errand are as many as docs/dns/README.md says", unless: [.noStatus], calls),
        Promise("200 challenges in one zone keep within the limits", unless: [.noRemoval], busy),
    ]

    static func applies(_ promise: Promise, to subject: ContractSubject) -> Bool {
        promise.unless.isDisjoint(with: subject.limits)
    }

    static let name = "_acme-challenge.www.example.com"
    /// What a real one looks like: 43 characters of base64url.
    static func value(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: 6 - digits.count) + digits + "-DGyRejmCefe7v4NfDGDKfA_9kd8GTAAAAAAa"
    }
}

extension Contract {
    @Sendable private static func idempotence(_ world: ContractWorld) async throws {
        for _ in 0..<2 {
            try await world.present(value(1), at: name)
            try await world.expectValues([value(1)], at: name)
        }
        for _ in 0..<2 {
            try await world.cleanUp(value(1), at: name)
            try await world.expectValues([], at: name)
        }
    }

    @Sendable private static func twoValues(_ world: ContractWorld) async throws {
        try await world.present(value(1), at: name)
        try await world.present(value(2), at: name)
        try await world.expectValues([value(1), value(2)], at: name)
        try await world.cleanUp(value(1), at: name)
        try await world.expectValues([value(2)], at: name)
        try await world.cleanUp(value(2), at: name)
        try await world.expectValues([], at: name)
    }

    @Sendable private static func othersStay(_ world: ContractWorld) async throws {
        let other = "v=spf1 -all"
        try await world.server.add(other, at: name)
        try await world.server.add("another", at: "example.com")
        try await world.present(value(1), at: name)
        try await world.expectValues([value(1), other], at: name)
        try await world.cleanUp(value(1), at: name)
        try await world.cleanUp(value(9), at: name)
        try await world.expectValues([other], at: name)
        try await world.expectValues(["another"], at: "example.com")
    }

    @Sendable private static func concurrency(_ world: ContractWorld) async throws {
        let values = (1...8).map(value)
        try await all(values, world) { try await world.present($0, at: name) }
        try await world.expectValues(values, at: name)
        try await all(values, world) { try await world.cleanUp($0, at: name) }
        try await world.expectValues([], at: name)
    }

    /// Two replicas, or two clusters, of which neither knows of the other: each has its own memory. What arrives first is
    /// drawn anew in every round, so that now and then both have read before either writes.
    @Sendable private static func replicas(_ world: ContractWorld) async throws {
        for seed in 1...world.rounds {
            let race = Race(world, seed: UInt64(seed))
            try await race.run((1...4).map { .present(value($0)) }, at: name)
            try await world.expectValues((1...4).map(value), at: name, seed: seed)
            try await race.run((1...4).map { .cleanUp(value($0)) } + (5...8).map { .present(value($0)) }, at: name)
            try await world.expectValues((5...8).map(value), at: name, seed: seed)
            try await race.run((5...8).map { .cleanUp(value($0)) }, at: name)
            try await world.expectValues([], at: name, seed: seed)
        }
    }

    /// Another replica, which had read the set before, writes it right after the first write of this one: before the next
    /// request arrives the value is gone. Where the service notices that, or keeps records apart, it cannot happen.
    @Sendable private static func overwritten(_ world: ContractWorld) async throws {
        guard world.subject.limits.contains(.overwrites), let fake = world.server as? FakeServer else { return }
        let count = Counter()
        world.network.follow { _ in
            if fake.dns.holds(value(1), at: name), count.next() == 1 { fake.dns.drop(value(1), at: name) }
            return nil
        }
        try await world.present(value(1), at: name)
        #expect(count.next() > 2, "nobody looked whether the value stayed")
        try await world.expectValues([value(1)], at: name)
    }

    @Sendable private static func restart(_ world: ContractWorld) async throws {
        try await world.present(value(1), at: name)
        world.restart()
        try await world.cleanUp(value(1), at: name)
        try await world.expectValues([], at: name)
    }

    @Sendable private static func longestZone(_ world: ContractWorld) async throws {
        for (name, zone) in [
            ("_acme-challenge.a.b.sub.example.com", "sub.example.com"),
            ("_acme-challenge.sub.example.com", "sub.example.com"),
            ("_acme-challenge.example.com", "example.com"), ("_acme-challenge.notsub.example.com", "example.com"),
        ] {
            try await world.present(value(1), at: name)
            #expect(try await world.server.zone(holdingRecordsOf: name) == [zone])
            try await world.expectValues([value(1)], at: name)
        }
    }

    @Sendable private static func noZone(_ world: ContractWorld) async throws {
        let name = "_acme-challenge.nowhere.test"
        let error = await world.failure { try await world.present(value(1), at: name) }
        guard case .zoneNotFound? = error else { return expectKind("zoneNotFound", error) }
        #expect(error?.description.contains("nowhere.test") == true)
        try await world.expectValues([], at: name)
        _ = await world.failure { try await world.cleanUp(value(1), at: name) }
    }

    static func expectKind(_ kind: String, _ error: DNSProviderError?) {
        Issue.record("\(kind) was expected, not \(error.map { "\($0)" } ?? "success")")
    }

    /// Many at once; all must succeed.
    static func all<Item: Sendable>(
        _ items: [Item], _ world: ContractWorld, _ work: @escaping @Sendable (Item) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for item in items { group.addTask { try await persist(world) { try await work(item) } } }
            try await group.waitForAll()
        }
    }
}
