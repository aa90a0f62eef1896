import ACME
import CertificateAPI
import DNSProviders
import Issuers
import KubeModel
import PKI
import Solvers
import Testing
import Wire

@testable import Controllers

@Suite("Challenges")
struct ChallengeDecisionTests {
    private typealias Examples = ACMEExamples
    private let now = ACMEExamples.now

    private func view(
        _ change: (inout ChallengeView) -> Void = { _ in }
    ) async throws -> ChallengeView {
        var challenge = try await Examples.challenge("1")
        challenge.metadata.uid = "uid-challenge"
        challenge.metadata.resourceVersion = "30"
        var view = ChallengeView(
            challenge: challenge, order: .underWay, solver: .offered, issuer: try await Examples.access(), now: now)
        change(&view)
        return view
    }

    private func authorization(_ status: String, _ challenge: String = "processing") -> ACMEAuthorization {
        try! ACMEAuthorization(  // whole by construction
            [
                "status": .string(status), "identifier": ["type": "dns", "value": "a.example"],
                "challenges": [
                    [
                        "type": "dns-01", "url": "https://ca.example/chall/1/dns", "status": .string(challenge),
                        "error": ["type": "urn:ietf:params:acme:error:dns", "detail": "NXDOMAIN"],
                    ]
                ],
            ], url: "https://ca.example/authz/1")
    }

    @Test("a challenge is presented, checked, accepted and looked at, with one write at the end (Z6, Z7, Z9)")
    func wholeWay() async throws {
        var view = try await view()
        var step = ChallengeDecision.decide(view)
        #expect(step.errand == .present)
        #expect(step.keepsTurn)

        view.result = SolverResult(errand: .present, result: .done)
        step = ChallengeDecision.decide(view)
        #expect(step.errand == .check)
        #expect(step.progress.presentedAt == now)
        #expect(step.notices.map(\.reason) == ["Presented"])
        #expect(!step.mustWrite)

        view.progress = step.progress
        view.result = SolverResult(errand: .check, result: .checked(.visible("all servers")))
        step = ChallengeDecision.decide(view)
        #expect(step.ask == .accept)
        #expect(!step.mustWrite)

        view.progress = step.progress
        view.result = nil
        view.news = ChallengeNews(
            question: .accept,
            challenge: ACMEChallenge(
                ["url": "https://ca.example/chall/1/dns", "type": "dns-01", "status": "processing"], retryAfter: nil))
        step = ChallengeDecision.decide(view)
        #expect(step.ask == nil)
        #expect(step.lookAgain == now + .milliseconds(400))
        #expect(!step.mustWrite)

        view.progress = step.progress
        view.news = nil
        view.now = now + .milliseconds(400)
        step = ChallengeDecision.decide(view)
        #expect(step.ask == .look)

        view.news = ChallengeNews(question: .look, authorization: authorization("valid", "valid"))
        step = ChallengeDecision.decide(view)
        #expect(step.status.state == .valid)
        #expect(step.mustWrite)
        #expect(step.notices.map(\.reason) == ["DomainVerified"])
        #expect(step.errand == .cleanUp)
        #expect(!step.keepsTurn)

        view.challenge.status = step.status
        view.news = nil
        view.result = SolverResult(errand: .cleanUp, result: .done)
        step = ChallengeDecision.decide(view)
        #expect(step.removesFinalizers)
        #expect(step.status == view.challenge.status)
    }

    @Test("a record that is not seen yet is waited for, and says who saw what; one slow name lets others work")
    func notYet() async throws {
        var view = try await view {
            $0.progress.presentedAt = now
            $0.result = SolverResult(
                errand: .check, result: .checked(.notYet("ns1 has no record", again: .seconds(2))))
        }
        var step = ChallengeDecision.decide(view)
        #expect(step.status.reason == "Waiting for DNS-01 challenge propagation: ns1 has no record")
        #expect(step.status.state == .pending)
        #expect(step.mustWrite)
        // What an earlier look has done goes with this write.
        #expect(step.status.presented == true && step.status.presentedAt == now)
        #expect(step.lookAgain == now + .seconds(2))
        #expect(step.keepsTurn)
        view.challenge.status = step.status
        view.now = now + .seconds(61)
        step = ChallengeDecision.decide(view)
        #expect(!step.mustWrite)
        #expect(!step.keepsTurn)
    }

    @Test("a record that is not seen for a minute is presented once more, ever more rarely; one by hand is not")
    func lostRecord() async throws {
        var view = try await view { $0.progress.presentedAt = now }
        let unseen = SolverResult(
            errand: .check, result: .checked(.notYet("ns1 has no record", again: .seconds(10))))
        var presentations: [Duration] = []
        var step = ChallengeDecision.decide(view)
        for _ in 0..<60 {
            view.result = unseen
            step = ChallengeDecision.decide(view)
            view.progress = step.progress
            view.challenge.status = step.status
            view.now = step.lookAgain ?? view.now
            view.result = nil
            step = ChallengeDecision.decide(view)
            guard step.errand == .present else { continue }
            presentations.append(view.now - now)
            view.result = SolverResult(errand: .present, result: .done)
            step = ChallengeDecision.decide(view)
            #expect(step.errand == .check)
            #expect(step.notices.isEmpty)
            #expect(step.progress.presentedAt == now)
            view.progress = step.progress
        }
        #expect(presentations == [.seconds(70), .seconds(200), .seconds(450)])

        for change in [
            { (challenge: inout Challenge) in challenge.spec.solver.waitInsteadOfSelfCheck = "10m" },
            { challenge in challenge.spec.type = .http01 },
        ] {
            var other = try await self.view {
                $0.progress.presentedAt = now
                $0.result = unseen
            }
            change(&other.challenge)
            other.now = now + .seconds(3600)
            #expect(!ChallengeDecision.decide(other).progress.isLost)
        }
    }

    @Test("presenting once more that fails is said, and the record is looked for all the same")
    func lostRecordFails() async throws {
        var view = try await view {
            $0.progress.presentedAt = now
            $0.progress.isLost = true
            $0.result = SolverResult(errand: .present, result: .failed(.failed("the server is gone")))
        }
        var step = ChallengeDecision.decide(view)
        #expect(step.notices.map(\.reason) == ["PresentError"])
        view.progress = step.progress
        view.result = nil
        view.now = step.lookAgain ?? now
        step = ChallengeDecision.decide(view)
        #expect(step.errand == .check)
    }

    @Test("after a restart it is presented again, and what the server has heard before is no error (Z8)")
    func restarted() async throws {
        var view = try await view {
            $0.progress.presentedAt = now
            $0.news = ChallengeNews(question: .accept, failure: Examples.refusal("malformed", 400))
        }
        var step = ChallengeDecision.decide(view)
        #expect(step.ask == .look)
        #expect(step.status.state?.isFailure != true)
        view.progress = step.progress
        view.news = ChallengeNews(question: .look, authorization: authorization("pending", "processing"))
        #expect(ChallengeDecision.decide(view).status.state?.isFailure != true)
        // It never heard it: the refusal stands.
        view.news = ChallengeNews(question: .look, authorization: authorization("pending", "pending"))
        step = ChallengeDecision.decide(view)
        #expect(step.status.state == .errored)
        #expect(step.status.reason?.contains("malformed") == true)
    }

    @Test("a challenge that was processing before a restart is looked at first (Z8)")
    func processing() async throws {
        let view = try await view {
            var status = Challenge.Status()
            status.state = .processing
            status.presented = true
            $0.challenge.status = status
        }
        #expect(ChallengeDecision.decide(view).ask == .look)
    }

    @Test("a validation that takes long is shown, and survives a restart")
    func slowValidation() async throws {
        let view = try await view {
            $0.progress.presentedAt = now
            $0.progress.acceptedAt = now
            $0.progress.polls = 1
            $0.news = ChallengeNews(question: .look, authorization: authorization("pending"))
        }
        let step = ChallengeDecision.decide(view)
        #expect(step.status.state == .processing)
        #expect(step.mustWrite)
        #expect(step.lookAgain == now + .milliseconds(800))
    }

    @Test("a failed validation ends it with the server's reason, and it is cleaned up (Z10, Z12)")
    func invalid() async throws {
        let view = try await view {
            $0.progress.presentedAt = now
            $0.progress.acceptedAt = now
            $0.news = ChallengeNews(question: .look, authorization: authorization("invalid", "invalid"))
        }
        let step = ChallengeDecision.decide(view)
        #expect(step.status.state == .invalid)
        #expect(step.status.reason?.contains("NXDOMAIN") == true)
        #expect(step.notices.map(\.reason) == ["Failed"])
        #expect(step.errand == .cleanUp)
    }

    @Test("429 makes it wait until the time given", arguments: [ChallengeQuestion.accept, .look])
    func throttled(question: ChallengeQuestion) async throws {
        let until = now + .seconds(900)
        let view = try await view {
            $0.progress.presentedAt = now
            $0.news = ChallengeNews(question: question, failure: Examples.refusal("rateLimited", 429, retryAt: until))
        }
        let step = ChallengeDecision.decide(view)
        #expect(step.status.state == .pending)
        #expect(step.lookAgain == until)
        #expect(step.status.reason?.hasSuffix("next attempt at \(until.rfc3339)") == true)
    }

    @Test("presenting that fails is tried again ever more rarely, and what cannot succeed is not")
    func presentFails() async throws {
        let dns = SolverError.failed("the server is gone")
        var view = try await view { $0.result = SolverResult(errand: .present, result: .failed(dns)) }
        var step = ChallengeDecision.decide(view)
        #expect(step.lookAgain == now + .seconds(5))
        #expect(step.notices.map(\.reason) == ["PresentError"])
        view.challenge.status = step.status
        view.progress = step.progress
        step = ChallengeDecision.decide(view)
        #expect(step.progress.failures == 2)
        #expect(step.notices.isEmpty)
        view.result = SolverResult(errand: .present, result: .failed(.refused([.required(.spec)])))
        step = ChallengeDecision.decide(view)
        #expect(step.status.state == .errored)
    }

    @Test("a forged challenge uses no credentials: neither to present nor to clean up")
    func forged() async throws {
        for order in [OrderStanding.underWay, .none] {
            var view = try await view {
                $0.order = order
                $0.solver = .foreign
            }
            var step = ChallengeDecision.decide(view)
            #expect(step.errand == nil)
            #expect(step.ask == nil)
            #expect(step.mustWrite)
            var status = Challenge.Status()
            status.presented = true
            view.challenge.status = status
            view.challenge.metadata.deletionTimestamp = now
            step = ChallengeDecision.decide(view)
            #expect(step.errand == nil)
            #expect(step.removesFinalizers)
        }
    }

    @Test("a challenge that nothing controls is not worked on")
    func uncontrolled() async throws {
        let step = ChallengeDecision.decide(try await view { $0.order = .none })
        #expect(step.errand == nil)
        #expect(step.status.reason?.contains("No Order") == true)
    }

    @Test("without a turn nothing happens; without its finalizer that comes first")
    func turnsAndFinalizers() async throws {
        let waiting = try await view { $0.hasTurn = false }
        let idle = ChallengeStep(status: .init(), progress: .init())
        #expect(ChallengeDecision.decide(waiting) == idle)
        let bare = try await view { $0.challenge.metadata.finalizers = nil }
        let step = ChallengeDecision.decide(bare)
        #expect(step.addsFinalizer)
        #expect(step.errand == nil)
    }

    @Test("deleting cleans up first, gives up on what is gone for good, and waits a while for the rest (Z10)")
    func deletion() async throws {
        var view = try await view {
            $0.challenge.metadata.deletionTimestamp = now
            $0.progress.presentedAt = now
        }
        #expect(ChallengeDecision.decide(view).errand == .cleanUp)

        let secret = ObjectKey(namespace: "web", name: "tsig")
        view.result = SolverResult(errand: .cleanUp, result: .failed(.provider(.secretMissing(secret))))
        var step = ChallengeDecision.decide(view)
        #expect(step.removesFinalizers)
        #expect(step.leavesRecord)
        #expect(step.notices.first?.message.contains("_acme-challenge.a.example") == true)

        view.result = SolverResult(errand: .cleanUp, result: .failed(.failed("the server is gone")))
        step = ChallengeDecision.decide(view)
        #expect(!step.removesFinalizers)
        #expect(step.lookAgain == now + .seconds(5))
        view.now = now + ChallengeCleanUp.patience + .seconds(1)
        #expect(ChallengeDecision.decide(view).removesFinalizers)
    }

    @Test("an issuer that is gone does not keep what was presented here from being cleaned up, nor the rest in place")
    func issuerGone() async throws {
        var view = try await view {
            $0.challenge.metadata.deletionTimestamp = now
            $0.solver = .unknown
            $0.issuer = .waiting("gone")
        }
        #expect(ChallengeDecision.decide(view).removesFinalizers)
        view.progress.presentedAt = now
        #expect(ChallengeDecision.decide(view).errand == .cleanUp)
    }

    @Test("turns go round in the order of asking")
    func turns() {
        let keys = (0..<4).map { ObjectKey(namespace: "web", name: "c\($0)") }
        var machine = TurnMachine(limit: 2)
        func ask(_ index: Int) -> Bool { machine.asked(keys[index]) }
        func release(_ index: Int) -> [ObjectKey] { machine.released(keys[index]) }
        let first = [ask(0), ask(1), ask(2), ask(3), ask(0)]
        #expect(first == [true, true, false, false, true])
        let next = release(0)
        #expect(next == [keys[2]])
        // Whoever is first in the line comes first.
        let second = [ask(3), ask(0), ask(2)]
        #expect(second == [false, false, true])
        let none = release(3)
        #expect(none.isEmpty)
        let last = release(1)
        #expect(last == [keys[0]])
        let third = ask(0)
        #expect(third)
    }
}
