import Synchronization

/// Gives equal object keys one shared `String`, so that thousands of cached objects do not each own their key texts.
/// A fixed number of places, each remembering the last key that fell on it: bounded however many keys are seen.
final class KeyTable: Sendable {
    static let shared = KeyTable()
    private static let places = 4096
    private let keys = Mutex([String](repeating: "", count: places))

    func key(_ bytes: ArraySlice<UInt8>) -> String {
        guard bytes.count <= 128 else { return String(decoding: bytes, as: UTF8.self) }
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325  // FNV-1a
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let place = Int(truncatingIfNeeded: (hash ^ hash >> 32) & UInt64(Self.places - 1))
        return keys.withLock { keys in
            if keys[place].utf8.count == bytes.count, keys[place].utf8.elementsEqual(bytes) { return keys[place] }
            keys[place] = String(decoding: bytes, as: UTF8.self)
            return keys[place]
        }
    }
}
