import KubeModel
import Testing
import TestSupport

@testable import KubeRuntime

/// The least that a cache can hold.
struct Thing: KubeObject, Equatable {
    static let resource = ResourceType(
        group: "test.example.com", version: "v1", kind: "Thing", plural: "things", isNamespaced: true)
    var metadata = ObjectMeta()
    var color: String?

    init(_ name: String, in namespace: String = "ns", uid: String = "u", version: Int, color: String? = nil) {
        metadata.name = name
        metadata.namespace = namespace
        metadata.uid = uid
        metadata.resourceVersion = "\(version)"
        self.color = color
    }

    var version: Int { metadata.resourceVersion.flatMap { Int($0) } ?? 0 }
}

func makeCacheMachine(accepts: (@Sendable (Thing) -> Bool)? = nil) -> CacheMachine<Thing> {
    CacheMachine(indexes: ["color": { [$0.color].compactMap { $0 } }], accepts: accepts)
}

@Suite("CacheMachine")
struct CacheMachineTests {
    /// A cache that has listed `things` as of version 10.
    func listed(_ things: Thing..., accepts: (@Sendable (Thing) -> Bool)? = nil) -> CacheMachine<Thing> {
        var cache = makeCacheMachine(accepts: accepts)
        cache.listStarted()
        _ = cache.pageArrived(things)
        _ = cache.listEnded(version: "10")
        return cache
    }

    @Test("is synced by the end of the first list, not before")
    func sync() {
        var cache = makeCacheMachine()
        cache.listStarted()
        let page = cache.pageArrived([Thing("a", version: 1)])
        #expect(page.map(\.new) == [Thing("a", version: 1)])
        #expect(!cache.isSynced)
        #expect(cache.listEnded(version: "10").isEmpty)
        #expect(cache.isSynced)
    }

    @Test("a list takes away what it does not name, and says nothing of what has not changed")
    func relist() {
        var cache = listed(Thing("a", version: 1), Thing("b", version: 2), Thing("c", version: 3))
        cache.listStarted()
        let page = cache.pageArrived([Thing("a", version: 1), Thing("b", version: 12)])
        #expect(page.map(\.old) == [Thing("b", version: 2)])
        #expect(page.map(\.new) == [Thing("b", version: 12)])
        #expect(cache.listEnded(version: "20").map(\.old) == [Thing("c", version: 3)])
        #expect(cache.store.count == 2)
    }

    @Test("an object that cannot be read keeps its last good version through a list")
    func unreadable() {
        var cache = listed(Thing("a", version: 1))
        cache.listStarted()
        _ = cache.pageArrived([], unreadable: [ObjectKey(namespace: "ns", name: "a")])
        #expect(cache.listEnded(version: "20").isEmpty)
        #expect(cache.store[ObjectKey(namespace: "ns", name: "a")] == Thing("a", version: 1))
    }

    @Test("an older event does not roll back our own write, and its echo is not a change")
    func ownWrite() {
        var cache = listed(Thing("a", version: 1))
        #expect(cache.recorded(Thing("a", version: 14))?.new == Thing("a", version: 14))
        #expect(cache.eventArrived(Thing("a", version: 12)) == nil)
        #expect(cache.store[ObjectKey(namespace: "ns", name: "a")]?.version == 14)
        #expect(cache.eventArrived(Thing("a", version: 14)) == nil)
        #expect(cache.pendingCount == 0)
        #expect(cache.eventArrived(Thing("a", version: 15))?.new == Thing("a", version: 15))
    }

    @Test("an event is an echo when its version is known or older than our write, and then confirms that write")
    func echo() {
        var cache = listed(Thing("a", version: 1))
        var echoes = [
            cache.echoArrived(.init(Thing("b", version: 11))), cache.echoArrived(.init(Thing("a", version: 11))),
        ]
        _ = cache.recorded(Thing("a", version: 14))
        echoes.append(cache.echoArrived(.init(Thing("a", version: 12))))
        #expect(cache.pendingCount == 1)
        echoes.append(cache.echoArrived(.init(Thing("a", version: 14))))
        #expect(cache.pendingCount == 0)
        echoes.append(cache.echoArrived(.init(Thing("a", uid: "u2", version: 14))))
        echoes.append(cache.echoArrived(.init(Thing("a", version: 15))))
        #expect(echoes == [false, false, true, true, false, false])
    }

    @Test("an answer that is older than what the watch brought changes nothing")
    func lateAnswer() {
        var cache = listed(Thing("a", version: 1))
        _ = cache.eventArrived(Thing("a", version: 15))
        #expect(cache.recorded(Thing("a", version: 14)) == nil)
        #expect(cache.pendingCount == 0)
    }

    @Test("events from before our deletion do not bring the object back")
    func ownDeletion() {
        var cache = listed(Thing("a", version: 1))
        #expect(cache.deletionRecorded(Thing("a", version: 1))?.old == Thing("a", version: 1))
        #expect(cache.eventArrived(Thing("a", version: 12)) == nil)
        #expect(cache.store.count == 0)
        let gone = CacheMachine<Thing>.Identity(key: Thing("a", version: 1).key, uid: "u", version: 13)
        #expect(cache.deletionArrived(gone) == nil)
        #expect(cache.pendingCount == 0)
    }

    @Test("an object made again after our deletion is seen at once")
    func madeAgain() {
        var cache = listed(Thing("a", version: 1))
        _ = cache.deletionRecorded(Thing("a", version: 1))
        #expect(cache.eventArrived(Thing("a", uid: "u2", version: 14))?.new == Thing("a", uid: "u2", version: 14))
        #expect(cache.pendingCount == 0)
    }

    @Test("the deletion of an earlier object of the name does not take ours away")
    func earlierDeletion() {
        var cache = listed(Thing("a", version: 1))
        _ = cache.recorded(Thing("a", uid: "u2", version: 14))
        let gone = CacheMachine<Thing>.Identity(key: Thing("a", version: 1).key, uid: "u", version: 13)
        #expect(cache.deletionArrived(gone) == nil)
        #expect(cache.store.count == 1)
    }

    @Test("a write recorded before a list began counts no more than the list, even when versions went back")
    func restoredFromBackup() {
        var cache = listed(Thing("a", version: 1))
        _ = cache.recorded(Thing("a", version: 5_000))
        cache.listStarted()
        _ = cache.pageArrived([Thing("a", version: 2)])
        _ = cache.listEnded(version: "30")
        #expect(cache.store[ObjectKey(namespace: "ns", name: "a")]?.version == 2)
        #expect(cache.pendingCount == 0)
    }

    @Test("a write made while a list was read is kept when the list could not know it")
    func writeDuringList() {
        var cache = listed()
        cache.listStarted()
        _ = cache.recorded(Thing("new", version: 40))
        _ = cache.recorded(Thing("short", version: 25))
        _ = cache.pageArrived([])
        #expect(cache.listEnded(version: "30").map(\.old) == [Thing("short", version: 25)], "deleted before version 30")
        #expect(cache.store.all() == [Thing("new", version: 40)])
    }

    @Test("what is not accepted is not kept, and leaves when it changes so")
    func accepts() {
        var cache = listed(Thing("a", version: 1, color: "red"), Thing("b", version: 2)) { $0.color != nil }
        #expect(cache.store.count == 1)
        #expect(cache.recorded(Thing("a", version: 12))?.old?.color == "red")
        #expect(cache.eventArrived(Thing("a", version: 11, color: "blue")) == nil)
        #expect(cache.store.count == 0)
    }

    @Test("unconfirmed writes are bounded")
    func bounded() {
        var cache = listed()
        for i in 0..<40_000 { _ = cache.recorded(Thing("t\(i)", version: 11 + i)) }
        #expect(cache.pendingCount <= CacheMachine<Thing>.pendingLimit)
        #expect(cache.store.count == 40_000)
    }
}

/// An API server's history, a watch that lags behind it, and answers to our writes that lag too.
private struct CacheWorld {
    var random: Jitter
    var cache = makeCacheMachine()
    var revision = 10
    var live: [String: Thing] = [:]
    var events: [(revision: Int, thing: Thing, isDeletion: Bool)] = []
    var delivered = 0
    var answers: [(thing: Thing, revision: Int, isDeletion: Bool)] = []
    /// For each name the revision of our latest write that was recorded.
    var recorded: [String: Int] = [:]
    /// Every state a name was in, by the revision that began it; nil is absent.
    var history: [String: [(since: Int, thing: Thing?)]] = [:]
    /// What the handlers were told last.
    var told: [String: Thing] = [:]

    init(seed: UInt64) {
        random = Jitter(seed: seed)
        relist()
    }

    mutating func step() {
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<4: write(isOurs: false)
        case 4..<9: write(isOurs: true)
        case 9..<12: answer()
        case 12..<19: deliver()
        default: if Int.random(in: 0..<5, using: &random) == 0 { relist() }
        }
        check()
    }

    mutating func finish() {
        while !answers.isEmpty { answer() }
        while delivered < events.count { deliver() }
        check()
        #expect(Dictionary(uniqueKeysWithValues: cache.store.all().map { ($0.metadata.name, $0) }) == live)
        #expect(told == live)
        for color in ["red", "green", "blue"] {
            let found = cache.store.matching(index: "color", value: color).map(\.metadata.name).sorted()
            #expect(cache.store.count(index: "color", value: color) == found.count)
            #expect(found == live.values.filter { $0.color == color }.map(\.metadata.name).sorted())
        }
    }

    mutating func write(isOurs: Bool) {
        let name = ["a", "b", "c", "d"].randomElement(using: &random) ?? "a"
        revision += 1
        let isDeletion = live[name] != nil && Int.random(in: 0..<3, using: &random) == 0
        var thing = live[name] ?? Thing(name, uid: "u\(revision)", version: revision)
        let before = thing
        thing.metadata.resourceVersion = "\(revision)"
        thing.color = ["red", "green", "blue", nil].randomElement(using: &random) ?? nil
        live[name] = isDeletion ? nil : thing
        events.append((revision, thing, isDeletion))
        history[name, default: []].append((revision, isDeletion ? nil : thing))
        if isOurs { answers.append((isDeletion ? before : thing, revision, isDeletion)) }
    }

    /// Answers come in any order between objects, and for one object in order: one key is reconciled once at a time.
    mutating func answer() {
        guard let some = answers.indices.randomElement(using: &random) else { return }
        let name = answers[some].thing.metadata.name
        guard let first = answers.firstIndex(where: { $0.thing.metadata.name == name }) else { return }
        let (thing, revision, isDeletion) = answers.remove(at: first)
        recorded[name] = max(recorded[name] ?? 0, revision)
        note(isDeletion ? cache.deletionRecorded(thing) : cache.recorded(thing))
    }

    mutating func deliver() {
        guard delivered < events.count else { return }
        let (_, thing, isDeletion) = events[delivered]
        delivered += 1
        if isDeletion { return note(cache.deletionArrived(.init(thing))) }
        if !cache.echoArrived(.init(thing)) { note(cache.eventArrived(thing)) }
    }

    /// Pages of one moment, with answers to our writes in between.
    mutating func relist() {
        cache.listStarted()
        if Bool.random(using: &random) { answer() }
        let snapshot = live.values.sorted { $0.metadata.name < $1.metadata.name }
        let version = revision
        let seen = events.count
        for thing in snapshot {
            if Bool.random(using: &random) { write(isOurs: true) }
            if Bool.random(using: &random) { answer() }
            for change in cache.pageArrived([thing]) { note(change) }
        }
        for change in cache.listEnded(version: "\(version)") { note(change) }
        delivered = seen
    }

    mutating func note(_ change: CacheMachine<Thing>.Change?) {
        guard let change, let name = (change.new ?? change.old)?.metadata.name else { return }
        #expect(told[name] == change.old)
        told[name] = change.new
    }

    func check() {
        for name in ["a", "b", "c", "d"] {
            let cached = cache.store[ObjectKey(namespace: "ns", name: name)]
            let since = recorded[name] ?? 0
            let states = history[name] ?? []
            let current = states.last { $0.since <= since }
            let possible = [current?.thing] + states.filter { $0.since > since }.map(\.thing)
            #expect(possible.contains(cached), "\(name) is older than our own write")
        }
    }
}

@Suite("CacheMachine against a server's history")
struct CacheMachineModelTests {
    @Test("never older than our own writes, and right in the end", arguments: 0..<150)
    func agrees(seed: Int) {
        var world = CacheWorld(seed: UInt64(seed))
        for _ in 0..<300 { world.step() }
        world.finish()
    }
}
