import HTTPTransport
import HTTPTypes

/// Gathers the header lines that libcurl hands over one by one into the head of the final answer, passing over
/// 1xx answers and redirects that libcurl follows.
struct HeadParser {
    private static let limit = 256 << 10

    private let url: String
    private let followsRedirects: Bool
    private var status: HTTPResponse.Status?
    private var fields = HTTPFields()
    private var size = 0
    /// The protocol marks the end of every body by itself, as HTTP/2 does.
    private(set) var framesBodies = false
    private(set) var isChunked = false
    private(set) var contentLength: Int?

    init(url: String, followsRedirects: Bool) {
        self.url = url
        self.followsRedirects = followsRedirects
    }

    /// The head, when `line` was the empty one that ends the final head.
    mutating func take(_ line: String) throws(TransportError) -> ResponseHead? {
        size += line.utf8.count
        guard size <= Self.limit else { throw .garbage("a head of more than \(Self.limit) bytes") }
        let line = Self.trimmed(line.utf8[...])
        if line.isEmpty { return try endOfHead() }
        if line.starts(with: "HTTP/".utf8) { try begin(line) } else { add(line) }
        return nil
    }

    private mutating func begin(_ line: Substring.UTF8View) throws(TransportError) {
        let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
        guard parts.count >= 2, let code = Int(Substring(parts[1])), 100...999 ~= code else {
            throw .garbage("no status in its first line")
        }
        status = HTTPResponse.Status(code: code)
        fields = HTTPFields()
        framesBodies = !parts[0].starts(with: "HTTP/1".utf8)
        isChunked = false
        contentLength = nil
    }

    /// A line that is no header field is passed over: libcurl has already judged what matters to it.
    private mutating func add(_ line: Substring.UTF8View) {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")),
            let name = HTTPField.Name(String(Substring(line[..<colon])))
        else { return }
        let value = String(Substring(Self.trimmed(line[line.index(after: colon)...])))
        fields.append(HTTPField(name: name, value: value))
        if name == .contentLength {
            contentLength = Int(value)
        } else if name == .transferEncoding {
            isChunked = value.lowercased().hasSuffix("chunked")
        }
    }

    private func endOfHead() throws(TransportError) -> ResponseHead? {
        guard let status else { throw .garbage("a head without a status line") }
        if status.kind == .informational { return nil }
        if followsRedirects, status.kind == .redirection, fields[.location] != nil { return nil }
        return ResponseHead(status: status, headers: fields, url: url)
    }

    private static func trimmed(_ text: Substring.UTF8View) -> Substring.UTF8View {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D || $0 == 0x0A }
        var text = text
        while let first = text.first, isSpace(first) { text.removeFirst() }
        while let last = text.last, isSpace(last) { text.removeLast() }
        return text
    }
}
