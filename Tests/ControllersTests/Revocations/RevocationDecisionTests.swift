import ACME
import CertificateAPI
import Issuers
import KubeModel
import PKI
import Testing
import Wire

@testable import Controllers

@Suite("Revocation by annotation")
struct RevocationDecisionTests {
    private let now = ACMEExamples.now
    private typealias Key = Names.Annotation

    private func certificate(_ annotations: [String: String], _ change: (inout Certificate) -> Void = { _ in })
        async throws
        -> Certificate
    {
        try await Parts.shared.certificate { certificate in
            certificate.metadata.annotations = annotations
            change(&certificate)
        }
    }

    private func record(
        _ annotations: [String: String] = [Key.revoke: "keyCompromise"], name: String = "aki.1",
        _ change: (inout RevocationRecord) -> Void = { _ in }
    ) throws -> RevocationRecord {
        let wish = try RevocationWish(annotations)
        var record = RevocationRecord(try #require(wish), certificate: name, der: [1, 2, 3])
        change(&record)
        return record
    }

    private func view(
        _ annotations: [String: String], record: RevocationRecord? = nil, present: String? = "aki.1",
        _ change: (inout RevocationView) -> Void = { _ in }
    ) async throws -> RevocationView {
        var annotations = annotations
        if let record { annotations[Key.revocation] = try record.text }
        var view = RevocationView(
            certificate: try await certificate(annotations), present: present, issuer: try await ACMEExamples.access(),
            now: now)
        change(&view)
        return view
    }

    @Test("a wish is read as written, and refused with the words that help (R3)")
    func wishes() throws {
        #expect(try RevocationWish(nil) == nil)
        #expect(try RevocationWish([Key.revoke: "KEYcompromise again"])?.reason == .keyCompromise)
        #expect(try RevocationWish([Key.revoke: "4"])?.reason == .superseded)
        #expect(try RevocationWish([Key.revoke: "superseded"])?.replacement == .first)
        #expect(try RevocationWish([Key.revoke: "superseded", Key.revokeReissue: "never"])?.replacement == .never)
        let own = try RevocationWish([Key.revoke: "superseded", Key.revokeWith: "certificate"])
        #expect(own?.signer == .certificate)
        #expect(own?.replacement == .after)
        #expect(try RevocationWish(onDeletion: [Key.revokeOnDeletion: "cessationOfOperation"])?.replacement == .never)
        for wrong in [
            [Key.revoke: "because"], [Key.revoke: "7"], [Key.revoke: "11"],
            [Key.revoke: "1", Key.revokeReissue: "soon"],
            [Key.revoke: "1", Key.revokeWith: "me"],
            [Key.revoke: "1", Key.revokeWith: "certificate", Key.revokeReissue: "first"],
        ] {
            let problem = #expect(throws: RevocationWish.Problem.self) { try RevocationWish(wrong) }
            #expect(problem?.sentence.contains("certwright.dev/revoke") == true)
        }
    }

    @Test("first the certificate is written down; a text that was answered is not begun again")
    func begins() async throws {
        let plan = RevocationDecision.decide(try await view([Key.revoke: "keyCompromise"]))
        #expect(plan.take == (try RevocationWish([Key.revoke: "keyCompromise"])))
        #expect(plan.ask == nil)
        let done = try record { $0.end(.done) }
        let again = RevocationDecision.decide(try await view([Key.revoke: "keyCompromise"], record: done))
        #expect(again.take == nil)
        #expect(again.ask == nil)
        let other = RevocationDecision.decide(try await view([Key.revoke: "keyCompromise twice"], record: done))
        #expect(other.take != nil)
        let none = RevocationDecision.decide(try await view([:]))
        #expect(none == RevocationPlan(progress: .init()))
    }

    @Test("it is replaced first: the CA is asked only once another certificate is in the Secret (R6)")
    func replacedFirst() async throws {
        let record = try record()
        let waiting = RevocationDecision.decide(try await view([Key.revoke: "keyCompromise"], record: record))
        #expect(waiting.ask == nil)
        #expect(waiting.condition?.reason == "Replacing")
        let gone = RevocationDecision.decide(
            try await view([Key.revoke: "keyCompromise"], record: record, present: nil))
        #expect(gone.ask == nil)
        let asked = RevocationDecision.decide(
            try await view([Key.revoke: "keyCompromise"], record: record, present: "aki.2"))
        #expect(asked.ask?.certificate == "aki.1")
        // What it is about is written down as asked for before the CA hears of it.
        #expect(asked.record?.state == .asking)
    }

    @Test("at once where that is wanted; the CA's yes ends it, and the certificate's bytes go")
    func atOnce() async throws {
        let wish = [Key.revoke: "superseded", Key.revokeReissue: "never"]
        let record = try record(wish)
        let asked = RevocationDecision.decide(try await view(wish, record: record))
        #expect(asked.ask == record)
        #expect(asked.record == nil)
        let busy = RevocationDecision.decide(try await view(wish, record: record) { $0.isAsking = true })
        #expect(busy.ask == nil)
        let news = RevocationNews(certificate: "aki.1")
        let done = RevocationDecision.decide(try await view(wish, record: record) { $0.news = news })
        #expect(done.record?.state == .done)
        #expect(done.record?.der == nil)
        #expect(done.condition?.status == .yes)
        #expect(done.notices.map(\.reason) == ["Revoked"])
        // News of another certificate is none.
        let stray = RevocationDecision.decide(
            try await view(wish, record: record) { $0.news = RevocationNews(certificate: "aki.9") })
        #expect(stray.record == nil)
    }

    @Test("a CA in trouble is asked again, ever more rarely; what it refuses ends the wish in its words (R5)")
    func refusals() async throws {
        let wish = [Key.revoke: "superseded", Key.revokeReissue: "never"]
        let record = try record(wish)
        func answer(_ error: ACMEError) async throws -> RevocationPlan {
            RevocationDecision.decide(
                try await view(wish, record: record) { $0.news = .init(certificate: "aki.1", failure: error) })
        }
        let busy = try await answer(ACMEExamples.refusal("serverInternal", 500))
        #expect(busy.record == nil)
        #expect(busy.lookAgain == now + .seconds(5))
        #expect(busy.condition?.reason == "RevocationPending")
        let limited = try await answer(ACMEExamples.refusal("rateLimited", 429, retryAt: now + .seconds(900)))
        #expect(limited.lookAgain == now + .seconds(900))
        let refused = try await answer(ACMEExamples.refusal("badRevocationReason", 400))
        #expect(refused.record?.state == .failed)
        #expect(refused.condition?.message?.contains("badRevocationReason") == true)
        #expect(refused.notices.map(\.kind) == [.warning])
        let told = RevocationDecision.decide(
            try await view(wish, record: refused.record) { view in
                view.certificate.status = .init()
                view.certificate.status?.conditions = [refused.condition!]
            })
        #expect(told.notices.isEmpty)
        #expect(told.condition == nil)
    }

    @Test("a wish that is taken back is dropped while that is still possible; bad words are told")
    func takenBack() async throws {
        #expect(RevocationDecision.decide(try await view([:], record: try record())).dropsRecord)
        let done = try record { $0.end(.done) }
        #expect(!RevocationDecision.decide(try await view([:], record: done)).dropsRecord)
        let wrong = RevocationDecision.decide(try await view([Key.revoke: "no"]))
        #expect(wrong.condition?.reason == "InvalidAnnotation")
        let other = RevocationDecision.decide(try await view([Key.revoke: "superseded"]) { $0.issuer = nil })
        #expect(other.condition?.reason == "NotSupported")
        #expect(other.take == nil)
    }

    @Test("a Certificate that is deleted is revoked first, for ten minutes at most")
    func deletion() async throws {
        let policy = [Key.revokeOnDeletion: "cessationOfOperation"]
        #expect(RevocationDecision.decide(try await view(policy)).finalizer == .add)
        func deleted(_ record: RevocationRecord?, after: Duration = .zero, annotations: [String: String]? = nil)
            async throws -> RevocationPlan
        {
            RevocationDecision.decide(
                try await view(annotations ?? policy, record: record) { view in
                    view.certificate.metadata.finalizers = [Names.Finalizer.revocation]
                    view.certificate.metadata.deletionTimestamp = now
                    view.now = now + after
                })
        }
        let first = try await deleted(nil)
        #expect(first.take?.reason == .cessationOfOperation)
        #expect(first.finalizer == nil)
        let found = try RevocationWish(onDeletion: policy)
        let wish = try #require(found)
        var record = RevocationRecord(wish, certificate: "aki.1", der: [1])
        let asked = try await deleted(record)
        #expect(asked.ask == record)
        #expect(asked.lookAgain == now + .seconds(600))
        let late = try await deleted(record, after: .seconds(600))
        #expect(late.finalizer == .remove)
        #expect(late.notices.map(\.reason) == ["RevocationFailed"])
        record.end(.done)
        #expect(try await deleted(record).finalizer == .remove)
        #expect(try await deleted(RevocationRecord(wish, failed: "nothing")).finalizer == .remove)
        // The policy was taken away, or cannot be read: nobody is held up.
        #expect(try await deleted(nil, annotations: [:]).finalizer == .remove)
        #expect(try await deleted(nil, annotations: [Key.revokeOnDeletion: "no"]).finalizer == .remove)
        let kept = RevocationDecision.decide(
            try await view([:]) { $0.certificate.metadata.finalizers = [Names.Finalizer.revocation] })
        #expect(kept.finalizer == .remove)
    }

    @Test("issuing follows: replaced with another key, not Ready once revoked, left alone where that is wanted (R6)")
    func issuing() async throws {
        let parts = try await Parts.shared
        func view(_ record: RevocationRecord?) async throws -> CertificateView {
            let ready = try await parts.issued { $0.spec.privateKey?.rotationPolicy = "Never" }
            guard let record else { return ready }
            var certificate = ready.certificate
            certificate.metadata.annotations = [Key.revocation: try record.text]
            return ready.with(certificate: certificate)
        }
        let issued = try await view(nil)
        let name = try #require(issued.secret?.leaf.value?.renewalName)
        func violation(_ record: RevocationRecord) async throws -> String? {
            guard case .issue(let reason) = Trigger.decide(try await view(record)) else { return nil }
            return reason.reason
        }
        #expect(try await violation(try record(name: name)) == "Revoking")
        #expect(try await violation(try record(name: "aki.other")) == nil)
        let never = [Key.revoke: "superseded", Key.revokeReissue: "never"]
        let over = try record(never, name: name) { $0.end(.done) }
        #expect(try await violation(over) == nil)
        let ready = Readiness.applied(to: .init(), try await view(over)).conditions[type: "Ready"]
        #expect(ready?.status == .no)
        #expect(ready?.reason == "Revoked")
        let after = [Key.revoke: "superseded", Key.revokeReissue: "after"]
        #expect(try await violation(try record(after, name: name)) == nil)
        #expect(try await violation(try record(after, name: name) { $0.end(.done) }) == "Revoked")
        let desired = try DesiredCertificate(parts.certificate { $0.spec.privateKey?.rotationPolicy = "Never" }.spec)
        #expect(NextKey.plan(try await view(nil), desired).choice == .make(.targetSecret))
        let compromised = try await view(try record(name: name))
        #expect(NextKey.plan(compromised, desired).choice == .make(.new))
        // Stored for the next certificate before anybody knew: of no use.
        let stored = try parts.nextKey()
        #expect(NextKey.plan(compromised.with { $0.nextKeys = [stored] }, desired).choice == .make(.new))
    }

    @Test("what is to be revoked is not copied to the next request")
    func notCopied() async throws {
        let certificate = try await certificate([Key.revoke: "keyCompromise", Key.revocation: "{}", "note": "x"])
        let request = try await RequestBuilder.make(
            CertificateView(certificate: certificate, secret: nil, now: now), revision: 1,
            key: try await Parts.shared.key, keySecret: "k")
        let copied = request.metadata.annotations?.keys.filter { !$0.hasPrefix("cert-manager.io/") }
        #expect(copied == ["note"])
    }
}

extension Parts {
    /// `ready`, with a certificate that says whose key signed it, as those of CAs do.
    func issued(_ change: (inout Certificate) -> Void = { _ in }) async throws -> CertificateView {
        var extensions = CertificateExtensions()
        extensions.names = [.dns("www.example.com")]
        extensions.authorityKeyId = [7, 7, 7]
        let leaf = try await CertificateTemplate(
            subject: .empty, publicKey: key.publicKey, notBefore: Self.now - Self.day * 10,
            notAfter: Self.now + Self.day * 80, extensions: extensions, serial: [0x40, 1]
        ).signed(by: nil, key: key)
        var view = try await ready(change)
        view.secret = try await secret(view.certificate, leaf: leaf)
        return view
    }
}
