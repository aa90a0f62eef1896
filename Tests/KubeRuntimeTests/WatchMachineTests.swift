import Testing

@testable import KubeRuntime

@Suite("WatchMachine")
struct WatchMachineTests {
    func machine() -> WatchMachine {
        WatchMachine(
            backoff: Backoff(minimum: .seconds(1), maximum: .seconds(20), spread: 0), jitter: Jitter(seed: 3))
    }
    /// A machine that watches from version 10.
    func watching() -> WatchMachine {
        var machine = machine()
        _ = machine.started()
        _ = machine.pageArrived(version: "10", continue: nil)
        return machine
    }
    /// The version a step watches from; nil for any other step, and for a time limit out of range.
    func version(_ step: WatchMachine.Step) -> String? {
        guard case .watch(let version, let seconds) = step, (270..<330).contains(seconds) else { return nil }
        return version
    }

    @Test("lists page by page, then watches from the list's version")
    func listsThenWatches() {
        var machine = machine()
        #expect(machine.started() == .list(continue: nil))
        #expect(machine.pageArrived(version: "10", continue: "t1") == .list(continue: "t1"))
        #expect(machine.pageArrived(version: "10", continue: "t2") == .list(continue: "t2"))
        #expect(version(machine.pageArrived(version: "10", continue: "")) == "10")
    }

    @Test("goes on at the last version, at once when the watch was a good one")
    func resumes() {
        var machine = watching()
        machine.eventArrived(version: "12")
        #expect(version(machine.watchEnded(nil, lasted: .seconds(300))) == "12")
        #expect(version(machine.watchEnded(.unreachable, lasted: .seconds(2))) == "12")
    }

    @Test("a watch cut at once is opened again after a pause, although events came")
    func cutAtOnce() {
        var machine = watching()
        for version in 11..<20 {
            machine.eventArrived(version: "\(version)")
            #expect(machine.watchEnded(.unreachable, lasted: .milliseconds(20)) == .wait(.seconds(1)))
            #expect(self.version(machine.waited()) == "\(version)")
        }
    }

    @Test("a server that is away is asked less and less often, and the version is kept")
    func unreachable() {
        var machine = watching()
        var waits: [Duration] = []
        for _ in 0..<7 {
            guard case .wait(let delay) = machine.watchEnded(.unreachable, lasted: .zero) else { break }
            waits.append(delay)
            #expect(version(machine.waited()) == "10")
        }
        #expect(waits == [1, 2, 4, 8, 16, 20, 20].map { .seconds($0) })
        machine.eventArrived(version: "11")
        #expect(version(machine.watchEnded(.unreachable, lasted: .seconds(1))) == "11")
    }

    @Test("410 lists again: at once after a good watch, after a pause when nothing came")
    func gone() {
        var machine = watching()
        machine.eventArrived(version: "11")
        #expect(machine.watchEnded(.gone, lasted: .milliseconds(1)) == .list(continue: nil))
        _ = machine.pageArrived(version: "20", continue: nil)
        #expect(machine.watchEnded(.gone, lasted: .zero) == .wait(.seconds(1)))
        #expect(machine.waited() == .list(continue: nil))
        _ = machine.pageArrived(version: "20", continue: nil)
        #expect(machine.watchEnded(.gone, lasted: .zero) == .wait(.seconds(2)), "lists do not storm")
    }

    @Test("a token that expired begins the list again")
    func expiredToken() {
        var machine = machine()
        _ = machine.started()
        _ = machine.pageArrived(version: "10", continue: "t")
        #expect(machine.listFailed(.gone) == .list(continue: nil))
        _ = machine.pageArrived(version: "11", continue: "t")
        #expect(machine.listFailed(.gone) == .wait(.seconds(2)))
        #expect(machine.waited() == .list(continue: nil))
    }

    @Test("a page that fails is asked for again, not the whole list")
    func pageFails() {
        var machine = machine()
        _ = machine.started()
        _ = machine.pageArrived(version: "10", continue: "t")
        #expect(machine.listFailed(.unreachable) == .wait(.seconds(1)))
        #expect(machine.waited() == .list(continue: "t"))
    }

    @Test("Retry-After is obeyed when it is longer than the back-off")
    func throttled() {
        var machine = watching()
        #expect(machine.watchEnded(.throttled(retryAfter: .seconds(7)), lasted: .zero) == .wait(.seconds(7)))
        #expect(version(machine.waited()) == "10")
        #expect(machine.watchEnded(.throttled(retryAfter: nil), lasted: .zero) == .wait(.seconds(2)))
        #expect(version(machine.waited()) == "10")
    }

    @Test("a version that the server keeps refusing is given up for a new list")
    func refused() {
        var machine = watching()
        #expect(machine.watchEnded(.refused, lasted: .zero) == .wait(.seconds(1)))
        #expect(version(machine.waited()) == "10")
        #expect(machine.watchEnded(.refused, lasted: .zero) == .wait(.seconds(2)))
        #expect(version(machine.waited()) == "10")
        #expect(machine.watchEnded(.refused, lasted: .zero) == .wait(.seconds(4)))
        #expect(machine.waited() == .list(continue: nil))
    }

    @Test("whatever happens, it makes at most one request a second on average", arguments: 0..<20)
    func neverStorms(seed: Int) {
        var random = Jitter(seed: UInt64(seed))
        var machine = machine()
        var step = machine.started()
        var requests = 0
        var elapsed = Duration.zero
        let failures: [WatchMachine.Failure] = [.gone, .throttled(retryAfter: nil), .refused, .unreachable]
        for _ in 0..<400 {
            switch step {
            case .list:
                requests += 1
                step =
                    Bool.random(using: &random)
                    ? machine.pageArrived(version: "\(requests)", continue: nil)
                    : machine.listFailed(failures.randomElement(using: &random) ?? .gone)
            case .watch:
                requests += 1
                let lasted = Duration.milliseconds(Int.random(in: 0...400, using: &random))
                elapsed += lasted
                step = machine.watchEnded(
                    Bool.random(using: &random) ? nil : failures.randomElement(using: &random), lasted: lasted)
            case .wait(let delay):
                elapsed += delay
                step = machine.waited()
            }
        }
        #expect(.seconds(requests / 3) < elapsed, "\(requests) requests in \(elapsed)")
    }
}
