import HTTPTypes

/// The conversation on one connection, one request at a time. Every method answers with what to do next.
struct ConnectionMachine {
    enum State: Equatable {
        /// A request may arrive. Leaves to `receiving` on a head, to `closed`.
        case idle
        /// A head came; its body follows. Leaves to `answering` at its end, to `refused` when it is too long.
        case receiving(ServerRequest, keepAlive: Bool)
        /// The handler works. Leaves to `idle` or `closed` when its answer is there to be written.
        case answering(keepAlive: Bool)
        /// An error was answered and the rest of the request is thrown away. Leaves to `closed`.
        case refused
        /// Nothing more happens. Never left.
        case closed
    }

    enum Action: Equatable {
        case none
        /// Hand the request over; ``answered()`` is called with its answer.
        case handle(ServerRequest)
        /// Write this answer, then close.
        case refuse(HTTPResponse.Status)
        /// Write this answer; `close` follows once the client has sent the rest, or at the latest after a moment,
        /// because a connection closed over unread bytes is reset, and the answer lost with it.
        case refuseAndDrain(HTTPResponse.Status)
        case close
    }

    private(set) var state = State.idle
    private let bodyLimit: Int
    private var isStopping = false

    init(bodyLimit: Int) {
        self.bodyLimit = bodyLimit
    }

    /// Whether the current request's answer is to say that the connection stays.
    var keepsAlive: Bool {
        if case .answering(true) = state { !isStopping } else { false }
    }

    mutating func headArrived(_ request: ServerRequest, keepAlive: Bool, announcedLength: Int?) -> Action {
        switch state {
        case .refused, .closed: return .none
        case .receiving, .answering: preconditionFailure("a head inside a request: \(state)")
        case .idle: break
        }
        if let announcedLength, announcedLength > bodyLimit { return refuse(.contentTooLarge, drain: true) }
        state = .receiving(request, keepAlive: keepAlive)
        return .none
    }

    mutating func bodyArrived(_ bytes: some Collection<UInt8>) -> Action {
        guard case .receiving(var request, let keepAlive) = state else { return .none }
        guard request.body.count + bytes.count <= bodyLimit else { return refuse(.contentTooLarge, drain: true) }
        state = .idle  // so that the body is not copied
        request.body.append(contentsOf: bytes)
        state = .receiving(request, keepAlive: keepAlive)
        return .none
    }

    mutating func endArrived() -> Action {
        switch state {
        case .receiving(let request, let keepAlive):
            state = .answering(keepAlive: keepAlive)
            return .handle(request)
        case .refused:
            state = .closed
            return .close
        case .closed: return .none
        case .idle, .answering: preconditionFailure("an end without a head: \(state)")
        }
    }

    /// The handler's answer is about to be written: NIO hands over the next request from within that write.
    mutating func answered() -> Action {
        switch state {
        case .answering(let keepAlive):
            state = keepAlive && !isStopping ? .idle : .closed
            return state == .closed ? .close : .none
        case .idle, .receiving, .refused, .closed: return .none
        }
    }

    /// The client took too long.
    mutating func timedOut() -> Action {
        switch state {
        case .receiving: return refuse(.requestTimeout)
        case .idle, .refused, .answering:
            state = .closed
            return .close
        case .closed: return .none
        }
    }

    mutating func receivedGarbage() -> Action {
        switch state {
        case .idle, .receiving: return refuse(.badRequest)
        case .answering, .refused, .closed:
            state = .closed
            return .close
        }
    }

    /// The server stops: what is under way is still answered.
    mutating func stopping() -> Action {
        isStopping = true
        guard case .idle = state else { return .none }
        state = .closed
        return .close
    }

    mutating func connectionClosed() {
        state = .closed
    }

    private mutating func refuse(_ status: HTTPResponse.Status, drain: Bool = false) -> Action {
        state = .refused
        return drain ? .refuseAndDrain(status) : .refuse(status)
    }
}
