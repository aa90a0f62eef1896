import Wire

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// The API server's audit log, read as it grows; only one user's requests count.
struct AuditLog {
    /// A verb and a resource with its subresource, such as `update certificates/status`.
    typealias Tally = [String: Int]

    private let path: String
    private let user: String
    private var offset = 0
    private var rest: [UInt8] = []
    private(set) var requests: Tally = [:]
    private(set) var statuses: [Int: Int] = [:]
    /// When the API server received the first request that changes something.
    private(set) var firstWrite: Timestamp?
    /// When the API server had answered the last request, by its own clock.
    private(set) var lastAnswer: Timestamp?

    /// Starts at the log's present end.
    init(path: String, user: String) {
        self.path = path
        self.user = user
        skipToEnd()
    }

    var total: Int { requests.values.reduce(0, +) }

    /// Requests that change something, events apart.
    var writes: Int {
        requests.filter { Self.isWrite($0.key) && !$0.key.hasSuffix(" events") }.values.reduce(0, +)
    }

    var eventWrites: Int {
        requests.filter { Self.isWrite($0.key) && $0.key.hasSuffix(" events") }.values.reduce(0, +)
    }

    mutating func restart() {
        requests = [:]
        statuses = [:]
        firstWrite = nil
        lastAnswer = nil
        rest = []
        skipToEnd()
    }

    /// Reads what was appended since; answers how many requests of the user that was.
    @discardableResult
    mutating func read() -> Int {
        guard let file = fopen(path, "r") else { return 0 }
        defer { fclose(file) }
        fseek(file, offset, SEEK_SET)
        var chunk = [UInt8](repeating: 0, count: 1 << 20)
        var found = 0
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            guard count > 0 else { break }
            offset += count
            rest += chunk[..<count]
            found += takeLines()
        }
        return found
    }

    private mutating func takeLines() -> Int {
        var found = 0
        var start = rest.startIndex
        while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
            if take(Array(rest[start..<end])) { found += 1 }
            start = end + 1
        }
        rest.removeSubrange(..<start)
        return found
    }

    /// Watches are counted where they end; leases are left out, for they go on for ever.
    private mutating func take(_ line: [UInt8]) -> Bool {
        guard let event = try? JSONValue(parsing: line),  // a line cut by rotation tells nothing
            event["user"]?["username"]?.stringValue == user, let verb = event["verb"]?.stringValue,
            let object = event["objectRef"], let resource = object["resource"]?.stringValue, resource != "leases",
            event["stage"]?.stringValue == "ResponseComplete"
        else { return false }
        let subresource = object["subresource"]?.stringValue.map { "/\($0)" } ?? ""
        let request = "\(verb) \(resource)\(subresource)"
        requests[request, default: 0] += 1
        if firstWrite == nil, Self.isWrite(request) {
            firstWrite = event["requestReceivedTimestamp"]?.stringValue.flatMap { Timestamp(rfc3339: $0) }
        }
        if let answered = event["stageTimestamp"]?.stringValue.flatMap({ Timestamp(rfc3339: $0) }) {
            lastAnswer = lastAnswer.map { max($0, answered) } ?? answered
        }
        if let code = event["responseStatus"]?["code"]?.intValue { statuses[Int(code), default: 0] += 1 }
        return true
    }

    private mutating func skipToEnd() {
        guard let file = fopen(path, "r") else { return }
        defer { fclose(file) }
        fseek(file, 0, SEEK_END)
        offset = ftell(file)
    }

    /// A question put to the authorizer is sent as a create, and nothing is stored for it.
    private static func isWrite(_ request: String) -> Bool {
        !["get ", "list ", "watch "].contains { request.hasPrefix($0) } && !request.hasSuffix("accessreviews")
    }
}
