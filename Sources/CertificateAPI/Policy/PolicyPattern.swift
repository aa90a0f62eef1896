/// A text in which `*` stands for any characters, none included, up to the next separator, and `**` for any at all.
///
/// Compared in time that grows with the product of both lengths, whatever the pattern is.
package struct PolicyPattern: Sendable, Hashable {
    /// What a `*` does not go over; nil for nothing.
    package enum Separator: UInt8, Sendable, Hashable {
        case dot = 0x2E
        case slash = 0x2F
        case at = 0x40
    }

    private enum Token: Sendable, Hashable {
        case byte(UInt8)
        case run
        case anything
    }

    private let tokens: [Token]
    private let separator: Separator?

    package init(_ text: String, separator: Separator?) {
        var tokens: [Token] = []
        var bytes = Array(text.utf8)[...]
        while let byte = bytes.popFirst() {
            guard byte == UInt8(ascii: "*") else {
                tokens.append(.byte(byte))
                continue
            }
            if bytes.first == UInt8(ascii: "*") {
                bytes.removeFirst()
                tokens.append(.anything)
            } else {
                tokens.append(separator == nil ? .anything : .run)
            }
        }
        self.tokens = tokens
        self.separator = separator
    }

    package func matches(_ text: String) -> Bool {
        // After each byte: the numbers of tokens that may have been used up.
        var states = reachable([0])
        for byte in text.utf8 {
            var next: Set<Int> = []
            for state in states where state < tokens.count {
                switch tokens[state] {
                case .byte(let wanted): if wanted == byte { next.insert(state + 1) }
                case .run: if byte != separator?.rawValue { next.insert(state) }
                case .anything: next.insert(state)
                }
            }
            states = reachable(next)
            if states.isEmpty { return false }
        }
        return states.contains(tokens.count)
    }

    /// With what a `*` that stands for nothing leads to.
    private func reachable(_ states: Set<Int>) -> Set<Int> {
        var all = states
        for state in states {
            var next = state
            while next < tokens.count, tokens[next] == .run || tokens[next] == .anything {
                next += 1
                all.insert(next)
            }
        }
        return all
    }
}
