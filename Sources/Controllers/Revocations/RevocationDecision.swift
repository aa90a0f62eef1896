import ACME
import CertificateAPI
import Issuers
import KubeModel
import Wire

/// Everything the decision about revoking the certificate of one Certificate looks at.
struct RevocationView: Sendable, Equatable {
    var certificate: Certificate
    /// What the CA calls the certificate that is in the Secret.
    var present: String?
    /// Nil where the issuer is not ACME.
    var issuer: IssuerAccess?
    var news: RevocationNews?
    var isAsking = false
    var progress = RevocationProgress()
    var now: Timestamp

    var record: RevocationRecord? { RevocationRecord(of: certificate) }
    var hasFinalizer: Bool { certificate.metadata.finalizers?.contains(Names.Finalizer.revocation) ?? false }
}

/// What the CA said about one certificate.
struct RevocationNews: Sendable, Equatable {
    var certificate: String
    /// Nil when it is revoked.
    var failure: ACMEError?
}

/// What need not survive the process.
struct RevocationProgress: Sendable, Hashable {
    /// How often in a row the CA could not be asked.
    var failures = 0
    var notBefore: Timestamp?
}

struct RevocationPlan: Sendable, Equatable {
    enum Finalizer: Sendable, Equatable { case add, remove }

    var progress: RevocationProgress
    /// Begin with this: the certificate is read from the Secret and written down.
    var take: RevocationWish?
    /// The record as it should be; nil to leave it.
    var record: RevocationRecord?
    /// Nobody wants it any more.
    var dropsRecord = false
    var finalizer: Finalizer?
    /// Nil to leave it.
    var condition: Condition?
    var notices: [Notice] = []
    /// Ask the CA to revoke what the record holds.
    var ask: RevocationRecord?
    var lookAgain: Timestamp?
}

enum RevocationDecision {
    static let conditionType = "Revocation"
    /// A Certificate that is deleted does not wait for its CA for longer than this.
    static let patience = Duration.seconds(600)

    static func decide(_ view: RevocationView) -> RevocationPlan {
        var plan = RevocationPlan(progress: view.progress)
        if view.certificate.metadata.isBeingDeleted {
            if view.hasFinalizer { release(view, &plan) }
            return plan
        }
        do throws(RevocationWish.Problem) {
            let wanted = try RevocationWish(onDeletion: view.certificate.metadata.annotations) != nil
            if wanted != view.hasFinalizer { plan.finalizer = wanted ? .add : .remove }
            if let wish = try RevocationWish(view.certificate.metadata.annotations) {
                follow(wish, view, &plan)
            } else if let record = view.record, !record.state.isOver {
                plan.dropsRecord = true
            }
        } catch {
            say(.no, "InvalidAnnotation", Readiness.sentence(error.sentence), view, &plan, isLoud: true)
        }
        return plan
    }

    private static func follow(_ wish: RevocationWish, _ view: RevocationView, _ plan: inout RevocationPlan) {
        guard let record = view.record, record.wish == wish.text else {
            guard view.issuer != nil else {
                let sentence = "The issuer is not ACME: its certificates cannot be revoked by an annotation"
                return say(.no, "NotSupported", sentence, view, &plan, isLoud: true)
            }
            plan.take = wish
            return
        }
        advance(record, view, &plan)
    }

    private static func advance(
        _ record: RevocationRecord, _ view: RevocationView, _ plan: inout RevocationPlan
    ) {
        var record = record
        switch record.state {
        case .replacing where view.present == nil || view.present == record.certificate:
            let sentence = "The certificate will be revoked (\(record.reasonName)) once another is in its place"
            return say(.no, "Replacing", sentence, view, &plan)
        case .replacing: record.state = .asking
        case .asking: break
        case .done: return say(.yes, "Revoked", done(record), view, &plan)
        case .failed: return say(.no, "RevocationFailed", record.detail ?? "", view, &plan, isLoud: true)
        }
        ask(record, view, &plan)
    }

    private static func ask(_ record: RevocationRecord, _ view: RevocationView, _ plan: inout RevocationPlan) {
        var record = record
        if let news = view.news, news.certificate == record.certificate {
            guard let failure = news.failure else {
                record.end(.done)
                plan.record = record
                plan.notices.append(.normal("Revoked", done(record)))
                return say(.yes, "Revoked", done(record), view, &plan)
            }
            if absorb(failure, &record, view, &plan) { return }
        }
        if record != view.record { plan.record = record }
        guard !view.isAsking else { return }
        if let time = plan.progress.notBefore, view.now < time {
            plan.lookAgain = time
            return
        }
        switch view.issuer {
        case .ready: plan.ask = record
        case .waiting(let why):
            say(.no, "RevocationPending", Readiness.sentence(why), view, &plan)
        case nil:
            say(
                .no, "RevocationPending", "The issuer that could revoke the certificate is not ACME any more", view,
                &plan)
        }
    }

    /// Whether that was the end of it.
    private static func absorb(
        _ failure: ACMEError, _ record: inout RevocationRecord, _ view: RevocationView, _ plan: inout RevocationPlan
    ) -> Bool {
        let until: Timestamp
        switch failure.advice {
        case .permanent:
            record.end(.failed, detail: Problem.presentable("The CA does not revoke it: \(failure)"))
            plan.record = record
            say(.no, "RevocationFailed", record.detail ?? "", view, &plan, isLoud: true)
            return true
        case .retry: until = view.now + RetryPace.delay(afterFailures: plan.progress.failures + 1)
        case .retryAt(let time): until = max(time, view.now + .seconds(1))
        case .userActionRequired: until = view.now + .seconds(3600)
        }
        plan.progress.failures += 1
        plan.progress.notBefore = until
        let sentence = "\(failure); next attempt at \(until.wholeSeconds.rfc3339)"
        say(.no, "RevocationPending", Problem.presentable("Failed to revoke: \(sentence)"), view, &plan)
        return false
    }

    /// The Certificate is being deleted: what it leaves is revoked first, if that can be done.
    private static func release(_ view: RevocationView, _ plan: inout RevocationPlan) {
        guard let wish = try? RevocationWish(onDeletion: view.certificate.metadata.annotations), view.issuer != nil
        else {
            plan.finalizer = .remove
            return
        }
        let begun = view.record?.wish == wish.text ? view.record : nil
        let deadline = (view.certificate.metadata.deletionTimestamp ?? view.now) + patience
        if let begun, begun.state.isOver {
            plan.finalizer = .remove
        } else if view.now >= deadline {
            plan.finalizer = .remove
            plan.notices.append(
                .warning(
                    "RevocationFailed",
                    "The certificate was not revoked within ten minutes and is left as it is; revoke it at the CA"))
        } else if let begun {
            ask(begun, view, &plan)
            // Written down is enough: the next look lets it go.
            plan.condition = nil
            plan.lookAgain = min(plan.lookAgain ?? deadline, deadline)
        } else {
            plan.take = wish
        }
    }

    private static func done(_ record: RevocationRecord) -> String {
        "The certificate \(record.certificate ?? "") was revoked (\(record.reasonName))"
    }

    private static func say(
        _ status: Condition.Status, _ reason: String, _ message: String, _ view: RevocationView,
        _ plan: inout RevocationPlan, isLoud: Bool = false
    ) {
        let old = view.certificate.status?.conditions[type: conditionType]
        guard old?.status != status || old?.reason != reason || old?.message != message else { return }
        plan.condition = Condition(
            type: conditionType, status: status, reason: reason, message: message,
            observedGeneration: view.certificate.metadata.generation)
        if isLoud { plan.notices.append(.warning(reason, message)) }
    }
}
