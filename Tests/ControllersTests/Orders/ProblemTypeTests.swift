import ACME
import CertificateAPI
import Issuers
import KubeModel
import PKI
import Testing
import Wire

@testable import Controllers

/// Every problem type of RFC 8555 §6.7, RFC 9773 §7.4 and the profiles draft, and what servers add, at a new order: what
/// becomes of the Order. The CA's word decides, never the HTTP status alone.
@Suite("Problem types")
struct ProblemTypeTests {
    enum Fate: Sendable, Equatable {
        /// Asked again by and by.
        case retry
        /// Asked again when the CA says.
        case waits
        /// A person has to act at the CA: reported to the issuer, and looked at every hour.
        case person
        /// The attempt is over: the user has to change something, or the next attempt makes another order.
        case over
        /// The account is looked up again first; then the attempt is over.
        case account
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var type: String
        var status: Int
        var retryAfterSeconds: Int?
        var fate: Fate
        var testDescription: String { "\(status) \(type) -> \(fate)" }

        init(_ type: String, _ status: Int, _ fate: Fate, retryAfter: Int? = nil) {
            self.type = type
            self.status = status
            self.fate = fate
            retryAfterSeconds = retryAfter
        }
    }

    static let cases: [Case] = [
        Case("accountDoesNotExist", 400, .account),
        Case("alreadyReplaced", 409, .retry),
        Case("alreadyRevoked", 400, .over),
        Case("badCSR", 400, .over),
        Case("badNonce", 400, .retry),
        Case("badPublicKey", 400, .over),
        Case("badRevocationReason", 400, .over),
        Case("badSignatureAlgorithm", 400, .over),
        Case("caa", 403, .over),
        Case("compound", 400, .over),
        Case("compound", 500, .retry),
        Case("conflict", 409, .retry),
        Case("connection", 400, .over),
        Case("dns", 400, .over),
        Case("externalAccountRequired", 403, .over),
        Case("incorrectResponse", 403, .over),
        Case("invalidContact", 400, .over),
        Case("invalidProfile", 400, .over),
        Case("malformed", 400, .over),
        Case("malformed", 404, .over),
        Case("malformed", 415, .over),
        Case("orderNotReady", 403, .retry),
        Case("rateLimited", 429, .waits, retryAfter: 3600),
        Case("rateLimited", 403, .waits, retryAfter: 3600),
        Case("rateLimited", 429, .waits),
        Case("rejectedIdentifier", 400, .over),
        Case("serverInternal", 500, .retry),
        Case("serverInternal", 503, .waits, retryAfter: 30),
        Case("serverInternal", 503, .retry),
        Case("tls", 400, .over),
        Case("unauthorized", 403, .account),
        Case("unauthorized", 401, .account),
        Case("unsupportedContact", 400, .over),
        Case("unsupportedIdentifier", 400, .over),
        Case("userActionRequired", 403, .person),
        Case("agreementRequired", 403, .person),
        Case("somethingNew", 400, .over),
        Case("somethingNew", 408, .retry),
        Case("somethingNew", 425, .retry),
        Case("somethingNew", 429, .waits, retryAfter: 60),
        Case("somethingNew", 501, .over),
        Case("somethingNew", 502, .retry),
    ]

    @Test("each problem type has one fate: again, at a time, by a person, or over (Y5, Q1, A14)", arguments: cases)
    func fate(_ example: Case) async throws {
        let now = ACMEExamples.now
        let order = ACMEExamples.order()
        var news = OrderNews(question: .create(NewACMEOrder(identifiers: [.dns("a.example"), .dns("b.example")])))
        news.failure = ACMEExamples.refusal(
            example.type, example.status, retryAt: example.retryAfterSeconds.map { now + .seconds($0) })
        let view = OrderView(order: order, issuer: try await ACMEExamples.access(), news: news, now: now)
        let plan = OrderDecision.decide(view)
        let isOver = plan.status.state?.isFailure == true
        #expect(isOver == (example.fate == .over))
        #expect(plan.doubtsAccount == (example.fate == .account))
        #expect((plan.actionRequired != nil) == (example.fate == .person))
        #expect(plan.ask == nil)
        // The CA's own words are told in every case.
        #expect(plan.status.reason?.contains(example.type) == true)
        #expect(plan.isOutOfBudget(view))
        let wait = plan.lookAgain.map { $0 - now }
        switch example.fate {
        case .over:
            #expect(wait == nil)
            #expect(plan.status.failureTime != nil)
        case .retry, .account: #expect(wait == .seconds(5))
        case .person: #expect(wait == .seconds(3600))
        case .waits: #expect(wait == .seconds(example.retryAfterSeconds ?? 60))
        }
    }
}
