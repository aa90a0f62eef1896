package import KubeClient
package import KubeModel
package import Logging
import Synchronization
package import Wire

/// Tells users what happened, as Events that `kubectl describe` shows, without ever holding up the work.
///
/// `record` only queues. What is queued is sent while nothing better is to do (`holdWhile`), a few at a time; saying
/// the same again raises a count; an object that talks too much is cut short.
package final class EventRecorder: Sendable {
    /// Says of an Event that is about to be recorded, by its kind, reason and component, whether it is left out.
    package typealias Filter = @Sendable (_ kind: Event.Kind, _ reason: String, _ component: String) -> Bool

    /// Hears of every Event, those that are left out included.
    package typealias Observer =
        @Sendable (
            _ kind: Event.Kind, _ reason: String, _ message: String, _ object: ObjectReference, _ component: String
        ) -> Void

    private struct State {
        var machine: EventMachine
        var isBusy: @Sendable () -> Bool = { false }
        var isEnding = false
        var dropped = 0
    }

    /// How many bytes of a message are kept, as the API server asks of newer Events.
    private static var messageLimit: Int { 1024 }

    private let client: KubeClient
    private let state: Mutex<State>
    private let wakeUp = Signal()
    private let time: any TimeSource
    private let flushLimit: Duration
    private let leavesOut: Filter
    private let observer: Observer?
    private let priority: TaskPriority
    private let logger: Logger
    private let sent: Counters.Counter
    private let dropped: Counters.Counter

    /// - Parameters:
    ///   - flushLimit: how long `run` goes on sending after it is cancelled.
    ///   - priority: by default below that of the work which Events tell of.
    ///   - leavesOut: which Events are not worth a request.
    ///   - observer: is called by whoever records, so it must be quick.
    package init(
        client: KubeClient, time: any TimeSource = SystemTime(), counters: Counters, logger: Logger,
        flushLimit: Duration = .seconds(5), priority: TaskPriority = .utility,
        leavesOut: @escaping Filter = { _, _, _ in false }, observer: Observer? = nil
    ) {
        self.client = client
        self.time = time
        self.flushLimit = flushLimit
        self.leavesOut = leavesOut
        self.observer = observer
        self.priority = priority
        self.logger = logger
        state = Mutex(State(machine: EventMachine()))
        sent = counters.counter(.eventSentCount, of: "events")
        dropped = counters.counter(.eventDroppedCount, of: "events")
    }

    /// Events wait while `isBusy` answers true, though never longer than a minute.
    package func holdWhile(_ isBusy: @escaping @Sendable () -> Bool) {
        state.withLock { $0.isBusy = isBusy }
    }

    /// Queues an Event. Any thread may call it; it never waits and never fails.
    package func record(
        _ kind: Event.Kind, reason: String, message: String, on object: ObjectReference, component: String
    ) {
        observer?(kind, reason, message, object, component)
        if leavesOut(kind, reason, component) { return }
        let note = EventMachine.Note(
            kind: kind, reason: reason, message: message.cut(toBytes: Self.messageLimit), object: object,
            component: component)
        let (now, elapsed) = (time.now(), time.elapsed())
        let recorded = state.withLock { $0.machine.recorded(note, now: now, elapsed: elapsed) }
        switch recorded {
        case .queued: wakeUp.raise()
        case .merged: break
        case .limited, .displaced: drop()
        }
    }

    /// Sends until cancelled, and then what is left for up to `flushLimit`. Runs once.
    package func run() async throws {
        // Awaited right below. Not a child task, so that cancelling `run` does not cancel the last events.
        let work = Task(priority: priority) { await dispatch() }
        await withTaskCancellationHandler {
            await work.value
        } onCancel: {
            state.withLock { $0.isEnding = true }
            wakeUp.raise()
        }
        if state.withLock({ $0.dropped }) > 0 { reportDropped() }
    }

    // MARK: Sending

    private func dispatch() async {
        await withDiscardingTaskGroup { group in
            var deadline: Duration?
            while true {
                let (step, isEnding, isEmpty) = next()
                if isEnding, deadline == nil { deadline = time.elapsed() + flushLimit }
                if isEnding, isEmpty { return }
                if let deadline, time.elapsed() >= deadline { return group.cancelAll() }
                switch step {
                case .send(let request, let ticket):
                    group.addTask(priority: priority) { await self.send(request, ticket) }
                case .wait(let delay):
                    let limits = [delay, deadline.map { $0 - time.elapsed() }].compactMap { $0 }
                    await wakeUp.wait(atMost: limits.min(), time: time)
                    reportDropped()
                }
            }
        }
    }

    private func next() -> (EventMachine.Step, isEnding: Bool, isEmpty: Bool) {
        let isBusy = state.withLock { $0.isBusy }()
        let elapsed = time.elapsed()
        return state.withLock { state in
            let step = state.machine.next(elapsed: elapsed, isBusy: isBusy, isEnding: state.isEnding)
            return (step, state.isEnding, state.machine.isEmpty)
        }
    }

    private func send(_ request: EventMachine.Request, _ ticket: UInt64) async {
        let result: EventMachine.Result
        do throws(KubeError) {
            try await client.sendUnread(try kubeRequest(request))
            sent.add()
            result = .written
        } catch {
            result = .init(error, of: request)
            if result == .refused { logger.debug("An Event was refused", metadata: ["error": "\(error)"]) }
        }
        let (now, elapsed) = (time.now(), time.elapsed())
        if state.withLock({ $0.machine.finished(ticket, result, now: now, elapsed: elapsed) }) { drop() }
        wakeUp.raise()
    }

    private func kubeRequest(_ request: EventMachine.Request) throws(KubeError) -> KubeRequest {
        switch request {
        case .create(let note, let series, let name): try create(note, series, name: name)
        case .bump(let note, let series, let name): bump(note, series, name: name)
        }
    }

    private func create(
        _ note: EventMachine.Note, _ series: EventMachine.Series, name: String
    ) throws(KubeError) -> KubeRequest {
        var event = Event(
            metadata: ObjectMeta(name: name, namespace: note.eventNamespace), involvedObject: note.object)
        event.reason = note.reason
        event.message = note.message
        event.type = note.kind
        event.source = Event.Source(component: note.component)
        event.reportingComponent = note.component
        event.firstTimestamp = series.first.wholeSeconds
        event.lastTimestamp = series.last.wholeSeconds
        event.count = series.count
        do {
            return .create(
                Event.resource, namespace: note.eventNamespace, try event.manifest(), fieldManager: client.fieldManager)
        } catch {
            throw .encoding("\(error)")
        }
    }

    private func bump(_ note: EventMachine.Note, _ series: EventMachine.Series, name: String) -> KubeRequest {
        .mergePatch(
            Event.resource, ObjectKey(namespace: note.eventNamespace, name: name),
            [
                "count": .integer(Int64(series.count)),
                "lastTimestamp": .string(series.last.wholeSeconds.rfc3339),
            ], fieldManager: client.fieldManager)
    }

    // MARK: Losses

    private func drop() {
        dropped.add()
        state.withLock { $0.dropped += 1 }
    }

    private func reportDropped() {
        let count = state.withLock { state in
            defer { state.dropped = 0 }
            return state.dropped
        }
        guard count > 0 else { return }
        logger.info("Some Events were left out", metadata: ["count": "\(count)"])
    }
}

extension EventMachine.Note {
    /// Events on what has no namespace live in "default", as everywhere in Kubernetes.
    var eventNamespace: String {
        guard let namespace = object.namespace, !namespace.isEmpty else { return "default" }
        return namespace
    }
}

extension EventMachine.Result {
    init(_ error: KubeError, of request: EventMachine.Request) {
        switch error {
        case .status(let status, _):
            let code = status.code ?? 0
            switch request {
            case .create where error.isAlreadyExists: self = .written  // by a try whose answer was lost
            case .bump where error.isNotFound: self = .missing
            default: self = code == 409 || code == 429 || code >= 500 ? .failed : .refused
            }
        case .transport, .credentials: self = .failed
        case .decoding: self = .written  // the server accepted it; its answer says nothing we need
        case .encoding, .fenced, .cancelled: self = .refused
        }
    }
}

extension String {
    /// The longest beginning that has at most `limit` bytes of UTF-8 and ends with a whole character; "…" marks a cut.
    func cut(toBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var text = ""
        var bytes = 0
        for character in self {
            bytes += character.utf8.count
            if bytes > limit - "…".utf8.count { break }
            text.append(character)
        }
        return text + "…"
    }
}
