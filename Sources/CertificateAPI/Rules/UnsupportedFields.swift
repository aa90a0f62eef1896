import Wire

/// Everything the API can say and this version does not do, in one place: such a field is refused, never ignored.
package enum UnsupportedFields {
    private static let detail = "this version of certwright does not support it yet; remove it"

    /// `dnsProviders`: the keys under `dns01` that the registry serves.
    package static func problems(
        in spec: IssuerSpec, at path: FieldPath, dnsProviders: Set<String>
    ) -> [FieldProblem] {
        var problems: [FieldProblem] = []
        if let aws = spec.vault?.auth.aws, aws.serviceAccountRef == nil {
            problems.append(
                .required(
                    path["vault"]["auth"]["aws"]["serviceAccountRef"],
                    "this version of certwright takes no credentials from the machine it runs on"))
        }
        for (index, solver) in (spec.acme?.solvers ?? []).enumerated() {
            problems += Self.problems(in: solver, at: path["acme"]["solvers"][index], dnsProviders: dnsProviders)
        }
        return problems
    }

    package static func problems(
        in solver: Solver, at path: FieldPath, dnsProviders: Set<String>
    ) -> [FieldProblem] {
        var problems: [FieldProblem] = []
        if solver.dns01?.isManual == true { return [] }
        for key in solver.dns01?.providers.keys ?? [] where !dnsProviders.contains(key) {
            problems.append(.forbidden(path["dns01"][key], detail))
        }
        return problems
    }
}
