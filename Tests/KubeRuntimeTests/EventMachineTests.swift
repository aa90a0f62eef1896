import KubeModel
import Testing
import Wire

@testable import KubeRuntime

@Suite("EventMachine")
struct EventMachineTests {
    typealias Note = EventMachine.Note
    let start = Timestamp(secondsSince1970: 1_000)

    func note(_ message: String = "Done", on name: String = "web", reason: String = "Issued") -> Note {
        Note(
            kind: .normal, reason: reason, message: message,
            object: ObjectReference(
                apiVersion: "cert-manager.io/v1", kind: "Certificate", namespace: "ns", name: name, uid: "u-\(name)"),
            component: "cert-manager-certificates")
    }
    func sent(_ step: EventMachine.Step) -> (request: EventMachine.Request, ticket: UInt64)? {
        guard case .send(let request, let ticket) = step else { return nil }
        return (request, ticket)
    }
    func at(_ seconds: Int) -> Timestamp { start + .seconds(seconds) }

    @Test("creates an Event, and counts on the same one when it happens again")
    func countsOn() throws {
        var events = EventMachine()
        #expect(events.recorded(note(), now: at(0), elapsed: .zero) == .queued)
        let create = try #require(sent(events.next(elapsed: .zero, isBusy: false)))
        guard case .create(let note, let series, let name) = create.request else { throw Unexpected() }
        #expect(note == self.note())
        #expect(series == .init(first: at(0), last: at(0), count: 1))
        #expect(name.hasPrefix("web.") && name.count == 20)
        #expect(events.next(elapsed: .zero, isBusy: false) == .wait(nil))
        #expect(events.finished(create.ticket, .written, now: at(0), elapsed: .zero) == false)
        #expect(events.isEmpty)

        #expect(events.recorded(self.note(), now: at(9), elapsed: .seconds(9)) == .queued)
        #expect(events.recorded(self.note(), now: at(10), elapsed: .seconds(10)) == .merged)
        let bump = try #require(sent(events.next(elapsed: .seconds(10), isBusy: false)))
        #expect(bump.request == .bump(note, .init(first: at(0), last: at(10), count: 3), name: name))
    }

    @Test("what happens again while its Event is under way is counted afterwards")
    func duringFlight() throws {
        var events = EventMachine()
        _ = events.recorded(note(), now: at(0), elapsed: .zero)
        let create = try #require(sent(events.next(elapsed: .zero, isBusy: false)))
        #expect(events.recorded(note(), now: at(1), elapsed: .zero) == .merged)
        #expect(events.next(elapsed: .zero, isBusy: false) == .wait(nil))
        _ = events.finished(create.ticket, .written, now: at(1), elapsed: .zero)
        let bump = try #require(sent(events.next(elapsed: .zero, isBusy: false)))
        guard case .bump(_, let series, _) = bump.request else { throw Unexpected() }
        #expect(series == .init(first: at(0), last: at(1), count: 2))
    }

    @Test("an Event that has expired is created anew under another name")
    func expired() throws {
        var events = EventMachine()
        _ = events.recorded(note(), now: at(0), elapsed: .zero)
        let create = try #require(sent(events.next(elapsed: .zero, isBusy: false)))
        guard case .create(_, _, let name) = create.request else { throw Unexpected() }
        _ = events.finished(create.ticket, .written, now: at(0), elapsed: .zero)
        _ = events.recorded(note(), now: at(4000), elapsed: .zero)
        let bump = try #require(sent(events.next(elapsed: .zero, isBusy: false)))
        #expect(events.finished(bump.ticket, .missing, now: at(4000), elapsed: .zero) == false)
        let again = try #require(sent(events.next(elapsed: .zero, isBusy: false)))
        guard case .create(_, let series, let newName) = again.request else { throw Unexpected() }
        #expect(series == .init(first: at(4000), last: at(4000), count: 1))
        #expect(newName != name)
    }

    @Test("a create without an answer is tried again under the same name, after a pause, and not for ever")
    func retries() throws {
        var events = EventMachine()
        _ = events.recorded(note(), now: at(0), elapsed: .zero)
        var names: Set<String> = []
        var elapsed = Duration.zero
        for attempt in 1...5 {
            let create = try #require(sent(events.next(elapsed: elapsed, isBusy: false)))
            guard case .create(_, _, let name) = create.request else { throw Unexpected() }
            names.insert(name)
            let isGivenUp = events.finished(create.ticket, .failed, now: at(0), elapsed: elapsed)
            #expect(isGivenUp == (attempt == 5))
            guard attempt < 5 else { break }
            guard case .wait(let pause?) = events.next(elapsed: elapsed, isBusy: false) else { throw Unexpected() }
            #expect(pause == .seconds(1 << (attempt - 1)))
            elapsed += pause
        }
        #expect(names.count == 1)
        #expect(events.isEmpty)
    }

    @Test("one object gets 25 events at once and then one in five minutes; others are not affected")
    func limited() {
        var events = EventMachine()
        let first = (0..<30).map { events.recorded(note("\($0)"), now: at(0), elapsed: .zero) }
        #expect(first.count { $0 == .queued } == 25)
        #expect(first.count { $0 == .limited } == 5)
        #expect(events.recorded(note("x", on: "other"), now: at(0), elapsed: .zero) == .queued)
        #expect(events.recorded(note("later"), now: at(299), elapsed: .seconds(299)) == .limited)
        #expect(events.recorded(note("later"), now: at(301), elapsed: .seconds(301)) == .queued)
        #expect(events.recorded(note("latest"), now: at(302), elapsed: .seconds(302)) == .limited)
    }

    @Test("waits while the controller is busy, but not for ever, and not at the end")
    func holds() throws {
        var events = EventMachine()
        _ = events.recorded(note("a"), now: at(0), elapsed: .zero)
        _ = events.recorded(note("b"), now: at(0), elapsed: .zero)
        #expect(events.next(elapsed: .seconds(59), isBusy: true) == .wait(.milliseconds(200)))
        let late = try #require(sent(events.next(elapsed: .seconds(60), isBusy: true)))
        #expect(events.next(elapsed: .seconds(60), isBusy: true) == .wait(nil), "one at a time while busy")
        #expect(sent(events.next(elapsed: .seconds(60), isBusy: true, isEnding: true)) != nil)
        _ = events.finished(late.ticket, .written, now: at(60), elapsed: .seconds(60))
    }

    @Test("a full queue gives up its oldest")
    func displaces() throws {
        var limits = EventMachine.Limits()
        limits.queue = 3
        var events = EventMachine(limits: limits)
        for name in ["a", "b", "c"] { #expect(events.recorded(note(on: name), now: at(0), elapsed: .zero) == .queued) }
        #expect(events.recorded(note(on: "d"), now: at(0), elapsed: .zero) == .displaced)
        #expect(events.queuedCount == 3)
        let next = try #require(sent(events.next(elapsed: .zero, isBusy: false)))
        guard case .create(let note, _, _) = next.request else { throw Unexpected() }
        #expect(note.object.name == "b")
    }

    @Test("its memory is bounded however many objects there are")
    func bounded() throws {
        var events = EventMachine()
        for i in 0..<20_000 {
            _ = events.recorded(note(on: "o\(i)"), now: at(0), elapsed: .zero)
            let next = try #require(sent(events.next(elapsed: .zero, isBusy: false)))
            _ = events.finished(next.ticket, .written, now: at(0), elapsed: .zero)
        }
        #expect(events.isEmpty)
        #expect(events.rememberedCount <= 2_048)
        #expect(events.sourceCount <= 4_096)
    }

    @Test("names are legal for every object", arguments: ["web", String(repeating: "a.", count: 126) + "a"])
    func names(object: String) {
        let name = Fingerprint.name(for: note(on: object), first: start)
        #expect(name.utf8.count <= 253)
        #expect(!name.contains("..") && !name.hasPrefix("."))
        #expect(name == Fingerprint.name(for: note(on: object), first: start))
        #expect(name != Fingerprint.name(for: note(on: object), first: at(1)))
    }

    struct Unexpected: Error {}
}
