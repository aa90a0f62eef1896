import DNSWire
import HTTPTransport
import HTTPTypes
import PKI
import Wire

/// The HTTP interface of one provider with one set of credentials: signs, keeps the pace, and tells failures apart.
struct ProviderAPI: Sendable {
    typealias Sign = @Sendable (inout TransportRequest) async throws(DNSProviderError) -> Void

    /// As people call it, such as "Cloudflare".
    let provider: String
    /// What every target is appended to.
    let base: String
    let context: ProviderContext
    /// Nothing of these gets into an error.
    let secrets: [Redacted<String>]
    let account: AccountKey
    /// What the service allows of all requests.
    let paces: [Pace]
    let tls: TLSOptions
    let sign: Sign

    /// `scope` tells accounts apart that share their credentials, such as projects or servers.
    init(
        _ provider: String, base: String, in context: ProviderContext, secrets: [Redacted<String>],
        scope: [String] = [],
        paces: [Pace] = [], tls: TLSOptions = .system, sign: @escaping Sign
    ) {
        self.provider = provider
        self.base = base
        self.context = context
        self.secrets = secrets
        account = AccountKey(provider, [base] + scope + secrets.map { $0.reveal() })
        self.paces = paces
        self.tls = tls
        self.sign = sign
    }

    /// What is being done and which right that takes, both as an error says them: "list the zones", "Zone:Zone:Read".
    struct Purpose: Sendable, Hashable {
        var doing: String
        var needs: String

        init(_ doing: String, needs: String) {
            self.doing = doing
            self.needs = needs
        }
    }

    /// Sends a request and answers with a 2xx, or with one of the statuses in `accepting`; throws on all others.
    /// `hasTurn`: its place was taken before (`turnToWrite`).
    func call(
        _ method: HTTPRequest.Method, _ target: String, _ body: JSONValue? = nil, headers: HTTPFields = [:],
        for purpose: Purpose, accepting: Set<Int> = [], hasTurn: Bool = false
    ) async throws(DNSProviderError) -> APIAnswer {
        var headers = headers
        if body != nil, headers[.contentType] == nil { headers[.contentType] = "application/json" }
        if headers[.accept] == nil { headers[.accept] = "application/json" }
        let answer = try await send(
            TransportRequest(url: base + target, method: method, headers: headers, body: body?.serialized()),
            hasTurn: hasTurn)
        if answer.isSuccess || accepting.contains(answer.status) { return answer }
        throw failure(answer, for: purpose)
    }

    /// Signs and sends, and answers with whatever came back but 429.
    func send(
        _ request: TransportRequest, hasTurn: Bool = false
    ) async throws(DNSProviderError) -> APIAnswer {
        try await takeTurn(hasTurn ? [] : paces.filter { $0.covers(request.method) })
        var request = request
        request.tls = tls
        request.deadline = .seconds(30)
        request.connectTimeout = .seconds(10)
        request.bodyLimit = 8 << 20
        try await sign(&request)
        let response: Response
        do {
            response = try await context.http.send(request)
        } catch {
            throw .unreachable(provider: provider, detail: clean(error.description))
        }
        let answer = APIAnswer(response, of: self)
        if answer.status == 429 { throw limited(for: answer.pause(now: context.time.now())) }
        return answer
    }

    /// The turn of a change, taken before what leads up to it. `within`: what the service allows of such changes, beside
    /// `paces`.
    func turnToWrite(within: [Pace] = []) -> SharedEdit.TurnToWrite {
        let paces = (paces + within).filter { $0.covers(.put) }
        return SharedEdit.TurnToWrite(
            take: { () async throws(DNSProviderError) in try await takeTurn(paces) },
            giveBack: { context.memory.paces.givenBack(account, paces) })
    }

    /// The service takes no more for so long: nobody with these credentials asks until then.
    func limited(for pause: Duration) -> DNSProviderError {
        context.memory.paces.closed(account, now: context.time.elapsed(), for: pause)
        return .rateLimited(provider: provider, until: context.time.now() + pause)
    }

    /// What an answer means that is no success, by its status.
    func failure(_ answer: APIAnswer, for purpose: Purpose) -> DNSProviderError {
        let said = answer.message.map(clean)
        switch answer.status {
        case 401: return .wrongCredentials(provider: provider, detail: said ?? "")
        case 403:
            return .missingPermission(
                provider: provider, doing: purpose.doing, needs: purpose.needs, detail: said ?? "")
        case 409, 412: return .conflict(provider: provider, detail: said ?? "")
        case 429: return limited(for: answer.pause(now: context.time.now()))
        case 500...: return .unreachable(provider: provider, detail: Self.outOfOrder(answer.status, said))
        default:
            let detail = "it answered with status \(answer.status) when asked to \(purpose.doing)"
            return .refused(provider: provider, detail: said.map { "\($0) (\(detail))" } ?? detail)
        }
    }

    func clean(_ text: String) -> String { ServiceText.clean(text, hiding: secrets) }

    private static func outOfOrder(_ status: Int, _ said: String?) -> String {
        "it answered with status \(status)" + (said.map { ": \($0)" } ?? "")
    }

    /// Waits a little where the pace asks for it; without any, only while nobody may ask.
    private func takeTurn(_ paces: [Pace]) async throws(DNSProviderError) {
        switch context.memory.paces.asked(account, paces, now: context.time.elapsed()) {
        case .go: return
        case .refused(let again): throw .rateLimited(provider: provider, until: context.time.now() + again)
        case .wait(let duration):
            do {
                try await context.time.sleep(for: duration)
            } catch {
                throw .dns(.cancelled)
            }
        }
    }
}

/// An answer, and whose.
struct APIAnswer: Sendable {
    let status: Int
    let headers: HTTPFields
    let body: [UInt8]
    private let api: ProviderAPI

    init(_ response: Response, of api: ProviderAPI) {
        status = response.status.code
        headers = response.headers
        body = response.body
        self.api = api
    }

    var isSuccess: Bool { (200...299).contains(status) }
    var message: String? { ServiceText.message(in: body) }

    func json() throws(DNSProviderError) -> JSONValue {
        do {
            return try JSONValue(parsing: body, limits: JSONLimits(bytes: 8 << 20, depth: 64))
        } catch {
            throw api.malformed("\(error)")
        }
    }

    func text(_ name: String) -> String? { HTTPField.Name(name).flatMap { headers[$0] } }

    /// How long to keep away, as `Retry-After` says or what services have of their own; else 30 seconds.
    /// Never less than a second and never more than an hour.
    func pause(now: Timestamp) -> Duration {
        var pause = Duration.seconds(30)
        if let said = headers[.retryAfter].flatMap({ RetryAfter.parse($0, now: now) }) {
            pause = said
        } else if let said = secondsInBody {
            pause = .seconds(said)
        } else if let said = ["ratelimit-reset", "x-ratelimit-reset"].lazy.compactMap({ text($0) }).first,
            let number = Int64(said)
        {
            // A moment for some services, a number of seconds for others.
            pause = .seconds(number > 1_000_000_000 ? max(0, number - now.secondsSince1970) : number)
        }
        return min(max(pause, .seconds(1)), .seconds(3600))
    }

    /// Of GoDaddy ("ErrorLimit") and Porkbun ("RateLimitExceeded").
    private var secondsInBody: Int64? {
        let json = try? json()  // what is no JSON says no number
        return ["retryAfterSec", "ttlRemaining"].lazy.compactMap { json?[$0]?.intValue }.first.map { min($0, 86_400) }
    }
}

extension ProviderAPI {
    func malformed(_ detail: String) -> DNSProviderError {
        .malformedAnswer(provider: provider, detail: clean(detail))
    }

    /// A part of an answer that must be there.
    func need<T>(_ value: T?, _ what: String) throws(DNSProviderError) -> T {
        guard let value else { throw malformed("there is no \(what) in it") }
        return value
    }
}
