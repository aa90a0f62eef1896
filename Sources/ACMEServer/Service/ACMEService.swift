import ACME
import CertificateAPI
package import HTTPServer
import HTTPTypes
package import Logging
import PKI
import Synchronization
package import Wire

/// Answers as an ACME server (RFC 8555), for each issuer of the cluster that accounts may use.
///
/// It keeps nothing but nonces and the looks that are under way: accounts and orders are in the store, certificates with
/// the desk, so that any replica can answer any request.
package final class ACMEService: Sendable {
    package struct Settings: Sendable {
        /// Scheme and host that URLs begin with; nil for those of each request.
        package var externalURL: String?
        package var termsOfService: String?
        package var orderLifetime = Duration.seconds(24 * 3600)
        /// Of all accounts together.
        package var orderLimit = 10_000
        /// How long an answer to a challenge waits for its outcome, which saves a write and a question.
        package var challengePatience = Duration.seconds(2)
        /// How long an answer to a finalization waits for the certificate.
        package var issuancePatience = Duration.seconds(5)
        package var limits = RequestLimits()

        package init() {}
    }

    /// What is counted.
    package enum Occurrence: Sendable, Hashable {
        case request(resource: String, status: Int)
        case validation(ChallengeKind, passed: Bool)
        case certificate(IssuerName)
        case revocation(IssuerName)
    }

    let settings: Settings
    let store: any ServerStore
    let issuers: any IssuerWatch
    let desk: any IssuanceDesk
    let renewals: any RenewalWatch
    let validator: any ChallengeValidator
    let time: any TimeSource
    let logger: Logger
    let observe: @Sendable (Occurrence) -> Void
    let validations = Validations()
    private let nonces = Mutex(NonceBook())

    package init(
        settings: Settings = Settings(), store: any ServerStore, issuers: any IssuerWatch, desk: any IssuanceDesk,
        renewals: any RenewalWatch, validator: any ChallengeValidator, time: any TimeSource = SystemTime(),
        logger: Logger,
        observe: @escaping @Sendable (Occurrence) -> Void = { _ in }
    ) {
        self.settings = settings
        self.store = store
        self.issuers = issuers
        self.desk = desk
        self.renewals = renewals
        self.validator = validator
        self.time = time
        self.logger = logger
        self.observe = observe
    }

    /// Lives until cancelled, and then ends what looks are under way.
    package func run() async throws {
        while !Task.isCancelled {
            do { try await time.sleep(for: .seconds(3600)) } catch { break }  // cancelled: that is the end
        }
        await validations.stop()
    }

    package func handle(_ request: ServerRequest) async -> ServerResponse {
        guard let (issuer, resource) = Place.read(path: request.path),
            let origin = settings.externalURL ?? Place.origin(of: request)
        else { return respond(to: .notFound, for: request, "none", nil) }
        let place = Place(origin: origin, issuer: issuer)
        do throws(ServerProblem) {
            var reply = try await reply(to: request, resource, place)
            reply.place = place
            return finish(reply, for: request, resource.name)
        } catch {
            return respond(to: error, for: request, resource.name, place)
        }
    }

    private func reply(
        to request: ServerRequest, _ resource: Resource, _ place: Place
    ) async throws(ServerProblem) -> Reply {
        switch (resource, request.method) {
        case (.directory, .get), (.directory, .head): return try directory(place)
        case (.newNonce, .head): return Reply(.ok)
        case (.newNonce, .get): return Reply(.noContent)
        case (.renewalInfo(let id), .get), (.renewalInfo(let id), .head): return try renewalInfo(id, place)
        case (.directory, _), (.newNonce, _), (.renewalInfo, _):
            throw ServerProblem(.malformed, .methodNotAllowed, "This resource is read with GET.")
        case (_, .post): break
        default:
            throw ServerProblem(
                .malformed, .methodNotAllowed, "This resource is read with a signed POST without payload.")
        }
        guard let type = request.headers[.contentType],
            type.prefix(while: { $0 != ";" }).lowercased() == "application/jose+json"
        else {
            throw ServerProblem(.malformed, .unsupportedMediaType, "Requests are of the type application/jose+json.")
        }
        do throws(KeepingFailure) {
            return try await answer(try read(request, place), resource, place)
        } catch {
            switch error {
            case .problem(let problem): throw problem
            case .keeping(.unavailable(let reason)):
                logger.warning("A request of an ACME client cannot be answered", metadata: ["error": "\(reason)"])
                throw .unavailable
            case .keeping: throw .unavailable
            }
        }
    }

    /// A request whose nonce was fresh and whose URL is the one it came to; its signature is checked where its key is
    /// known.
    private func read(_ request: ServerRequest, _ place: Place) throws(KeepingFailure) -> SignedRequest {
        let signed: SignedRequest
        do throws(ServerProblem) {
            signed = try SignedRequest(request.body, limits: settings.limits)
        } catch {
            throw .problem(error)
        }
        guard nonces.withLock({ $0.use(signed.nonce) }) else {
            throw .problem(
                ServerProblem(.badNonce, .badRequest, "The nonce was used before, or is not of this server's making."))
        }
        guard signed.object.url == place.origin + request.target else {
            throw .problem(.unauthorized("The url of the protected header is not that of the request (RFC 8555 6.4)."))
        }
        return signed
    }
}

/// What a handler may fail with: a refusal, or a store that does not answer.
enum KeepingFailure: Error {
    case problem(ServerProblem)
    case keeping(KeepingError)
}

/// An answer before the headers that every one has.
struct Reply: Sendable {
    var status: HTTPResponse.Status
    var body: [UInt8] = []
    var contentType = "application/json"
    var location: String?
    /// URLs with their relations.
    var links: [(url: String, relation: String)] = []
    var retryAfter: Duration?
    var place: Place?

    init(_ status: HTTPResponse.Status) { self.status = status }

    init(_ status: HTTPResponse.Status, _ json: JSONObject) {
        self.status = status
        body = JSONValue.object(json).serialized()
    }
}

extension ACMEService {
    func directory(_ place: Place) throws(ServerProblem) -> Reply {
        try checkIssuer(place.issuer)
        var meta: JSONObject = ["externalAccountRequired": true]
        if let terms = settings.termsOfService { meta["termsOfService"] = .string(terms) }
        let members: JSONObject = [
            "newNonce": .string(place.url(.newNonce)), "newAccount": .string(place.url(.newAccount)),
            "newOrder": .string(place.url(.newOrder)), "revokeCert": .string(place.url(.revokeCert)),
            "keyChange": .string(place.url(.keyChange)),
            "renewalInfo": .string(place.url(.renewalInfo(""))), "meta": .object(meta),
        ]
        return Reply(.ok, members)
    }

    func checkIssuer(_ issuer: IssuerName) throws(ServerProblem) {
        switch issuers.sight(of: issuer) {
        case .ready: return
        case .missing: throw .notFound
        case .unsuitable(let sentence): throw ServerProblem(.malformed, .notFound, sentence)
        case .notReady:
            var problem = ServerProblem(
                .serverInternal, .serviceUnavailable, "The issuer is not ready at the moment; try again later.")
            problem.retryAfter = .seconds(60)
            throw problem
        }
    }

    private func respond(
        to problem: ServerProblem, for request: ServerRequest, _ resource: String, _ place: Place?
    ) -> ServerResponse {
        var reply = Reply(problem.status, problem.document)
        reply.contentType = "application/problem+json"
        reply.retryAfter = problem.retryAfter
        reply.location = problem.location
        reply.links = problem.termsOfService.map { [($0, "terms-of-service")] } ?? []
        reply.place = place
        return finish(reply, for: request, resource)
    }

    private func finish(_ reply: Reply, for request: ServerRequest, _ resource: String) -> ServerResponse {
        observe(.request(resource: resource, status: reply.status.code))
        var headers: HTTPFields = [.cacheControl: "no-store"]
        if !reply.body.isEmpty { headers[.contentType] = reply.contentType }
        if let location = reply.location { headers[.location] = location }
        if let retryAfter = reply.retryAfter { headers[.retryAfter] = String(retryAfter.components.seconds) }
        for link in reply.links {
            headers.append(HTTPField(name: .link, value: "<\(link.url)>;rel=\"\(link.relation)\""))
        }
        if let place = reply.place {
            headers.append(HTTPField(name: .link, value: "<\(place.url(.directory))>;rel=\"index\""))
            // RFC 8555 §6.5: with every answer to a POST, and where one is asked for.
            if request.method == .post || resource == Resource.newNonce.name,
                let nonce = try? nonces.withLock({ book throws(PKIError) in try book.issue() })
            {
                // Without an HMAC there is no nonce; the client asks for one and is refused in its turn.
                headers[.replayNonce] = nonce
            }
        }
        return ServerResponse(reply.status, headers: headers, body: reply.body)
    }
}

extension HTTPField.Name {
    static let replayNonce = HTTPField.Name("Replay-Nonce")!  // a legal field name
    static let link = HTTPField.Name("Link")!  // as above
}
