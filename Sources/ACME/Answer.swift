import HTTPTransport
import HTTPTypes
import Wire

/// A whole answer of an ACME server, and when it came.
struct ACMEAnswer: Sendable {
    let status: Int
    let headers: HTTPFields
    let body: [UInt8]
    /// The URL that answered, against which relative references are read.
    let url: String
    let receivedAt: Timestamp

    init(_ response: Response, url: String, receivedAt: Timestamp) {
        status = response.status.code
        headers = response.headers
        body = response.body
        self.url = response.head.url.isEmpty ? url : response.head.url
        self.receivedAt = receivedAt
    }

    var isSuccess: Bool { (200..<300).contains(status) }

    /// The nonce for the next request, unless it has characters no nonce may have (RFC 8555 §6.5.1).
    var nonce: String? {
        headers[.replayNonce].flatMap { NoncePool.isLegal($0) ? $0 : nil }
    }

    /// Retry-After in either form, measured from the arrival of the answer.
    var retryAfter: Duration? {
        headers[.retryAfter].flatMap { RetryAfter.parse($0, now: receivedAt) }
    }

    /// The server's own time when it answered.
    var date: Timestamp? { headers[.date].flatMap { Timestamp(httpDate: $0) } }

    /// The resource the answer speaks of, as an absolute URL.
    var location: String? {
        headers[.location].flatMap { LinkHeader.resolve($0, base: url) }
    }

    func links(_ relation: String) -> [String] {
        LinkHeader.targets(of: relation, in: headers[values: .link], base: url)
    }

    func json() throws(ACMEError) -> JSONValue {
        do { return try JSONValue(parsing: body) } catch {
            throw .malformed("\(HTTPAddress(url: url)?.host ?? "the server") did not answer with JSON: \(error)")
        }
    }

    /// The type of the problem that the answer is, for counting: bounded, whatever the server sends.
    var problemName: String? {
        guard !(200..<300).contains(status) else { return nil }
        let type = refusalDetails(of: .discover).problem.type
        return ProblemType.known.contains(type) ? type.name : "other"
    }

    func refusal(of action: ACMEAction) -> ACMEError { .problem(refusalDetails(of: action)) }

    /// What the answer says against the request; an answer without a problem document is judged by its status.
    ///
    /// Media types are not looked at: servers send problems as `application/json` too, and pages of load balancers
    /// are told apart by not being JSON objects.
    func refusalDetails(of action: ACMEAction) -> Refusal {
        let document = (try? JSONValue(parsing: body))?.objectValue  // what is no JSON is no document
        let problem =
            document.map(Problem.init(document:))
            ?? Problem(detail: "the server answered \(status) without saying why", status: status)
        var refusal = Refusal(
            problem: problem, status: status, action: action, retryAt: retryAfter.map { receivedAt + $0 },
            answeredAt: receivedAt, location: location, termsOfService: links("terms-of-service").first,
            help: links("help").first)
        refusal.isExplained = document != nil
        return refusal
    }
}

extension HTTPField.Name {
    static let link = HTTPField.Name("Link")!  // a legal field name
    static let replayNonce = HTTPField.Name("Replay-Nonce")!  // a legal field name
}
