import CertificateAPI
import DNSProviders
import DNSWire
import HTTPTransport
import Synchronization
import TestSupport
import Testing
import Wire

/// Errands of two replicas at one service, one step at a time: which request arrives next is drawn from a seed. Waiting takes longer than any request: time goes on when no request is under way.
final class Race: Sendable {
    enum Errand: Sendable {
        case present(String), cleanUp(String)
    }

    private struct State {
        var dice: Dice
        /// Requests that have been sent and not arrived.
        var requests: [CheckedContinuation<Void, Never>] = []
        var sleeps: [(wakingTime: Duration, sleeper: CheckedContinuation<Void, Never>)] = []
        var underWay = 0
        var working = 0
    }

    private let world: ContractWorld
    private let memories = [ProviderMemory(), ProviderMemory()]
    private let executor = SteppedExecutor()
    private let state: Mutex<State>

    init(_ world: ContractWorld, seed: UInt64) {
        self.world = world
        state = Mutex(State(dice: Dice(seed: seed)))
    }

    /// All at once, every other one by the other replica. All must succeed, tried again as the controller does.
    func run(_ errands: [Errand], at name: String) async throws {
        let name = try DNSName(name)
        state.withLock { $0.working = errands.count }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, errand) in errands.enumerated() {
                let memory = memories[index % 2]
                group.addTask(executorPreference: executor) { [self] in
                    defer { state.withLock { $0.working -= 1 } }
                    try await persist(memory) { provider in
                        switch errand {
                        case .present(let value): try await provider.present(TXTRecord(name: name, value: value))
                        case .cleanUp(let value): try await provider.cleanUp(TXTRecord(name: name, value: value))
                        }
                    }
                }
            }
            try await drive()
            try await group.waitForAll()
        }
    }

    private func persist(_ memory: ProviderMemory, _ work: (any DNSProvider) async throws -> Void) async throws {
        for _ in 0..<20 {
            do {
                var context = world.context(memory)
                context.http = Steps(race: self, inner: context.http)
                context.time = Clock(race: self)
                let provider = try await DNSProviderRegistry.standard.provider(
                    for: world.subject.stanza, at: FieldPath("spec.solver.dns01"), in: context)
                return try await work(provider)
            } catch DNSProviderError.rateLimited(_, let until) {
                // A moment more: times are rounded.
                await sleep(for: until - world.time.now() + .milliseconds(1))
            } catch DNSProviderError.conflict {
                await sleep(for: .seconds(5))
            } catch {
                world.hear(error)
                throw error
            }
        }
        Issue.record("an errand was put off without end")
    }

    /// Lets everybody work until all wait, then lets one request arrive or, where there is none, time go on.
    private func drive() async throws {
        var idle = 0
        while state.withLock({ $0.working > 0 }) {
            executor.drain()
            if let next = next() {
                idle = 0
                next.resume()
            } else if state.withLock({ $0.working > 0 }) {
                // A real server thinks, or a key is used on a thread of its own.
                idle += 1
                guard idle < 60_000 else { throw TestServerError("the race stands still") }
                try await Task.sleep(for: .milliseconds(1))
            }
        }
    }

    private func next() -> CheckedContinuation<Void, Never>? {
        state.withLock { state in
            guard state.underWay == 0 else { return nil }
            if !state.requests.isEmpty {
                return state.requests.remove(at: Int.random(in: 0..<state.requests.count, using: &state.dice))
            }
            guard
                let first = state.sleeps.indices.min(by: { state.sleeps[$0].wakingTime < state.sleeps[$1].wakingTime })
            else { return nil }
            let (wakingTime, sleeper) = state.sleeps.remove(at: first)
            world.time.advance(by: max(.zero, wakingTime - world.time.elapsed()))
            return sleeper
        }
    }

    fileprivate func arrive() async {
        await withCheckedContinuation { continuation in state.withLock { $0.requests.append(continuation) } }
        state.withLock { $0.underWay += 1 }
    }

    fileprivate func answered() { state.withLock { $0.underWay -= 1 } }

    fileprivate func sleep(for duration: Duration) async {
        let wakingTime = world.time.elapsed() + duration
        await withCheckedContinuation { continuation in state.withLock { $0.sleeps.append((wakingTime, continuation)) }
        }
    }

    private struct Clock: TimeSource {
        let race: Race
        func now() -> Timestamp { race.world.time.now() }
        func elapsed() -> Duration { race.world.time.elapsed() }
        func sleep(for duration: Duration) async throws { await race.sleep(for: duration) }
    }

    private struct Steps: HTTPTransport {
        let race: Race
        let inner: any HTTPTransport

        func withResponse<R: Sendable>(
            to request: TransportRequest, _ use: (ResponseHead, ResponseBody) async throws -> R
        ) async throws -> R {
            await race.arrive()
            defer { race.answered() }
            return try await inner.withResponse(to: request, use)
        }
    }
}

/// Runs what is ready when it is told to, on the thread that tells it.
private final class SteppedExecutor: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
    }

    func drain() {
        while let job = jobs.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}

/// The same numbers for the same seed (splitmix64, prng.di.unimi.it).
private struct Dice: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
