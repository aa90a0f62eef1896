import HTTPTransport
import Synchronization

/// One exchange as its caller and the engine share it.
final class Transfer: Sendable {
    typealias Machine = TransferMachine<CheckedContinuation<Result<TransferDelivery, TransportError>, Never>>

    let request: TransportRequest
    let address: HTTPAddress
    /// When the caller's patience ends; counted from the call, so that waiting in a lane counts too.
    let deadline: ContinuousClock.Instant?
    let isStream: Bool
    private let machine: Mutex<Machine>

    init(
        _ request: TransportRequest, isStream: Bool, now: ContinuousClock.Instant
    ) throws(TransportError) {
        guard let address = HTTPAddress(url: request.url) else { throw .url("not a plain http or https URL") }
        self.request = request
        self.address = address
        self.isStream = isStream
        deadline = request.deadline.map { now + $0 }
        machine = Mutex(Machine(request, isStream: isStream))
    }

    /// Waits for `goal`. The engine, or ``stop(_:)``, is certain to end the waiting.
    func wait(for goal: TransferGoal) async throws(TransportError) -> TransferDelivery {
        try await withCheckedContinuation { continuation in
            apply { $0.waits(continuation, for: goal) }
        }.get()
    }

    /// Lets `event` happen, then does outside of the lock what the machine answers, but for the verdict.
    @discardableResult
    func apply(_ event: @Sendable (inout Machine) -> Machine.Step) -> Machine.Verdict {
        let step = machine.withLock { event(&$0) }
        if let (waiter, result) = step.resume { waiter.resume(returning: result) }
        return step.verdict
    }

    /// Asked by the reader after each chunk: true when the engine is to be told to read on.
    func mustGoOn() -> Bool {
        machine.withLock { $0.mustGoOn() }
    }

    /// True when this call is what ended the transfer.
    @discardableResult
    func stop(_ reason: TransportError) -> Bool {
        apply { $0.stopped(reason) } == .abort
    }
}

extension Transfer {
    func head() async throws(TransportError) -> ResponseHead {
        guard case .head(let head) = try await wait(for: .head) else { preconditionFailure("head expected") }
        return head
    }

    func response() async throws(TransportError) -> Response {
        guard case .response(let whole) = try await wait(for: .response) else {
            preconditionFailure("response expected")
        }
        return whole
    }

    func nextChunk() async throws(TransportError) -> [UInt8]? {
        switch try await wait(for: .chunk) {
        case .chunk(let bytes): return bytes
        case .endOfBody: return nil
        case .head, .response: preconditionFailure("chunk expected")
        }
    }
}
