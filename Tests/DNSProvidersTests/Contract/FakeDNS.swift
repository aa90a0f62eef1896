import HTTPTransport
import Synchronization
import Wire

final class ManagedChunk: Sendable {
    private let bytes: Mutex<[UInt8]?>
    init(_ bytes: [UInt8]) { self.bytes = Mutex(bytes) }
    func take() -> [UInt8]? {
        bytes.withLock { bytes in
            defer { bytes = nil }
            return bytes
        }
    }
}

/// What every fake keeps behind its interface: zones with TXT records, credentials, and a limit on requests.
final class FakeDNS: Sendable {
    struct Zone: Sendable {
        var name: String
        var id: String
    }

    struct Record: Sendable {
        var id: String
        var zone: String
        /// Without the last dot.
        var name: String
        var value: String
        var ttlSeconds: Int
    }

    enum Access: Sendable {
        case full
        /// Known, and not allowed to change anything.
        case restricted
        case unknown
    }

    struct State: Sendable {
        var zones: [Zone] = []
        var records: [Record] = []
        var lastID = 1000
        /// Moments of the requests of the last time, by what counts together.
        var requests: [String: [Duration]] = [:]
        var refused = 0
        /// Grows with each change of a zone's records.
        var versions: [String: Int] = [:]
    }

    static let goodCredential = "GoodCredential-k3yT0ken-4711-abcdefgh"
    static let restrictedCredential = "ReadOnly-k3yT0ken-4712-ijklmnop"
    static let wrongCredential = "Expired-k3yT0ken-4713-qrstuvwx"

    let time: LeapingTime
    let state: Mutex<State>
    private let limits: [Limit]

    /// How many requests are allowed in any time of that length.
    struct Limit: Sendable {
        var count: Int
        var period: Duration

        init(_ count: Int, _ seconds: Int) {
            self.count = count
            period = .seconds(seconds)
        }
    }

    /// `limits`: what the documentation allows one account; all of them count.
    init(_ zones: [String], time: LeapingTime, limits: [Limit] = []) {
        self.time = time
        self.limits = limits
        var state = State()
        for (index, zone) in zones.enumerated() { state.zones.append(Zone(name: zone, id: "z\(7000 + index)")) }
        self.state = Mutex(state)
    }

    func access(_ credential: String) -> Access {
        switch credential {
        case Self.goodCredential: .full
        case Self.restrictedCredential: .restricted
        default: .unknown
        }
    }

    /// Whether one more request is allowed now; counts it.
    func admits() -> Bool { pause(limits) == nil }

    /// Counts a request, with those that were counted under the same `name`; where `limits` allow none, it is not counted,
    /// and the answer is how long to wait until one is allowed again.
    func pause(_ limits: [Limit], of name: String = "") -> Duration? {
        guard let longest = limits.map(\.period).max() else { return nil }
        let now = time.elapsed()
        return state.withLock { state in
            let recent = (state.requests[name] ?? []).filter { now - $0 < longest }
            var pause = Duration.zero
            for limit in limits {
                let inside = recent.filter { now - $0 < limit.period }
                guard inside.count >= limit.count else { continue }
                pause = max(pause, inside[inside.count - limit.count] + limit.period - now)
            }
            state.requests[name] = pause == .zero ? recent + [now] : recent
            if pause > .zero { state.refused += 1 }
            return pause == .zero ? nil : pause
        }
    }

    var refusedCount: Int { state.withLock { $0.refused } }
    var zones: [Zone] { state.withLock { $0.zones } }
    func zone(id: String) -> Zone? { state.withLock { $0.zones.first { $0.id == id } } }
    func zone(named name: String) -> Zone? { state.withLock { $0.zones.first { $0.name == name } } }

    /// The zone with the longest name that holds `name`.
    func zone(holding name: String) -> Zone? {
        state.withLock { state in
            state.zones.filter { name == $0.name || name.hasSuffix(".\($0.name)") }.max {
                $0.name.count < $1.name.count
            }
        }
    }

    func records(in zone: String, at name: String? = nil) -> [Record] {
        state.withLock { $0.records.filter { $0.zone == zone && (name == nil || $0.name == name) } }
    }

    func record(id: String) -> Record? { state.withLock { $0.records.first { $0.id == id } } }

    @discardableResult
    func add(_ value: String, at name: String, in zone: String, ttlSeconds: Int = 300) -> Record {
        state.withLock { state in
            state.lastID += 1
            let record = Record(
                id: "\(state.lastID)", zone: zone, name: name, value: value, ttlSeconds: ttlSeconds)
            state.records.append(record)
            state.versions[zone, default: 0] += 1
            return record
        }
    }

    /// Whether there was one.
    @discardableResult
    func remove(id: String) -> Bool {
        state.withLock { state in
            guard let place = state.records.firstIndex(where: { $0.id == id }) else { return false }
            state.versions[state.records[place].zone, default: 0] += 1
            state.records.remove(at: place)
            return true
        }
    }

    /// Makes `values` all there is under the name.
    func replace(_ name: String, in zone: String, with values: [String], ttlSeconds: Int) {
        state.withLock { state in
            state.records.removeAll { $0.zone == zone && $0.name == name }
            for value in values {
                state.lastID += 1
                state.records.append(
                    Record(id: "\(state.lastID)", zone: zone, name: name, value: value, ttlSeconds: ttlSeconds))
            }
            state.versions[zone, default: 0] += 1
        }
    }

    func holds(_ value: String, at name: String) -> Bool {
        state.withLock { $0.records.contains { $0.name == name && $0.value == value } }
    }

    func drop(_ value: String, at name: String) {
        state.withLock { $0.records.removeAll { $0.name == name && $0.value == value } }
    }

    func version(of zone: String) -> Int { state.withLock { $0.versions[zone] ?? 0 } }

    /// One page of a list that starts at `start`.
    static func page<Item>(_ items: [Item], from start: Int, count: Int) -> [Item] {
        Array(items.dropFirst(max(start, 0)).prefix(count))
    }
}

/// A fake and what it keeps, as the contract needs them.
struct FakeServer: ContractServer {
    let dns: FakeDNS
    let service: any FakeService

    private let oneAtATime = FakeGate()

    init(dns: FakeDNS, service: any FakeService) {
        self.dns = dns
        self.service = service
    }

    var transport: any HTTPTransport { FakeTransport(service: service, gate: oneAtATime) }
    func values(at name: String) async throws -> [String] {
        dns.state.withLock { $0.records.filter { $0.name == name }.map(\.value).sorted() }
    }
    func zone(holdingRecordsOf name: String) async throws -> [String] {
        Set(dns.state.withLock { $0.records.filter { $0.name == name }.map(\.zone) }).sorted()
    }
    func add(_ value: String, at name: String) async throws {
        guard let zone = dns.zone(holding: name) else { return }
        dns.add(value, at: name, in: zone.name)
    }
    func remove(_ value: String, at name: String) async throws {
        let ids = dns.state.withLock { $0.records.filter { $0.name == name && $0.value == value }.map(\.id) }
        for id in ids { dns.remove(id: id) }
    }
    var refusedCount: Int { dns.refusedCount }
}
