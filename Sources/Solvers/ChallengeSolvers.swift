package import CertificateAPI
package import Wire

/// Hands each challenge to the solver of its kind, and keeps `waitInsteadOfSelfCheck`.
package struct ChallengeSolvers: ChallengeSolver {
    private let dns01: any ChallengeSolver
    private let http01: any ChallengeSolver
    private let time: any TimeSource

    package init(dns01: any ChallengeSolver, http01: any ChallengeSolver, time: any TimeSource) {
        self.dns01 = dns01
        self.http01 = http01
        self.time = time
    }

    package func present(_ challenge: Challenge) async throws(SolverError) {
        try await solver(of: challenge).present(challenge)
    }

    package func check(_ challenge: Challenge) async -> SelfCheck {
        if let text = challenge.spec.solver.waitInsteadOfSelfCheck.nonEmpty {
            guard let wait = GoDuration(text) else {
                let problem = FieldProblem.invalid(
                    FieldPath("spec.solver.waitInsteadOfSelfCheck"), text, "must be a duration such as 90s")
                return .notYet(problem.description, again: .seconds(60))
            }
            return Self.waiting(wait, since: challenge.status?.presentedAt, now: time.now())
        }
        return await solver(of: challenge).check(challenge)
    }

    package func cleanUp(_ challenge: Challenge) async throws(SolverError) {
        try await solver(of: challenge).cleanUp(challenge)
    }

    private func solver(of challenge: Challenge) -> any ChallengeSolver {
        switch challenge.spec.type {
        case .dns01: dns01
        case .http01: http01
        }
    }

    /// The verdict of a solver that looks at nothing but the clock.
    static func waiting(_ wait: GoDuration, since presentedAt: Timestamp?, now: Timestamp) -> SelfCheck {
        guard let presentedAt else {
            return .notYet("it is not known when the challenge was presented", again: .seconds(1))
        }
        let left = presentedAt + wait.duration - now
        if left <= .zero { return .visible("\(wait) have passed, as waitInsteadOfSelfCheck asks; nothing was checked") }
        return .notYet("waiting \(wait) after presenting, as waitInsteadOfSelfCheck asks", again: left)
    }
}
