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
                SolverSelection.offers(existing.spec.solver, in: solvers) && ChallengeAnswer.stands(existing, facts)
            if !isStanding, !existing.metadata.isBeingDeleted { plan.delete.append(existing) }
            return
        }
        do {
            let selection = try selection(for: authorization, of: view.order, facts)
            let path = FieldPath.spec["acme"]["solvers"][selection.index]
            if let problems = FieldProblems(SolverReview.problems(of: selection.solver, at: path)) {
                return plan.say(
                    "Solver", "The solver for \(authorization.identifier ?? "") cannot be used: \(problems)", view)
            }
            let challenge = try challenge(selection, authorization, of: view.order, facts)
            plan.create.append(challenge)
            plan.notices.append(
                .normal(
                    "Created",
                    "Created Challenge resource \"\(challenge.metadata.name)\" for domain \"\(challenge.spec.dnsName)\""
                ))
        } catch let failure as SolverSelection.Failure {
            plan.say("Solver", "\(failure)", view)
        } catch PersistError.wildcardNotAllowed {
            plan.say(
                "Solver",
                "No record of dns-persist-01 is made for *.\(authorization.identifier ?? ""): "
                    + "\(PersistError.wildcardNotAllowed); where that is wanted, annotate the issuer with "
                    + "\(Names.Annotation.persistWildcard)=true", view)
        } catch let error as PersistError {
            plan.say("Solver", "No challenge is made for \(authorization.identifier ?? ""): \(error)", view)
        } catch {
            plan.fail("\(error)", view.now)
        }
    }

    static func selection(
        for authorization: Order.Authorization, of order: Order, _ facts: ACMEIssuerFacts
    ) throws(SolverSelection.Failure) -> SolverSelection {
        try SolverSelection.choose(
            from: facts.issuer.solvers ?? [], for: authorization, labels: order.metadata.labels ?? [:],
            annotations: order.metadata.annotations ?? [:], namespace: order.key.namespace,
            methods: facts.options.solving.methods)
    }

    static func challenge(
        _ selection: SolverSelection, _ authorization: Order.Authorization, of order: Order, _ facts: ACMEIssuerFacts
    ) throws -> Challenge {
        let domain = authorization.identifier ?? ""
        let isWildcard = authorization.wildcard == true
        let answer = try ChallengeAnswer(
            to: selection.method, token: selection.offered.token, domain: domain, isWildcard: isWildcard, facts)
        var metadata = ObjectMeta(
            name: name(of: authorization, in: order), namespace: order.metadata.namespace)
        metadata.ownerReferences = [OwnerReference(controller: order)]
        // From the start, so that nothing is presented that would not be cleaned up.
        metadata.finalizers = [Names.Finalizer.challenge]
        metadata.annotations = facts.options.solving.annotations(for: selection.method)
        if let label = answer.accountLabel { metadata.annotations?[Names.Annotation.accountLabel] = label.text }
        var spec = Challenge.Spec(
            url: selection.offered.url, authorizationURL: authorization.url, dnsName: domain,
            type: selection.method.kind, token: selection.offered.token, key: answer.key, solver: selection.solver,
            issuerRef: order.spec.issuerRef)
        spec.wildcard = isWildcard ? true : nil
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
