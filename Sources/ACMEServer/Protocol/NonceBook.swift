package import PKI
import Wire

/// Gives out nonces, and takes each of them once (RFC 8555 §6.5), in memory that does not grow.
///
/// A nonce is a number that counts up, masked and authenticated with keys that this process made at its start. So one
/// bit for each of the last ``window`` numbers is all there is to remember; older ones are refused unseen. A nonce of
/// another replica, or of before a restart, fails its check: the refusal carries a good one, and clients try again with
/// it (RFC 8555 §6.5). A nonce is thus taken at most once by all replicas together.
package struct NonceBook: Sendable {
    /// How many nonces may be unused at a time; also the bits that are kept.
    package static let window: UInt64 = 1 << 16

    private let maskKey: [UInt8]
    private let tagKey: [UInt8]
    private var next: UInt64 = 0
    private var isUsed = [Bool](repeating: false, count: Int(Self.window))

    package init(maskKey: [UInt8] = SecureRandom.bytes(32), tagKey: [UInt8] = SecureRandom.bytes(32)) {
        self.maskKey = maskKey
        self.tagKey = tagKey
    }

    /// A nonce that nobody had before.
    package mutating func issue() throws(PKIError) -> String {
        let number = next
        let tag = try tag(of: number)
        let masked = number ^ (try mask(tag))
        next += 1
        isUsed[Int(number % Self.window)] = false
        return Base64.encodeURL(masked.octets + tag)
    }

    /// Whether it is one of ours that was not used; from now on it is.
    package mutating func use(_ nonce: String) -> Bool {
        guard let octets = Base64.decodeURL(nonce), octets.count == 24 else { return false }
        let tag = Array(octets[8...])
        // Without an HMAC nothing can be told from a forgery.
        guard let mask = try? mask(tag) else { return false }
        let number = UInt64(octets: octets[..<8]) ^ mask
        guard number < next, next - number <= Self.window, let expected = try? self.tag(of: number),
            constantTimeEqual(expected, tag), !isUsed[Int(number % Self.window)]
        else { return false }
        isUsed[Int(number % Self.window)] = true
        return true
    }

    private func tag(of number: UInt64) throws(PKIError) -> [UInt8] {
        Array(try HMAC.sha256.authenticate(number.octets, key: tagKey)[..<16])
    }

    private func mask(_ tag: [UInt8]) throws(PKIError) -> UInt64 {
        UInt64(octets: try HMAC.sha256.authenticate(tag, key: maskKey)[..<8])
    }
}

extension UInt64 {
    fileprivate var octets: [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: self >> (56 - 8 * UInt64($0))) } }

    /// Big-endian; at most eight octets.
    fileprivate init(octets: ArraySlice<UInt8>) { self = octets.reduce(0) { $0 << 8 | UInt64($1) } }
}
