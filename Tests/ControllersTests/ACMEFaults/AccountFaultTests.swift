import ACME
import CertificateAPI
import Issuers
import KubeModel
import PKI
import Testing
import Wire

@testable import Controllers

@Suite("Faults while an account is made or changed")
struct AccountFaultTests {
    private struct Bench {
        let ca: FakeCA
        let server: ACMEServer
        let clock: FaultClock

        static func make(_ plan: FakeCA.Plan?) async throws -> Bench {
            let clock = FaultClock()
            let ca = try await FakeCA(plan: plan, clock: clock)
            let server = ACMEServer(
                settings: .init(directoryURL: "\(FakeCA.base)/dir", userAgent: "certwright-tests"), transport: ca,
                time: clock)
            return Bench(ca: ca, server: server, clock: clock)
        }
    }

    /// What leaves the matter open: it is tried again.
    static func plans(_ kind: FakeCA.Kind) -> [FakeCA.Plan] {
        let open: [FakeCA.Fault] = [
            .connectionRefused, .resetBeforeAnswer, .resetAfterActing, .internalError, .unavailable, .rateLimited,
            .garbage, .truncated, .wrongContentType, .tooLarge, .slow, .badNonce,
        ]
        return open.flatMap { fault in [1, 2].map { FakeCA.Plan(fault: fault, kind: kind, times: $0) } }
    }

    @Test("one account for a key, whatever goes wrong while it is made (A2, A12)", arguments: plans(.newAccount))
    func registration(plan: FakeCA.Plan) async throws {
        let bench = try await Bench.make(plan)
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var issuer = ACMEExamples.issuer()
        issuer.email = "a@example.com"
        var found: ACMEAccount?
        for _ in 1...6 where found == nil {
            // Each try is a process of its own.
            let answer = await AccountRegistration(
                issuer, status: nil, server: bench.server, key: key, binding: nil
            ).ask()
            switch answer {
            case .account(let account): found = account
            case .refused(let error, _):
                #expect(error.advice != .permanent, "\(plan): \(error)")
                bench.clock.advance(.seconds(600))
            case .keyChanged, .keyTaken, .ended: Issue.record("\(answer)")
            }
        }
        #expect(found?.url == bench.ca.account(of: key.publicKey))
        #expect(bench.ca.accountCount == 1)
    }

    @Test(
        "an account ends up with its next key, whatever goes wrong while it changes (K3)", arguments: plans(.keyChange))
    func keyChange(plan: FakeCA.Plan) async throws {
        let bench = try await Bench.make(plan)
        let old = try await PrivateKey.generate(.ecdsa(.p256))
        let next = try await PrivateKey.generate(.ecdsa(.p256))
        let account = try await bench.server.newAccount(NewACMEAccount(), key: old)
        var isChanged = false
        for _ in 1...6 where !isChanged {
            let answer = await AccountKeyChange(
                server: bench.server, accountURL: account.url, present: try AccountKey(old), next: try AccountKey(next)
            ).ask()
            switch answer {
            case .keyChanged: isChanged = true
            case .refused(let error, _):
                #expect(error.advice != .permanent, "\(plan): \(error)")
                bench.clock.advance(.seconds(600))
            case .account, .keyTaken, .ended: Issue.record("\(answer)")
            }
        }
        #expect(isChanged)
        #expect(bench.ca.account(of: next.publicKey) == account.url)
        #expect(bench.ca.account(of: old.publicKey) == nil)
        #expect(bench.ca.count(.keyChange) <= plan.times + 2)
    }

    /// What no server should answer to these requests.
    static let absurd: [FakeCA.Plan] = [FakeCA.Fault.wrongLocation, .orderVanishes, .accountVanishes].flatMap { fault in
        [FakeCA.Kind.newAccount, .keyChange].map { FakeCA.Plan(fault: fault, kind: $0, times: 1) }
    }

    @Test("an absurd answer is told in words, or healed by asking again; no second account is made", arguments: absurd)
    func absurdities(plan: FakeCA.Plan) async throws {
        let bench = try await Bench.make(plan)
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let next = try await PrivateKey.generate(.ecdsa(.p256))
        for _ in 1...2 {
            let answer: AccountAnswer
            if plan.kind == .newAccount {
                answer = await AccountRegistration(
                    ACMEExamples.issuer(), status: nil, server: bench.server, key: key, binding: nil
                ).ask()
            } else {
                // Registered again where the server has lost it.
                bench.ca.registerAgain()
                let account = try await bench.server.newAccount(NewACMEAccount(), key: key)
                answer = await AccountKeyChange(
                    server: bench.server, accountURL: account.url, present: try AccountKey(key),
                    next: try AccountKey(next)
                ).ask()
            }
            if case .refused(let error, _) = answer { #expect("\(error)".count > 20) }
            bench.ca.registerAgain()
            bench.clock.advance(.seconds(600))
        }
        #expect(bench.ca.accountCount <= (plan.kind == .keyChange ? 2 : 1))
        #expect(bench.ca.seen.count <= 16)
        if plan.kind == .newAccount {
            #expect(try await bench.server.existingAccount(of: key)?.url == bench.ca.account(of: key.publicKey))
        }
    }

    @Test("a next key that has an account of its own is told as taken (K4)")
    func taken() async throws {
        let bench = try await Bench.make(nil)
        let old = try await PrivateKey.generate(.ecdsa(.p256))
        let other = try await PrivateKey.generate(.ecdsa(.p256))
        let account = try await bench.server.newAccount(NewACMEAccount(), key: old)
        let foreign = try await bench.server.newAccount(NewACMEAccount(), key: other)
        let answer = await AccountKeyChange(
            server: bench.server, accountURL: account.url, present: try AccountKey(old), next: try AccountKey(other)
        ).ask()
        #expect(answer == .keyTaken(foreign.url))
        #expect(bench.ca.count(.keyChange) == 0)
    }
}
