import ACME
import CertificateAPI
import DNSProviders
import Issuers
import KubeModel
import PKI
import Solvers
import Wire

@testable import Controllers

/// One Order and its Challenges, taken as far as they go by the decisions and errands of their controllers against a
/// server in memory. What the cluster holds is kept when the controller dies; everything else is lost.
final class OrderWorld {
    let ca: FakeCA
    let clock: FaultClock
    private let client: ACMEClient
    private let issuer: IssuerAccess
    private(set) var order: Order
    private(set) var challenges: [String: Challenge] = [:]
    /// The number of requests after which the controller dies, once.
    var diesAfter: Int?
    private(set) var steps = 0

    private var news: OrderNews?
    private var isInherited = false
    private var progress = OrderProgress()
    private var challengeNews: [String: ChallengeNews] = [:]
    private var challengeProgress: [String: ChallengeProgress] = [:]

    init(
        plan: FakeCA.Plan? = nil, names: [String] = ["a.example"], dislikes: FakeCA.Dislikes = .init()
    ) async throws {
        clock = FaultClock()
        ca = try await FakeCA(plan: plan, clock: clock, dislikes: dislikes)
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let server = ACMEServer(
            settings: .init(directoryURL: "\(FakeCA.base)/dir", userAgent: "certwright-tests"), transport: ca,
            time: clock)
        client = ACMEClient(server: server, accountURL: "\(FakeCA.base)/acct/1", key: key)
        issuer = .ready(ACMEIssuerFacts(issuer: ACMEExamples.issuer(), accountKey: key.publicKey))
        var extensions = CertificateExtensions()
        extensions.names = names.map { .dns($0) }
        let request = try await SigningRequest.make(
            subject: .empty, extensions: extensions, key: try await .generate(.ecdsa(.p256)), algorithm: nil)
        order = ACMEExamples.order { order in
            order.spec.dnsNames = names
            order.spec.request = Base64Data(utf8: request.pem)
        }
    }

    var isOver: Bool {
        order.status?.certificate != nil || order.status?.state?.isFailure == true
    }

    /// Works until the Order is over and its Challenges are gone or final, or `limit` steps are done.
    func run(limit: Int = 600) async throws {
        while steps < limit {
            steps += 1
            var next: [Timestamp] = []
            var isBusy = try await stepOrder(&next)
            for name in challenges.keys.sorted() {
                if try await stepChallenge(name, &next) { isBusy = true }
            }
            if isOver, !isBusy { return }
            if !isBusy {
                guard let soonest = next.min() else { return }
                clock.advance(to: soonest)
            }
        }
    }

    /// Everything that is not in the cluster is lost.
    private func dieIfDue() -> Bool {
        guard let due = diesAfter, ca.seen.count >= due else { return false }
        diesAfter = nil
        news = nil
        isInherited = order.status?.url == nil
        progress = OrderProgress()
        challengeNews = [:]
        challengeProgress = [:]
        return true
    }

    /// Whether something was done.
    private func stepOrder(_ next: inout [Timestamp]) async throws -> Bool {
        let view = OrderView(
            order: order, challenges: challenges.values.sorted { $0.metadata.name < $1.metadata.name }, issuer: issuer,
            news: news, isInherited: isInherited, progress: progress, now: clock.now())
        let plan = OrderDecision.decide(view)
        let hadNews = news != nil
        news = nil
        let isWritten = plan.isWorthWriting(over: order.status)
        if isWritten { order.status = plan.status }
        progress = plan.progress
        for challenge in plan.create where challenges[challenge.metadata.name] == nil {
            challenges[challenge.metadata.name] = challenge
        }
        for challenge in plan.delete { delete(challenge.metadata.name) }
        if plan.doubtsAccount { ca.registerAgain() }
        if let time = plan.lookAgain { next.append(time) }
        guard let question = plan.ask else { return hadNews || isWritten }
        let work = OrderWork(
            client: client, question: question, spec: order.spec, url: plan.status.url ?? "",
            finalizeURL: plan.status.finalizeURL ?? "", options: IssuerOptions(nil, server: FakeCA.base),
            preference: .standard, accountKeys: [], time: clock)
        news = await work.run()
        _ = dieIfDue()
        return true
    }

    /// Deleting cleans up first; the solver of this world does that at once.
    private func delete(_ name: String) {
        challenges[name] = nil
        challengeNews[name] = nil
        challengeProgress[name] = nil
    }

    private func stepChallenge(_ name: String, _ next: inout [Timestamp]) async throws -> Bool {
        guard let challenge = challenges[name] else { return false }
        var view = ChallengeView(
            challenge: challenge, order: order.status?.state?.isFinal == true ? .over : .underWay, solver: .offered,
            issuer: issuer, news: challengeNews[name], progress: challengeProgress[name] ?? ChallengeProgress(),
            now: clock.now())
        var step = ChallengeDecision.decide(view)
        while let errand = step.errand {
            let result: SolverErrands.Result = errand == .check ? .checked(.visible("all servers")) : .done
            view.result = SolverResult(errand: errand, result: result)
            view.progress = step.progress
            step = ChallengeDecision.decide(view)
        }
        challengeNews[name] = nil
        challengeProgress[name] = step.progress
        var isBusy = false
        if step.mustWrite, challenge.status != step.status {
            challenges[name]?.status = step.status
            isBusy = true
        }
        if step.addsFinalizer || step.removesFinalizers {
            challenges[name]?.metadata.finalizers = step.addsFinalizer ? [Names.Finalizer.challenge] : []
            isBusy = true
        }
        if let time = step.lookAgain { next.append(time) }
        guard let question = step.ask else { return isBusy }
        challengeNews[name] = await answer(question, challenge)
        _ = dieIfDue()
        return true
    }

    private func answer(_ question: ChallengeQuestion, _ challenge: Challenge) async -> ChallengeNews {
        var news = ChallengeNews(question: question)
        do throws(ACMEError) {
            switch question {
            case .accept: news.challenge = try await client.respond(to: challenge.spec.url)
            case .look:
                news.authorization = try await client.authorization(
                    challenge.spec.authorizationURL, as: .waitAuthorization)
            }
        } catch {
            news.failure = error
        }
        return news
    }
}
