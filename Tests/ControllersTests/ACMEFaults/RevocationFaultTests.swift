import ACME
import CertificateAPI
import Issuers
import KubeModel
import PKI
import Testing
import Wire

@testable import Controllers

/// A revocation taken to its end by the controller's decisions and the client's requests against a server in memory. Only
/// the Certificate's annotations are kept when the controller dies.
@Suite("Faults while a certificate is revoked")
struct RevocationFaultTests {
    static let plans: [FakeCA.Plan] = FakeCA.Fault.allCases.flatMap { fault in
        [1, 3].map { FakeCA.Plan(fault: fault, kind: .revoke, times: $0) }
    }

    private static let wish = [Names.Annotation.revoke: "superseded", Names.Annotation.revokeReissue: "never"]

    private struct Outcome {
        var record: RevocationRecord
        var ca: FakeCA
        var leaf: X509Certificate
        var asked: Int
    }

    /// - Parameter diesAfter: after so many requests about the revocation everything but the record is forgotten, once.
    private func revoke(_ plan: FakeCA.Plan?, diesAfter: Int? = nil) async throws -> Outcome {
        let clock = FaultClock()
        let ca = try await FakeCA(plan: plan, clock: clock)
        let server = ACMEServer(
            settings: .init(directoryURL: "\(FakeCA.base)/dir", userAgent: "certwright-tests"), transport: ca,
            time: clock)
        let client = ACMEClient(
            server: server, accountURL: "\(FakeCA.base)/acct/1", key: try await .generate(.ecdsa(.p256)))
        let parts = try await Parts.shared
        let leaf = try await parts.leaf()
        let found = try RevocationWish(Self.wish)
        let wish = try #require(found)
        var record = RevocationRecord(wish, certificate: "aki.1", der: leaf.der)
        var view = RevocationView(
            certificate: parts.certificate(), present: "aki.1", issuer: try await ACMEExamples.access(),
            now: clock.now())
        var asked = 0
        for _ in 1...60 where !record.state.isOver {
            view.certificate.metadata.annotations = Self.wish.merging(
                [Names.Annotation.revocation: try record.text]) { $1 }
            view.now = clock.now()
            let plan = RevocationDecision.decide(view)
            view.news = nil
            view.progress = plan.progress
            if let next = plan.record { record = next }
            if plan.ask != nil {
                asked += 1
                var news = RevocationNews(certificate: "aki.1")
                do throws(ACMEError) { try await client.revoke(leaf, reason: .superseded) } catch {
                    news.failure = error
                }
                view.news = news
                if asked == diesAfter {
                    view.news = nil
                    view.progress = RevocationProgress()
                }
            } else if let time = plan.lookAgain {
                clock.advance(to: time)
            }
        }
        return Outcome(record: record, ca: ca, leaf: leaf, asked: asked)
    }

    @Test("every fault ends in a revoked certificate or in words, in few requests (R4)", arguments: plans)
    func matrix(plan: FakeCA.Plan) async throws {
        let outcome = try await revoke(plan)
        let mayFail: Set<FakeCA.Fault> = [.accountVanishes, .orderVanishes]
        if outcome.record.state == .done {
            #expect(outcome.ca.revokedCount == 1)
        } else {
            #expect(mayFail.contains(plan.fault), "\(plan): \(outcome.record.detail ?? "")")
            #expect((outcome.record.detail ?? "").count > 20)
        }
        #expect(outcome.asked <= plan.times + 2)
        #expect(outcome.ca.seen.count <= 6 + 4 * plan.times)
    }

    @Test("a controller that dies with the answer in hand asks again, and what is revoked already is done (R4)")
    func dies() async throws {
        let outcome = try await revoke(nil, diesAfter: 1)
        #expect(outcome.record.state == .done)
        #expect(outcome.asked == 2)
        #expect(outcome.ca.revokedCount == 1)
    }
}

/// Asking when to renew, under the same faults: nothing but what the certificate's own lifetime says is lost.
@Suite("Faults while renewal information is asked for")
struct RenewalInformationFaultTests {
    static let plans: [FakeCA.Plan] = FakeCA.Fault.allCases.map { FakeCA.Plan(fault: $0, kind: .renewalInfo, times: 1) }

    @Test("after any fault the server is asked again in time, and its window is taken then (ARI5)", arguments: plans)
    func matrix(plan: FakeCA.Plan) async throws {
        let clock = FaultClock()
        let ca = try await FakeCA(plan: plan, clock: clock)
        let server = ACMEServer(
            settings: .init(directoryURL: "\(FakeCA.base)/dir", userAgent: "certwright-tests"), transport: ca,
            time: clock)
        let ready = try await Parts.shared.issued()
        let leaf = try #require(ready.secret?.leaf.value)
        let name = try #require(leaf.renewalName)
        var view = RenewalView(certificate: ready.certificate, leaf: leaf, source: .server, now: clock.now())
        var asked = 0
        for _ in 1...8 where view.certificate.status?.acme?.ari?.suggestedWindow == nil {
            view.now = clock.now()
            let inquiry = RenewalDecision.decide(view)
            view.news = nil
            view.progress = inquiry.progress
            view.certificate.status?.acme = inquiry.acme
            if inquiry.ask != nil {
                asked += 1
                do throws(ACMEError) {
                    let found = try await server.renewalInformation(for: RenewalIdentifier(text: name))
                    view.news = RenewalNews(name: name, answer: .success(found))
                } catch {
                    view.news = RenewalNews(name: name, answer: .failure(error))
                }
            } else if let time = inquiry.lookAgain {
                #expect(time - clock.now() <= .seconds(6 * 3600))
                clock.advance(to: time)
            }
        }
        #expect(view.certificate.status?.acme?.ari?.suggestedWindow != nil, "\(plan)")
        #expect(asked <= 2)
    }
}
