import ACME
import CertificateAPI
import HTTPTransport
import Issuers
import KubeModel
import PKI
import Testing
import Wire

@testable import Controllers

/// A certificate of ten days ago that lasts until 80 days from now, as a CA issues it.
private struct Sample {
    let view: CertificateView
    let leaf: LeafFacts

    static func make(serial: UInt8 = 1, _ change: (inout Certificate) -> Void = { _ in }) async throws -> Sample {
        let parts = try await Parts.shared
        var extensions = CertificateExtensions()
        extensions.names = [.dns("www.example.com")]
        extensions.authorityKeyId = [7, 7, 7]
        let certificate = try await CertificateTemplate(
            subject: .empty, publicKey: parts.key.publicKey, notBefore: Parts.now - Parts.day * 10,
            notAfter: Parts.now + Parts.day * 80, extensions: extensions, serial: [0x40, serial]
        ).signed(by: nil, key: parts.key)
        var ready = try await parts.ready(change)
        let secret = try await parts.secret(ready.certificate, leaf: certificate)
        ready.secret = secret
        return Sample(view: ready, leaf: secret.leaf.value!)  // just made
    }

    /// With a window in the status.
    func with(start: Timestamp, end: Timestamp, checked: Timestamp = Parts.now) -> CertificateView {
        view.with { $0.certificate.status?.acme = Sample.status(start, end, checked) }
    }

    static func status(
        _ start: Timestamp, _ end: Timestamp, _ checked: Timestamp = Parts.now, next: Duration = .seconds(6 * 3600)
    ) -> Certificate.Status.ACME {
        var ari = Certificate.Status.RenewalInformation()
        ari.suggestedWindow = .init(start: start, end: end)
        ari.lastChecked = checked
        ari.nextCheck = checked + next
        var acme = Certificate.Status.ACME()
        acme.ari = ari
        return acme
    }
}

@Suite("When a certificate is renewed by the CA's window")
struct SuggestedRenewalTests {
    private let now = Parts.now
    private let day = Parts.day
    /// By the lifetime alone.
    private let usual = Parts.now + Parts.day * 50

    @Test("one time within the window, the same at every look and after a restart, another for each certificate (ARI3)")
    func pick() async throws {
        let start = now + day * 40
        var times: Set<Timestamp> = []
        for serial in 1...20 {
            let sample = try await Sample.make(serial: UInt8(serial))
            let view = sample.with(start: start, end: start + day * 2)
            let time = try #require(Trigger.renewal(view)?.time)
            #expect((start..<start + day * 2).contains(time))
            #expect(Trigger.renewal(view.with { $0.now = now + day })?.time == time)
            #expect(Readiness.applied(to: view.status, view).renewalTime == time)
            times.insert(time)
        }
        #expect(times.count == 20)
    }

    @Test("picks are spread evenly over the window (ARI3)")
    func uniform() {
        let window = Certificate.Status.RenewalInformation.Window(start: now, end: now + .seconds(1000))
        var buckets = [Int](repeating: 0, count: 10)
        for number in 0..<5000 {
            let time = SuggestedRenewal.pick(window, name: "aki.\(number)")
            buckets[Int((time - now) / .seconds(100))] += 1
        }
        #expect(buckets.allSatisfy { (400...600).contains($0) })
    }

    @Test("before the picked time nothing is renewed, though the window has opened: no batch after a restart (ARI3)")
    func notAtWindowStart() async throws {
        let sample = try await Sample.make()
        let start = now - .seconds(3600)
        let view = sample.with(start: start, end: start + day * 2)
        let time = try #require(Trigger.renewal(view)?.time)
        try #require(time > now)
        #expect(Trigger.decide(view) == .fine(until: time))
        let due = Trigger.decide(view.with { $0.now = time })
        guard case .issue(let reason) = due else {
            Issue.record("\(due)")
            return
        }
        #expect(reason.reason == "Renewing")
    }

    @Test("a window in the past renews now (ARI3, R7)")
    func past() async throws {
        let sample = try await Sample.make()
        let view = sample.with(start: now - day * 2, end: now - day).with {
            // Issued ten days ago, not just now as the request of the examples.
            $0.requests = []
        }
        guard case .issue = Trigger.decide(view) else {
            Issue.record("\(Trigger.decide(view))")
            return
        }
    }

    @Test("a window in the past makes no second certificate within the hour after the first (ARI12)")
    func noStorm() async throws {
        // Backdated by an hour as CAs do, so that a window of before its time lies after notBefore.
        let sample = try await Sample.make()
        let view = sample.with(start: now - day, end: now - .seconds(60))
        #expect(Trigger.renewal(view)?.time == now + .seconds(3600))
        #expect(Trigger.decide(view) == .fine(until: now + .seconds(3600)))
    }

    @Test("the window of a predecessor is none, whatever its times, and goes from the status (ARI6, ARI12)")
    func predecessor() async throws {
        let sample = try await Sample.make()
        let view = sample.with(start: now - day, end: now - .seconds(60)).with {
            // The status still tells of the certificate that the Secret held before.
            $0.certificate.status?.notBefore = now - day * 90
            $0.certificate.status?.notAfter = now
        }
        #expect(Trigger.renewal(view)?.time == usual)
        #expect(Readiness.applied(to: view.status, view).acme == nil)
    }

    @Test("between two polls the window stays, and with it the renewal time: the status does not flap (ARI3)")
    func stable() async throws {
        let sample = try await Sample.make()
        let view = sample.with(start: now + day * 40, end: now + day * 42)
        let first = Readiness.applied(to: view.status, view)
        #expect(first.acme == view.status.acme)
        let again = view.with {
            $0.certificate.status = first
            $0.now = now + day
        }
        #expect(Readiness.applied(to: first, again) == first)
    }

    @Test("a window that comes too late is cut: a CA that errs never lets a certificate run out (ARI9)")
    func backstop() async throws {
        let sample = try await Sample.make()
        let late = sample.with(start: now + day * 79, end: now + day * 200)
        // A quarter of the 30 days that are left at the usual time.
        #expect(Trigger.renewal(late)?.time == usual + day * 7 + .seconds(43200))
    }

    @Test("a certificate that is never renewed by itself is not renewed by a window either")
    func disabled() async throws {
        let sample = try await Sample.make { certificate in
            certificate.spec.renewal = .init()
            certificate.spec.renewal?.policy = "Disabled"
        }
        #expect(Trigger.renewal(sample.with(start: now - day, end: now))?.time == nil)
    }
}

@Suite("Asking the CA about renewals")
struct RenewalDecisionTests {
    private let now = Parts.now
    private let day = Parts.day

    private func view(
        _ sample: Sample, news: Result<RenewalInformation?, ACMEError>? = nil,
        _ change: (inout RenewalView) -> Void = { _ in }
    ) -> RenewalView {
        var view = RenewalView(
            certificate: sample.view.certificate, leaf: sample.leaf, source: .server,
            news: news.map { RenewalNews(name: sample.leaf.renewalName ?? "", answer: $0) }, now: now)
        change(&view)
        return view
    }

    private func information(
        _ start: String = "2027-03-01T00:00:00Z", _ end: String = "2027-03-03T00:00:00Z", retryAfter: Duration? = nil,
        page: String? = nil
    ) throws -> RenewalInformation {
        var json: JSONValue = ["suggestedWindow": ["start": .string(start), "end": .string(end)]]
        if let page { json["explanationURL"] = .string(page) }
        return try RenewalInformation(json, retryAfter: retryAfter)
    }

    @Test("a new certificate is asked about at once, and one that was asked about when its time has come (ARI4)")
    func asks() async throws {
        let sample = try await Sample.make()
        let first = RenewalDecision.decide(view(sample))
        #expect(first == RenewalInquiry(acme: nil, progress: .init(), ask: "BwcH.QAE"))
        let known = Sample.status(now + day, now + day * 2)
        let second = RenewalDecision.decide(view(sample) { $0.certificate.status?.acme = known })
        #expect(second == RenewalInquiry(acme: known, progress: .init(), lookAgain: now + .seconds(6 * 3600)))
        let third = RenewalDecision.decide(
            view(sample) {
                $0.certificate.status?.acme = known
                $0.now = now + .seconds(6 * 3600)
            })
        #expect(third.ask == "BwcH.QAE")
        #expect(RenewalDecision.decide(view(sample) { $0.isAsking = true }).ask == nil)
    }

    @Test("while many are being issued the CA is asked about a new certificate half a minute to a minute later, once")
    func crowd() async throws {
        let sample = try await Sample.make()
        func decide(_ seconds: Int, _ progress: RenewalProgress, orders: Int = OrderPatience.many) -> RenewalInquiry {
            RenewalDecision.decide(
                view(sample) {
                    $0.ordersUnderWay = orders
                    $0.progress = progress
                    $0.now = now + .seconds(seconds)
                })
        }
        #expect(decide(0, .init(), orders: OrderPatience.many - 1).ask == "BwcH.QAE")
        #expect(decide(0, .init()).lookAgain == now + .seconds(30))
        let first = decide(0, RenewalProgress(jitter: 0.5))
        #expect(first.ask == nil)
        #expect(first.lookAgain == now + .seconds(45))
        // A look in between makes it no later.
        #expect(decide(20, first.progress) == first)
        let done = decide(45, first.progress)
        #expect(done.ask == "BwcH.QAE")
        #expect(done.progress == RenewalProgress(jitter: 0.5))
        #expect(decide(20, first.progress, orders: 0).ask == "BwcH.QAE")
        // The pause was that of another certificate.
        var other = first.progress
        other.pause?.name = "other"
        #expect(decide(50, other).lookAgain == now + .seconds(95))
        // One that was asked about is asked about when its time has come, whoever else is there.
        let known = Sample.status(now + day, now + day * 2, next: .zero)
        let again = RenewalDecision.decide(
            view(sample) {
                $0.certificate.status?.acme = known
                $0.ordersUnderWay = 1000
            })
        #expect(again.ask == "BwcH.QAE")
    }

    @Test("a certificate that was revoked has no window, and is not asked about")
    func revoked() async throws {
        let sample = try await Sample.make()
        var status = sample.view.status
        status.acme = Sample.status(now + day, now + day * 2)
        status.conditions = status.conditions.setting(
            Condition(type: Condition.Kind.ready, status: .no, reason: "Revoked", message: ""), now: now)
        let plan = RenewalDecision.decide(view(sample) { $0.certificate.status = status })
        #expect(plan == RenewalInquiry(acme: nil, progress: .init()))
    }

    @Test(
        "Retry-After is obeyed between a minute and a day; without it six hours pass (ARI4)",
        arguments: [
            (nil, 21600), (Duration.seconds(0), 60), (.seconds(59), 60), (.seconds(4000), 4000),
            (.seconds(86400 * 30), 86400),
        ])
    func pace(retryAfter: Duration?, seconds: Int) async throws {
        let sample = try await Sample.make()
        let plan = RenewalDecision.decide(view(sample, news: .success(try information(retryAfter: retryAfter))))
        #expect(plan.lookAgain == now + .seconds(seconds))
        #expect(plan.acme?.ari?.nextCheck == plan.lookAgain)
        #expect(plan.ask == nil)
    }

    @Test("window and explanation are kept; a window that moves is told once (ARI8)")
    func keeps() async throws {
        let sample = try await Sample.make()
        let page = "https://ca.example/why"
        let plan = RenewalDecision.decide(view(sample, news: .success(try information(page: page))))
        let ari = try #require(plan.acme?.ari)
        #expect(ari.suggestedWindow?.start == Timestamp(rfc3339: "2027-03-01T00:00:00Z"))
        #expect(ari.explanationURL == page)
        #expect(ari.lastChecked == now)
        #expect(ari.lastError == nil)
        #expect(plan.notices.isEmpty)
        let moved = RenewalDecision.decide(
            view(
                sample, news: .success(try information("2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z", page: page))
            ) { $0.certificate.status?.acme = plan.acme })
        #expect(moved.notices.map(\.reason) == ["RenewalWindow"])
        #expect(moved.notices.first?.message.contains(page) == true)
    }

    @Test("a server in trouble is asked ever more rarely, then every six hours; the window it gave stays (ARI5)")
    func trouble() async throws {
        let sample = try await Sample.make()
        let known = Sample.status(now + day, now + day * 2, next: .zero)
        var status: Certificate.Status.ACME? = known
        var progress = RenewalProgress()
        var pauses: [Duration] = []
        var told: [String] = []
        for _ in 1...7 {
            let plan = RenewalDecision.decide(
                view(sample, news: .failure(ACMEExamples.refusal("serverInternal", 500))) {
                    $0.certificate.status?.acme = status
                    $0.progress = progress
                })
            status = plan.acme
            progress = plan.progress
            pauses.append(try #require(plan.lookAgain) - now)
            told += plan.notices.map(\.reason)
        }
        #expect(pauses == [60, 120, 240, 480, 960, 1920, 21600].map { Duration.seconds($0) })
        #expect(told == ["ARIError"])
        #expect(status?.ari?.suggestedWindow == known.ari?.suggestedWindow)
        #expect(status?.ari?.lastError?.contains("500") == true)
    }

    @Test(
        "what will not pass soon waits six hours (ARI5)",
        arguments: [
            ACMEExamples.refusal("malformed", 404), ACMEExamples.refusal("malformed", 400),
            .transport(.resolve("no such host"), attempting: .getRenewalInfo),
            .transport(.connect("refused"), attempting: .getRenewalInfo), .malformed("no window"),
        ])
    func longTerm(error: ACMEError) async throws {
        let sample = try await Sample.make()
        let plan = RenewalDecision.decide(view(sample, news: .failure(error)))
        #expect(plan.lookAgain == now + .seconds(21600))
    }

    @Test("a limit is waited for as long as the server says")
    func limited() async throws {
        let sample = try await Sample.make()
        let plan = RenewalDecision.decide(
            view(sample, news: .failure(ACMEExamples.refusal("rateLimited", 429, retryAt: now + .seconds(5000)))))
        #expect(plan.lookAgain == now + .seconds(5000))
    }

    @Test("one that ran out, is being replaced, is not in order or is made by ourselves is not asked about (ARI6)")
    func leavesAlone() async throws {
        let sample = try await Sample.make()
        let changes: [@Sendable (inout RenewalView) -> Void] = [
            { $0.now = $0.leaf!.notAfter }, { $0.leaf = nil }, { $0.source = .unknown },
            { $0.certificate.metadata.deletionTimestamp = Parts.now },
            {
                let conditions = $0.certificate.status?.conditions
                $0.certificate.status?.conditions = conditions.setting(
                    Condition(type: Condition.Kind.issuing, status: .yes), now: Parts.now)
            }, { $0.certificate.status?.conditions = nil },
            { $0.certificate.status?.notAfter = Parts.now },
        ]
        for change in changes {
            let plan = RenewalDecision.decide(view(sample) { change(&$0) })
            #expect(plan == RenewalInquiry(acme: nil, progress: .init()))
        }
    }

    @Test("the answer about a predecessor is not taken for this one (ARI6)")
    func foreignAnswer() async throws {
        let sample = try await Sample.make()
        let answer = Result<RenewalInformation?, ACMEError>.success(try information())
        let plan = RenewalDecision.decide(view(sample) { $0.news = RenewalNews(name: "other", answer: answer) })
        #expect(plan == RenewalInquiry(acme: nil, progress: .init(), ask: "BwcH.QAE"))
    }

    @Test("an issuer that does not want windows, or a server that has none, leaves nothing in the status (ARI1)")
    func none() async throws {
        let sample = try await Sample.make()
        let known = Sample.status(now + day, now + day * 2)
        let off = RenewalDecision.decide(
            view(sample) {
                $0.certificate.status?.acme = known
                $0.source = .none
            })
        #expect(off == RenewalInquiry(acme: nil, progress: .init()))
        let unsupported = RenewalDecision.decide(
            view(sample, news: .success(nil)) { $0.certificate.status?.acme = known })
        #expect(unsupported == RenewalInquiry(acme: nil, progress: .init(), lookAgain: now + .seconds(21600)))
    }
}
