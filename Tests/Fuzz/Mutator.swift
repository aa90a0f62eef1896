/// Makes inputs from inputs. The same seed and number give the same input on every machine.
struct Mutator {
    /// Longer inputs find nothing that shorter ones do not, and cost time.
    static let longest = 16_384

    let parents: [[UInt8]]
    let dictionary: [[UInt8]]
    let seed: UInt64

    func input(_ number: Int) -> [UInt8] {
        if number < parents.count { return parents[number] }
        var random = SplitMix64(state: seed &+ UInt64(number) &* 0x9E37_79B9_7F4A_7C15)
        var bytes = parents.randomElement(using: &random) ?? []
        for _ in 0..<Int.random(in: 1...4, using: &random) { mutate(&bytes, &random) }
        return bytes.count > Self.longest ? Array(bytes.prefix(Self.longest)) : bytes
    }

    private func mutate(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
        let place = Int.random(in: 0...bytes.count, using: &random)
        switch Int.random(in: 0..<9, using: &random) {
        case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1 where place < bytes.count: bytes[place] = Self.interesting.randomElement(using: &random) ?? 0
        case 2: bytes.removeSubrange(place...)
        case 3: bytes.removeSubrange(span(in: bytes, from: place, &random))
        case 4: bytes.insert(contentsOf: bytes[span(in: bytes, from: place, &random)], at: place)
        case 5: bytes.insert(contentsOf: dictionary.randomElement(using: &random) ?? [0xFF], at: place)
        case 6:
            let other = parents.randomElement(using: &random) ?? []
            bytes = Array(bytes[..<place]) + other[Int.random(in: 0...other.count, using: &random)...]
        case 7:
            let word = dictionary.randomElement(using: &random) ?? [0x80]
            bytes.replaceSubrange(place..<min(place + word.count, bytes.count), with: word)
        default: lengthen(&bytes, at: place, &random)
        }
    }

    /// A byte that looks like a length is made one of another size: what binary formats are weakest at.
    private func lengthen(_ bytes: inout [UInt8], at place: Int, _ random: inout SplitMix64) {
        guard place < bytes.count else { return bytes.append(UInt8.random(in: 0...255, using: &random)) }
        let lengths: [[UInt8]] = [
            [0x00], [0x7F], [0x80], [0x81, 0xFF], [0x82, 0xFF, 0xFF], [0x84, 0x7F, 0xFF, 0xFF, 0xFF],
            [0x88, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0xC0, 0x0C],
        ]
        bytes.replaceSubrange(place...place, with: lengths.randomElement(using: &random) ?? [0xFF])
    }

    private func span(in bytes: [UInt8], from place: Int, _ random: inout SplitMix64) -> Range<Int> {
        place..<min(bytes.count, place + Int.random(in: 0...64, using: &random))
    }

    private static let interesting: [UInt8] = [
        0x00, 0x01, 0x09, 0x0A, 0x0D, 0x20, 0x22, 0x2C, 0x30, 0x3A, 0x5C, 0x7B, 0x7D, 0x7F, 0x80, 0xBF, 0xC0, 0xEF,
        0xFF,
    ]
}

/// A small generator whose sequence its state decides (Steele, Lea and Flood, 2014).
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
