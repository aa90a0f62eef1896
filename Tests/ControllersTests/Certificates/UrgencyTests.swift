import CertificateAPI
import KubeModel
import PKI
import Testing
import Wire

@testable import Controllers

@Suite("Certificates that run out soon")
struct UrgencyTests {
    private let now = Parts.now
    private let day = Parts.day

    /// Of 90 days, to be renewed 30 days before the end.
    private func urgency(endsIn left: Duration) -> Urgency {
        Urgency(renewal: now + left - day * 30, notBefore: now + left - day * 90, notAfter: now + left)
    }

    @Test("it begins with the last third of what remains after the time to renew")
    func begins() {
        #expect(urgency(endsIn: day * 12).begins == now + day * 2)
        // A renewal that is planned for after the end leaves no time at all.
        let late = Urgency(renewal: now + day, notBefore: now - day * 9, notAfter: now)
        #expect(late.begins == now)
    }

    @Test("retries come faster then, and faster still towards the end, but not as fast as a CA counts failures")
    func pace() {
        func pause(_ left: Duration, usual: Duration = .seconds(32 * 3600)) -> Duration {
            urgency(endsIn: left).retryTime(failedAt: now, usual: now + usual) - now
        }
        #expect(pause(day * 9) == .seconds(9 * 3600))
        #expect(pause(day) == .seconds(3600))
        #expect(pause(.seconds(3600)) == .seconds(900))
        #expect(pause(day * -1) == .seconds(900))
        // Never later than it would be anyway.
        #expect(pause(day * 9, usual: .seconds(3600)) == .seconds(3600))
        // A wait that reaches into the last third ends early in it.
        #expect(pause(day * 11) == day)
        #expect(pause(day * 30) == .seconds(32 * 3600))
        let short = Urgency(renewal: now, notBefore: now - .seconds(2400), notAfter: now + .seconds(1200))
        #expect(short.shortestPause == .seconds(75))
    }

    private func view(endsIn left: Duration, attempts: Int?) async throws -> CertificateView {
        let parts = try await Parts.shared
        let leaf = try await parts.leaf(from: left - day * 90, until: left)
        let certificate = parts.certificate { certificate in
            certificate.status = .init()
            certificate.status?.failedIssuanceAttempts = attempts
            certificate.status?.lastFailureTime = attempts.map { _ in now }
        }
        return CertificateView(
            certificate: certificate, secret: try await parts.secret(certificate, leaf: leaf), now: now)
    }

    @Test("the condition and an event say it, why, and until when; then only what is new is told again")
    func condition() async throws {
        let view = try await view(endsIn: day * 5, attempts: 3)
        let actions = CertificateDecision.decide(view)
        let status = try #require(
            actions.compactMap { if case .setStatus(let status) = $0 { status } else { nil } }.first)
        let condition = try #require(status.conditions[type: "ExpiringSoon"])
        #expect(condition.status == .yes)
        #expect(condition.reason == "RenewalFailing")
        let words = "The certificate runs out at \((now + day * 5).rfc3339), and its renewal has failed 3 times"
        #expect(condition.message?.hasPrefix(words) == true)
        #expect(actions.contains(.tell(.warning("ExpiringSoon", condition.message ?? ""))))
        #expect(Urgency.notice(from: status, to: status) == [])
        #expect(actions.last == .lookAgain(at: now + .seconds(4 * 3600)))
    }

    @Test("it is there only while it is so, and comes by itself when its time does")
    func absent() async throws {
        let early = try await view(endsIn: day * 12, attempts: nil)
        let status = Urgency.applied(to: early.status, early)
        #expect(status.conditions[type: "ExpiringSoon"] == nil)
        #expect(Readiness.nextChange(early) == now + day * 2)
        var over = try await view(endsIn: day * -1, attempts: nil)
        #expect(Urgency.applied(to: over.status, over).conditions[type: "ExpiringSoon"]?.reason == "Expired")
        over.certificate.status = Urgency.applied(to: over.status, over)
        over.secret = nil
        #expect(Urgency.applied(to: over.status, over).conditions[type: "ExpiringSoon"] == nil)
    }

    @Test("what is in the way of the order shows on the Certificate, and goes with it")
    func obstacle() async throws {
        var view = try await view(endsIn: day * 60, attempts: nil)
        view.obstacle = "a.example: add the record: a.example. CAA 0 issue \"ca\""
        let status = Readiness.applied(to: view.status, view)
        let condition = try #require(status.conditions[type: "Preflight"])
        #expect(condition.status == .no)
        #expect(
            condition.message
                == "In the way of the ACME order: a.example: add the record: a.example. CAA 0 issue \"ca\"")
        view.certificate.status = status
        view.obstacle = nil
        #expect(Readiness.applied(to: status, view).conditions[type: "Preflight"] == nil)
    }
}
