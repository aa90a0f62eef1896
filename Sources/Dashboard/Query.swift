import KubeModel
import Wire

/// What stands behind the question mark of an address; anybody may have written it.
struct Query: Sendable, Equatable {
    var words = ""
    var standing: Standing?
    /// Certificates that run out from then on, and before.
    var from: Timestamp?
    var before: Timestamp?
    /// From 1.
    var page = 1
    /// Every so many seconds the page is read again; nil for never.
    var refreshSeconds: Int?

    /// What a person would type and no more.
    private static let longest = 200

    init() {}

    init(_ target: String) {
        guard let mark = target.firstIndex(of: "?") else { return }
        for pair in target[target.index(after: mark)...].split(separator: "&").prefix(20) {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let value = Self.decoded(parts[1], plusIsSpace: true) else { continue }
            switch parts[0] {
            case "q": words = String(value.prefix(Self.longest))
            case "state": standing = Standing(rawValue: value)
            case "from": from = Self.time(value)
            case "before": before = Self.time(value)
            case "page": page = min(max(Int(value) ?? 1, 1), 1_000_000)
            case "refresh": refreshSeconds = Int(value).flatMap { (5...3600).contains($0) ? $0 : nil }
            default: continue
            }
        }
    }

    private static func time(_ text: String) -> Timestamp? {
        Int64(text).flatMap { (0...253_402_300_799).contains($0) ? Timestamp(secondsSince1970: $0) : nil }
    }

    /// Without percent signs; nil for what is none, or not UTF-8.
    static func decoded(_ text: Substring, plusIsSpace: Bool = false) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%") {
                let pair = rest.prefix(2)
                guard pair.count == 2, let value = UInt8(String(decoding: pair, as: UTF8.self), radix: 16),
                    pair.first != UInt8(ascii: "+")
                else { return nil }
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// The same as an address below `path`.
    func address(_ path: String, page: Int? = nil) -> String {
        var pairs: [String] = []
        if !words.isEmpty { pairs.append("q=\(words.escapedForPath)") }
        if let standing { pairs.append("state=\(standing.rawValue)") }
        if let from { pairs.append("from=\(from.secondsSince1970)") }
        if let before { pairs.append("before=\(before.secondsSince1970)") }
        let page = page ?? self.page
        if page > 1 { pairs.append("page=\(page)") }
        if let refreshSeconds { pairs.append("refresh=\(refreshSeconds)") }
        return pairs.isEmpty ? path : "\(path)?\(pairs.joined(separator: "&"))"
    }

    /// Whether every word is part of one of these texts, in either case.
    func matches(_ texts: [String]) -> Bool {
        if words.isEmpty { return true }
        let texts = texts.map { $0.lowercased() }
        return words.lowercased().split(separator: " ").allSatisfy { word in texts.contains { $0.contains(word) } }
    }
}

/// A part of a long list.
struct Slice<Item> {
    /// How many rows a page has at most, whatever the cluster holds.
    static var size: Int { 50 }

    let items: [Item]
    /// From 1; the last where a later one was asked for.
    let page: Int
    let pages: Int
    let total: Int
    /// Of the first item, from 1.
    let first: Int

    init(_ all: [Item], page: Int) {
        total = all.count
        pages = max(1, (all.count + Self.size - 1) / Self.size)
        self.page = min(page, pages)
        let start = (self.page - 1) * Self.size
        first = all.isEmpty ? 0 : start + 1
        items = Array(all.dropFirst(start).prefix(Self.size))
    }
}
