import ACME
import CertificateAPI
import HTTPTransport
import KubeModel
import Wire

/// Everything the decision to ask a CA about a certificate's renewal looks at.
struct RenewalView: Sendable, Equatable {
    var certificate: Certificate
    /// The certificate in the Secret.
    var leaf: LeafFacts?
    var source: RenewalSource
    /// What the CA has said since the last look, and about which certificate.
    var news: RenewalNews?
    var isAsking = false
    /// Orders under way at the issuer.
    var ordersUnderWay = 0
    var progress = RenewalProgress()
    var now: Timestamp
}

/// What need not survive the process.
struct RenewalProgress: Sendable, Hashable {
    /// How often in a row the CA could not be asked.
    var failures = 0
    /// Until when the first question about the certificate of a name leaves the CA to the orders under way.
    var pause: Pause?
    /// 0 up to 1; spreads the questions about many certificates.
    var jitter = 0.0

    struct Pause: Sendable, Hashable {
        var name: String
        var end: Timestamp
    }
}

/// Who is to be asked.
enum RenewalSource: Sendable, Equatable {
    /// The issuer is not ACME, or says that its CA's windows are not to be followed.
    case none
    /// There is no issuer now; what is known stays.
    case unknown
    case server
}

struct RenewalNews: Sendable, Equatable {
    /// The name of the certificate that was asked about (RFC 9773 §4.1).
    var name: String
    /// Nil when the server says it of no certificate.
    var answer: Result<RenewalInformation?, ACMEError>
}

struct RenewalInquiry: Sendable, Equatable {
    /// What the status is to say; nil where there is nothing to say.
    var acme: Certificate.Status.ACME?
    var notices: [Notice] = []
    var progress: RenewalProgress
    /// Ask about the certificate of this name.
    var ask: String?
    var lookAgain: Timestamp?
}

enum RenewalDecision {
    /// RFC 9773 §4.3: without a word from the server, and after errors that will not pass soon.
    static let usualPause = Duration.seconds(6 * 3600)
    static let shortestPause = Duration.seconds(60)
    static let longestPause = Duration.seconds(24 * 3600)
    /// After so many failures in a row the server is left alone for the usual pause.
    static let patience = 6

    static func decide(_ view: RenewalView) -> RenewalInquiry {
        let status = view.certificate.status ?? .init()
        var plan = RenewalInquiry(acme: status.acme, progress: view.progress)
        guard !view.certificate.metadata.isBeingDeleted else { return plan }
        switch view.source {
        case .unknown: return plan
        case .none:
            plan.acme = nil
            return plan
        case .server: break
        }
        // A window in which to renew says nothing of one that was revoked.
        if status.conditions[type: Condition.Kind.ready]?.reason == "Revoked" {
            plan.acme = nil
            return plan
        }
        // One that has run out, is being replaced or is not the right one is not asked about (RFC 9773 §4.3).
        guard let leaf = view.leaf, let name = leaf.renewalName, !leaf.isTemporary, view.now < leaf.notAfter,
            view.certificate.spec.renewal?.policy != "Disabled",
            status.conditions.isTrue(Condition.Kind.ready), !status.conditions.isTrue(Condition.Kind.issuing),
            SuggestedRenewal.isAbout(leaf, status)
        else { return plan }
        if let news = view.news, news.name == name { absorb(news.answer, view, &plan) }
        guard !view.isAsking else { return plan }
        if let next = plan.lookAgain ?? plan.acme?.ari?.nextCheck ?? pause(before: name, view, &plan), view.now < next {
            plan.lookAgain = next
        } else {
            plan.progress.pause = nil
            plan.ask = name
        }
        return plan
    }

    /// When the CA is asked about a new certificate where many others are being issued: they are of more use to people than
    /// a time that is months away. Nil where it may be asked now.
    private static func pause(before name: String, _ view: RenewalView, _ plan: inout RenewalInquiry) -> Timestamp? {
        guard view.ordersUnderWay >= OrderPatience.many else { return nil }
        if let pause = plan.progress.pause, pause.name == name { return pause.end }
        let length = OrderPatience.amongMany * (1 + plan.progress.jitter)
        let end = view.now + length
        plan.progress.pause = .init(name: name, end: end)
        return end
    }

    private static func absorb(
        _ answer: Result<RenewalInformation?, ACMEError>, _ view: RenewalView, _ plan: inout RenewalInquiry
    ) {
        switch answer {
        case .success(nil):
            plan.acme = nil
            plan.progress.failures = 0
            plan.lookAgain = view.now + usualPause
        case .success(let found?):
            plan.progress.failures = 0
            var ari = Certificate.Status.RenewalInformation()
            ari.suggestedWindow = .init(start: found.start, end: found.end)
            ari.explanationURL = found.explanationURL
            ari.lastChecked = view.now.wholeSeconds
            let pause = found.retryAfter.map { min(max($0, shortestPause), longestPause) } ?? usualPause
            ari.nextCheck = (view.now + pause).wholeSeconds
            if let old = plan.acme?.ari?.suggestedWindow, old != ari.suggestedWindow {
                plan.notices.append(.normal("RenewalWindow", sentence(found, since: old)))
            }
            plan.acme = .init()
            plan.acme?.ari = ari
        case .failure(let error): fail(error, view, &plan)
        }
    }

    private static func sentence(
        _ found: RenewalInformation, since old: Certificate.Status.RenewalInformation.Window
    ) -> String {
        "The CA has moved the time to renew from \(old.start.rfc3339) … \(old.end.rfc3339) to "
            + "\(found.start.rfc3339) … \(found.end.rfc3339)"
            + (found.explanationURL.map { "; it explains that at \($0)" } ?? "")
    }

    /// What the CA said before stays; the certificate's own lifetime counts where it has said nothing.
    private static func fail(_ error: ACMEError, _ view: RenewalView, _ plan: inout RenewalInquiry) {
        plan.progress.failures += 1
        var ari = plan.acme?.ari ?? .init()
        let text = Problem.presentable("\(error)")
        if ari.lastError == nil {
            plan.notices.append(
                .warning("ARIError", "The CA could not be asked when to renew: \(text). The lifetime counts meanwhile"))
        }
        ari.lastError = text
        ari.lastChecked = view.now.wholeSeconds
        ari.nextCheck = (view.now + pause(after: error, failures: plan.progress.failures, view.now)).wholeSeconds
        plan.acme = plan.acme ?? .init()
        plan.acme?.ari = ari
    }

    /// RFC 9773 §4.3.3: what may pass soon is tried again ever more rarely and not for ever, all else after six hours.
    private static func pause(after error: ACMEError, failures: Int, _ now: Timestamp) -> Duration {
        guard failures <= patience else { return usualPause }
        let doubling = shortestPause * (1 << min(max(failures - 1, 0), 6))
        switch error {
        case .transport(.connectTimeout, _): return doubling
        case .transport(let error, _): return error.mayHaveReachedServer ? doubling : usualPause
        case .problem(let refusal) where refusal.status >= 500 || refusal.limitScope != nil:
            let asked = refusal.retryAt.map { $0 - now } ?? .zero
            return min(max(doubling, asked), longestPause)
        default: return usualPause
        }
    }
}
