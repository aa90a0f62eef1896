import ACME
import CertificateAPI
import KubeModel
import PKI
import Solvers
import Wire

/// Which Challenge an authorization needs.
enum ChallengePlan {
    /// Plans the Challenge that is missing, or the end of one whose solver the issuer no longer has.
    static func require(
        _ existing: Challenge?, for authorization: Order.Authorization, _ view: OrderView, _ facts: ACMEIssuerFacts,
        _ plan: inout OrderPlan
    ) {
        let solvers = facts.issuer.solvers ?? []
        if let existing {
            // The choice made once stands while the issuer has that solver and the account its key: what answers for
            // another key proves nothing.
            let isStanding =
                SolverSelection.offers(existing.spec.solver, in: solvers) && answers(existing, for: facts.accountKey)
            if !isStanding, !existing.metadata.isBeingDeleted { plan.delete.append(existing) }
            return
        }
        do {
            let selection = try SolverSelection.choose(
                from: solvers, for: authorization, labels: view.order.metadata.labels ?? [:],
                annotations: view.order.metadata.annotations ?? [:], namespace: view.order.key.namespace)
            let path = FieldPath.spec["acme"]["solvers"][selection.index]
            if let problems = FieldProblems(SolverReview.problems(of: selection.solver, at: path)) {
                return plan.say(
                    "Solver", "The solver for \(authorization.identifier ?? "") cannot be used: \(problems)", view)
            }
            let challenge = try challenge(selection, authorization, view, facts)
            plan.create.append(challenge)
            plan.notices.append(
                .normal(
                    "Created",
                    "Created Challenge resource \"\(challenge.metadata.name)\" for domain \"\(challenge.spec.dnsName)\""
                ))
        } catch let failure as SolverSelection.Failure {
            plan.say("Solver", "\(failure)", view)
        } catch {
            plan.fail("\(error)", view.now)
        }
    }

    private static func answers(_ challenge: Challenge, for key: PublicKey) -> Bool {
        // A token that cannot be used had no Challenge made for it.
        guard let token = try? ChallengeToken(challenge.spec.token) else { return true }
        let answer = token.keyAuthorization(for: key)
        return challenge.spec.key == (challenge.spec.type == .dns01 ? answer.dnsValue : answer.reveal())
    }

    private static func challenge(
        _ selection: SolverSelection, _ authorization: Order.Authorization, _ view: OrderView, _ facts: ACMEIssuerFacts
    ) throws(ACMEError) -> Challenge {
        let answer = try ChallengeToken(selection.offered.token).keyAuthorization(for: facts.accountKey)
        let order = view.order
        var metadata = ObjectMeta(
            name: name(of: authorization, in: order), namespace: order.metadata.namespace)
        metadata.ownerReferences = [OwnerReference(controller: order)]
        // From the start, so that nothing is presented that would not be cleaned up.
        metadata.finalizers = [Names.Finalizer.challenge]
        var spec = Challenge.Spec(
            url: selection.offered.url, authorizationURL: authorization.url,
            dnsName: authorization.identifier ?? "", type: selection.kind, token: selection.offered.token,
            key: selection.kind == .dns01 ? answer.dnsValue : answer.reveal(), solver: selection.solver,
            issuerRef: order.spec.issuerRef)
        spec.wildcard = authorization.wildcard == true ? true : nil
        return Challenge(metadata: metadata, spec: spec)
    }

    /// The same for one authorization of one Order, however often it is made.
    static func name(of authorization: Order.Authorization, in order: Order) -> String {
        let digest = ChildName.digest("\(order.metadata.uid ?? "")/\(authorization.url)")
        return ChildName.make(order.metadata.name, suffix: String(digest.prefix(10)))
    }
}

extension OrderPlan {
    /// Warns of what only a change of the issuer can help, once for each wording.
    mutating func say(_ reason: String, _ sentence: String, _ view: OrderView) {
        if view.order.status?.reason != sentence { notices.append(.warning(reason, sentence)) }
        wait(sentence)
    }
}
