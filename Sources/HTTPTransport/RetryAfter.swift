package import Wire

/// The `Retry-After` header field (RFC 9110 §10.2.3).
package enum RetryAfter {
    /// How long to wait from `now`, for both forms: a number of seconds, or a date. A date that has passed means zero;
    /// what is neither form gives nil. Numbers too large to count are taken as one year.
    package static func parse(_ header: String, now: Timestamp) -> Duration? {
        let text = header.utf8.trimmed()
        guard !text.isEmpty else { return nil }
        if text.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) {
            return .seconds(min(Int64(String(text)!) ?? year, year))
        }
        guard let date = Timestamp(httpDate: String(text)!) else { return nil }
        let seconds = date.secondsSince1970 - now.secondsSince1970
        return .seconds(min(max(seconds, 0), year))
    }

    private static let year: Int64 = 365 * 24 * 3600
}

extension String.UTF8View {
    fileprivate func trimmed() -> Substring.UTF8View {
        let isSpace: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        var rest = self[...]
        while let first = rest.first, isSpace(first) { rest.removeFirst() }
        while let last = rest.last, isSpace(last) { rest.removeLast() }
        return rest
    }
}
