import Wire

/// The anti-replay nonces of one server that are still to be used (RFC 8555 §6.5), oldest first, and the requests that wait for one.
///
/// Every answer brings a nonce, so a server needs to be asked for no more of them than requests are in flight at once. Past
/// `freeRequests` a request waits a little for an answer to bring one.
struct NoncePool: Sendable {
    /// What becomes of a request that needs a nonce. Each but `cancelled` is one more in flight, until `returned`.
    enum Turn: Sendable, Hashable {
        case use(String)
        /// None is left: a new one must be fetched.
        case fetch
        case cancelled
    }

    struct Handover: Sendable, Equatable {
        var waiter: UInt64
        var turn: Turn
    }

    /// Every answer brings one nonce, so the pool never needs more than the requests in flight.
    static let limit = 128
    /// Servers forget nonces; one this old is likelier refused than fresh.
    static let maximumAge = Duration.seconds(300)
    /// So many requests fly at once without waiting for each other's nonces.
    static let freeRequests = 16
    /// How long a request waits for another's nonce before it fetches its own.
    static let patience = Duration.milliseconds(500)
    /// Nonces of the pool that are refused in a row before the others are thrown away: a server may refuse one by chance.
    static let refusalLimit = 3

    private var nonces: [(text: String, receivedAt: Timestamp)] = []
    private var inFlight = 0
    private var waiters: [UInt64] = []
    private var nextWaiter: UInt64 = 0
    private var refusedInARow = 0

    var count: Int { nonces.count }

    /// A request needs a nonce; nil when it is to wait as `waiter`.
    mutating func asked(at time: Timestamp) -> (turn: Turn?, waiter: UInt64) {
        if let nonce = take(at: time) { return (depart(.use(nonce)), 0) }
        if inFlight < NoncePool.freeRequests { return (depart(.fetch), 0) }
        nextWaiter += 1
        waiters.append(nextWaiter)
        return (nil, nextWaiter)
    }

    /// A request is over; its last answer, if there was one, brought `nonce`. One with characters outside the base64url
    /// alphabet is ignored (RFC 8555 §6.5.1).
    mutating func returned(_ nonce: String?, at time: Timestamp) -> Handover? {
        inFlight -= 1
        guard let nonce, NoncePool.isLegal(nonce) else {
            guard inFlight < NoncePool.freeRequests, !waiters.isEmpty else { return nil }
            return Handover(waiter: waiters.removeFirst(), turn: depart(.fetch))
        }
        if !waiters.isEmpty { return Handover(waiter: waiters.removeFirst(), turn: depart(.use(nonce))) }
        if nonces.count >= NoncePool.limit { nonces.removeFirst() }
        nonces.append((nonce, time))
        return nil
    }

    /// The waiter's patience is over, or its task is cancelled; nil when it has its turn already.
    mutating func gaveUp(_ waiter: UInt64, isCancelled: Bool) -> Turn? {
        guard let index = waiters.firstIndex(of: waiter) else { return nil }
        waiters.remove(at: index)
        return isCancelled ? .cancelled : depart(.fetch)
    }

    /// A nonce of the pool was accepted, or refused. Several refused in a row: the server has lost them all.
    mutating func judged(isAccepted: Bool) {
        refusedInARow = isAccepted ? 0 : refusedInARow + 1
        guard refusedInARow >= NoncePool.refusalLimit else { return }
        refusedInARow = 0
        nonces.removeAll()
    }

    private mutating func depart(_ turn: Turn) -> Turn {
        inFlight += 1
        return turn
    }

    /// A nonce, which is then used whatever becomes of the request.
    private mutating func take(at time: Timestamp) -> String? {
        if let firstFresh = nonces.firstIndex(where: { $0.receivedAt + NoncePool.maximumAge >= time }) {
            nonces.removeFirst(firstFresh)
            return nonces.removeFirst().text
        }
        nonces.removeAll()
        return nil
    }

    static func isLegal(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 1024 && text.utf8.allSatisfy(isBase64URL)
    }
}

/// Whether the byte is in the base64url alphabet, without the padding character (RFC 4648 §5).
func isBase64URL(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"): true
    default: false
    }
}
