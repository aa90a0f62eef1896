import CertificateAPI
import DNSProviders
import KubeModel
import Solvers
import Wire

/// What is wrong with the solvers of an ACME issuer. A solver that cannot be used leaves the others to work with.
enum SolverReview {
    /// What the stanza itself says, whatever the cluster holds.
    static func problems(of solver: Solver, at path: FieldPath) -> [FieldProblem] {
        let registry = DNSProviderRegistry.standard
        let problems =
            solver.problems(at: path) + UnsupportedFields.problems(in: solver, at: path, dnsProviders: registry.keys)
        guard problems.isEmpty, let dns01 = solver.dns01 else { return problems }
        if dns01.isManual { return DNS01Solver.serverProblems(in: dns01, at: path["dns01"]) }
        return registry.problems(in: dns01, at: path["dns01"])
            + DNS01Solver.serverProblems(in: dns01, at: path["dns01"])
    }

    /// The references to keys of Secrets in a DNS provider's configuration: every provider calls them `…SecretRef`.
    static func secretReferences(of solver: Solver, at path: FieldPath) -> [(
        path: FieldPath, selector: SecretKeySelector
    )] {
        guard let (key, config) = solver.dns01?.provider, key != "webhook" else { return [] }
        let path = path["dns01"][key]
        return (config.objectValue ?? [:]).compactMap { member in
            guard member.key.hasSuffix("SecretRef"), let name = member.value["name"]?.stringValue.nonEmpty else {
                return nil
            }
            return (path[member.key], SecretKeySelector(name: name, key: member.value["key"]?.stringValue))
        }
    }
}

extension IssuerSpec {
    /// The names of all Secrets that the issuer reads.
    var secretNames: Set<String> {
        var names: Set<String> = []
        if let ca { names.insert(ca.secretName) }
        if let acme {
            names.insert(acme.privateKeySecretRef.name)
            if let binding = acme.externalAccountBinding { names.insert(binding.keySecretRef.name) }
            for solver in acme.solvers ?? [] {
                for reference in SolverReview.secretReferences(of: solver, at: .spec) {
                    names.insert(reference.selector.name)
                }
            }
        }
        return names
    }
}
