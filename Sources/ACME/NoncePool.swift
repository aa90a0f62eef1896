import Wire

/// The anti-replay nonces of one server that are still to be used (RFC 8555 §6.5), oldest first.
struct NoncePool: Sendable {
    /// Every answer brings one nonce, so the pool never needs more than the requests in flight.
    static let limit = 128
    /// Servers forget nonces; one this old is likelier refused than fresh.
    static let maximumAge = Duration.seconds(300)

    private var nonces: [(text: String, receivedAt: Timestamp)] = []

    var count: Int { nonces.count }

    /// A nonce came with an answer. One with characters outside the base64url alphabet is ignored (RFC 8555 §6.5.1).
    mutating func received(_ text: String, at time: Timestamp) {
        guard NoncePool.isLegal(text) else { return }
        if nonces.count >= NoncePool.limit { nonces.removeFirst() }
        nonces.append((text, time))
    }

    /// Hands out a nonce, which is then used whatever becomes of the request; nil when a new one must be fetched.
    mutating func take(at time: Timestamp) -> String? {
        if let firstFresh = nonces.firstIndex(where: { $0.receivedAt + NoncePool.maximumAge >= time }) {
            nonces.removeFirst(firstFresh)
            return nonces.removeFirst().text
        }
        nonces.removeAll()
        return nil
    }

    /// One request was refused twice in a row for its nonce: the server has lost more than one of them.
    mutating func lostTrust() {
        nonces.removeAll()
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
