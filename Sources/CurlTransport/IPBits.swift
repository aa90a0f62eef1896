import Glibc

/// An IP address as the bytes it stands for.
struct IPBits: Sendable, Equatable {
    let bytes: [UInt8]

    init?(_ text: String) {
        var v4 = in_addr()
        var v6 = in6_addr()
        if unsafe inet_pton(AF_INET, text, &v4) == 1 {
            bytes = unsafe withUnsafeBytes(of: &v4) { unsafe Array($0) }
        } else if unsafe inet_pton(AF_INET6, text, &v6) == 1 {
            bytes = unsafe withUnsafeBytes(of: &v6) { unsafe Array($0) }
        } else {
            return nil
        }
    }

    var isLoopback: Bool {
        bytes.count == 4 ? bytes[0] == 127 : bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1
    }

    func shares(prefix: Int, with other: IPBits) -> Bool {
        guard bytes.count == other.bytes.count else { return false }
        let whole = prefix / 8
        guard bytes[..<whole] == other.bytes[..<whole] else { return false }
        let mask = ~(UInt8.max >> UInt8(prefix % 8))
        return prefix % 8 == 0 || bytes[whole] & mask == other.bytes[whole] & mask
    }
}
