import CertificateAPI
import KubeModel

extension ChallengeStanding {
    /// A Challenge is worked on when an Order of the same issuer controls it and the issuer has its solver: whoever can
    /// only create Challenges gains nothing by it.
    static func of(_ challenge: Challenge, order: Order?, issuer: IssuerLookup.Found?) -> ChallengeStanding {
        guard let owner = challenge.metadata.controller, owner.kind == Order.resource.kind else {
            return .improper("No Order controls this Challenge; Challenges are made by Orders only.")
        }
        guard let order, order.metadata.uid == owner.uid else { return .orderMissing }
        guard order.spec.issuerRef.normalized == challenge.spec.issuerRef.normalized else {
            return .improper("The Order that controls this Challenge has another issuer.")
        }
        guard let issuer else { return .issuerMissing }
        guard let acme = issuer.spec.acme else { return .improper("The issuer is not an ACME issuer.") }
        let solver = challenge.spec.solver
        let isKnown = (acme.solvers ?? []).contains { known in
            if solver.dns01 != nil { return known.dns01 == solver.dns01 }
            // Annotations of the Certificate may choose class and name of the Ingress; no credentials are involved.
            return known.http01 != nil && solver.http01 != nil
        }
        guard isKnown else {
            return .improper("The issuer has no such solver; its solvers may have changed since this Challenge was made.")
        }
        return .proper
    }
}
