import HTTPTransport
import HTTPTypes

/// What a caller of an exchange can wait for.
enum TransferGoal: Equatable {
    case head, chunk, response
}

/// What it is then given.
enum TransferDelivery: Equatable {
    case head(ResponseHead)
    case chunk([UInt8])
    case endOfBody
    case response(Response)
}

/// What is known of one exchange: libcurl's callbacks feed it on one side, the caller's waiting on the other.
///
/// `Waiter` is whoever waits for the next thing, one at a time. Every method answers with what to do next.
struct TransferMachine<Waiter> {
    enum State {
        /// No final head yet. Leaves to `receiving` when it is whole, to `ended` on any failure.
        case awaitingHead
        /// The head is known, body bytes arrive. Leaves to `ended` when libcurl is done or something fails.
        case receiving(ResponseHead)
        /// Nothing more arrives; nil where the body is whole. Never left.
        case ended(ResponseHead?, TransportError?)
    }

    /// What the shell does next.
    struct Step {
        var resume: (waiter: Waiter, with: Result<TransferDelivery, TransportError>)?
        var verdict = Verdict.goOn
    }

    /// What becomes of libcurl's work on the transfer.
    enum Verdict {
        case goOn
        /// These bytes were not taken, and nothing more is to be read until ``mustGoOn()`` says so; then they come again.
        case hold
        case abort
    }

    private(set) var state = State.awaitingHead
    private let isStream: Bool
    private let hasNoBody: Bool
    private let endsAtHandshake: Bool
    private let bodyLimit: Int
    private let readAhead: Int?
    /// The connection is left unread because too much waits for the reader.
    private var isHeld = false
    private var head: HeadParser
    private var unread: [UInt8] = []
    private var received = 0
    private var peerCertificates: [String] = []
    private var waiting: (waiter: Waiter, goal: TransferGoal)?

    init(_ request: TransportRequest, isStream: Bool) {
        self.isStream = isStream
        hasNoBody = request.method == .head
        endsAtHandshake = request.endsAtHandshake
        bodyLimit = request.bodyLimit
        readAhead = isStream ? request.readAhead : nil
        head = HeadParser(url: request.url, followsRedirects: request.redirects != .refuse)
    }

    var isEnded: Bool {
        if case .ended = state { true } else { false }
    }
}

// MARK: - What libcurl says

extension TransferMachine {
    mutating func headerLineArrived(_ line: String) -> Step {
        switch state {
        case .ended: return Step(verdict: .abort)
        case .receiving: return Step()  // a trailer
        case .awaitingHead: break
        }
        do throws(TransportError) {
            guard let whole = try head.take(line) else { return Step() }
            state = .receiving(whole)
            if !isStream, let length = head.contentLength { unread.reserveCapacity(min(length, bodyLimit, 1 << 20)) }
            return serve()
        } catch {
            return fail(error)
        }
    }

    mutating func bytesArrived(_ bytes: [UInt8]) -> Step {
        switch state {
        case .ended: return Step(verdict: .abort)
        case .awaitingHead: return fail(.garbage("a body came before the head"))
        case .receiving: break
        }
        guard bytes.count <= bodyLimit - unread.count else { return fail(.tooLarge(limit: bodyLimit)) }
        if let readAhead, !unread.isEmpty, bytes.count > readAhead - unread.count {
            isHeld = true
            return Step(verdict: .hold)
        }
        if unread.isEmpty, unread.capacity < bytes.count { unread = bytes } else { unread += bytes }
        received += bytes.count
        return serve()
    }

    /// libcurl is done with the transfer; `url` is the last one it asked.
    mutating func finished(
        _ failure: TransportError?, url: String? = nil, peerCertificates: [String] = []
    ) -> Step {
        self.peerCertificates = peerCertificates
        switch state {
        case .ended: return Step()
        case .awaitingHead:
            guard failure == nil, endsAtHandshake else {
                return fail(failure ?? .garbage("the answer ended inside its head"))
            }
            state = .ended(ResponseHead(status: .init(code: 0)), nil)
            return serve()
        case .receiving(var whole):
            if let problem = failure ?? framingProblem(whole) { return fail(problem, keepingUnread: isStream) }
            if let url { whole = ResponseHead(status: whole.status, headers: whole.headers, url: url) }
            state = .ended(whole, nil)
            return serve()
        }
    }

    /// libcurl 7.88 takes some aborted bodies for whole ones, so that a body counts only when its frame says so.
    /// A body that ends with the connection and nothing else has no such frame and is refused, which is stricter than
    /// RFC 9112 §8.
    private func framingProblem(_ whole: ResponseHead) -> TransportError? {
        if hasNoBody || whole.status.code == 204 || whole.status.code == 304 { return nil }
        if head.isChunked { return nil }
        if let length = head.contentLength {
            return received == length ? nil : .truncated("\(received) bytes of \(length)")
        }
        return head.framesBodies ? nil : .truncated("no length and no chunks say where it ends")
    }
}

// MARK: - What the caller says

extension TransferMachine {
    mutating func waits(_ waiter: Waiter, for goal: TransferGoal) -> Step {
        guard waiting == nil else {
            return Step(resume: (waiter, .failure(.other("the body has two readers"))))
        }
        waiting = (waiter, goal)
        return serve()
    }

    /// Whether a held transfer is to be read again, now that the reader has taken what waited.
    mutating func mustGoOn() -> Bool {
        guard isHeld, unread.isEmpty else { return false }
        isHeld = false
        return !isEnded
    }

    /// The caller has gone, or the engine gives up: whoever waits learns why.
    mutating func stopped(_ reason: TransportError) -> Step {
        if isEnded { return Step() }
        return fail(reason)
    }

    /// A stream's reader still gets what came before its end.
    private mutating func fail(_ reason: TransportError, keepingUnread: Bool = false) -> Step {
        state = .ended(nil, reason)
        if !keepingUnread { unread = [] }
        var step = serve()
        step.verdict = .abort
        return step
    }

    /// Hands the waiter what it waits for, once that is there.
    private mutating func serve() -> Step {
        guard let (waiter, goal) = waiting, let result = result(for: goal) else { return Step() }
        waiting = nil
        return Step(resume: (waiter, result))
    }

    private mutating func result(for goal: TransferGoal) -> Result<TransferDelivery, TransportError>? {
        switch (state, goal) {
        case (.receiving, .chunk) where !unread.isEmpty, (.ended, .chunk) where !unread.isEmpty:
            return .success(.chunk(takeUnread()))
        case (.ended(_, let failure?), _): return .failure(failure)
        case (.awaitingHead, _), (.receiving, .response): return nil
        case (.receiving(let whole), .head), (.ended(let whole?, nil), .head): return .success(.head(whole))
        case (.ended(let whole?, nil), .response):
            var response = Response(head: whole, body: takeUnread())
            response.peerCertificates = peerCertificates
            return .success(.response(response))
        case (.receiving, .chunk): return nil
        case (.ended, .chunk): return .success(.endOfBody)
        case (.ended(nil, nil), _): preconditionFailure("ended with neither head nor failure")
        }
    }

    private mutating func takeUnread() -> [UInt8] {
        defer { unread = [] }
        return unread
    }
}
