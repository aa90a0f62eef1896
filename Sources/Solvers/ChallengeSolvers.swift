package import CertificateAPI
import KubeModel
package import Wire

/// Hands each challenge to the solver of its kind, and keeps `waitInsteadOfSelfCheck`.
package struct ChallengeSolvers: ChallengeSolver {
    private let dns01: any ChallengeSolver
    private let http01: any ChallengeSolver
    private let tlsALPN01: any ChallengeSolver
    private let time: any TimeSource

    package init(
        dns01: any ChallengeSolver, http01: any ChallengeSolver, tlsALPN01: any ChallengeSolver, time: any TimeSource
    ) {
        self.dns01 = dns01
        self.http01 = http01
        self.tlsALPN01 = tlsALPN01
        self.time = time
    }

    package func present(_ challenge: Challenge) async throws(SolverError) {
        try await known(challenge).present(challenge)
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
        do throws(SolverError) {
            return await (try known(challenge)).check(challenge)
        } catch {
            return .notYet("\(error)", again: .seconds(60))
        }
    }

    package func cleanUp(_ challenge: Challenge) async throws(SolverError) {
        try await known(challenge).cleanUp(challenge)
    }

    /// One that a later version has made is not guessed at.
    private func known(_ challenge: Challenge) throws(SolverError) -> any ChallengeSolver {
        switch challenge.method {
        case .dns01, .dnsAccount01, .dnsPersist01: return dns01
        case .http01: return http01
        case .tlsALPN01: return tlsALPN01
        case nil:
            let path = FieldPath("metadata.annotations")[Names.Annotation.challengeType]
            let text = challenge.metadata.annotations?[Names.Annotation.challengeType] ?? ""
            throw .refused([
                .invalid(path, text, "is no challenge that this version answers with \(challenge.spec.type.rawValue)")
            ])
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
