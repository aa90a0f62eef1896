import KubeModel
import PKI
import Wire

extension CertificateRequest {
    /// Every rule that a new request breaks.
    package var problems: [FieldProblem] {
        spec.problems(at: .spec) + decisionProblems
    }

    /// What a change of a request breaks: its spec and our annotations stay as they were, and so does what was decided.
    package static func problems(changing old: CertificateRequest, to new: CertificateRequest) -> [FieldProblem] {
        var problems: [FieldProblem] = []
        if old.spec != new.spec {
            problems.append(.forbidden(.spec, "cannot change spec after creation; make a new CertificateRequest"))
        }
        let (before, after) = (old.metadata.annotations ?? [:], new.metadata.annotations ?? [:])
        for key in Set(before.keys).union(after.keys).sorted() where Self.isOurs(key) && before[key] != after[key] {
            problems.append(
                .forbidden(
                    FieldPath.metadata["annotations"][key: key], "cannot change cert-manager annotation after creation")
            )
        }
        for kind in [Condition.Kind.approved, Condition.Kind.denied] {
            guard let decided = old.status?.conditions[type: kind] else { continue }
            if new.status?.conditions[type: kind] != decided {
                problems.append(
                    .forbidden(Self.conditions, "'\(kind)' condition may not be modified once set"))
            }
        }
        return problems + new.decisionProblems
    }

    /// The condition, Approved or Denied, that this change is the first to set.
    package static func newDecision(changing old: CertificateRequest, to new: CertificateRequest) -> Bool {
        [Condition.Kind.approved, Condition.Kind.denied].contains { kind in
            old.status?.conditions[type: kind] == nil && new.status?.conditions[type: kind] != nil
        }
    }

    private static let conditions = FieldPath("status.conditions")

    private static func isOurs(_ annotation: String) -> Bool {
        annotation.hasPrefix(Names.group) || annotation.hasPrefix(Names.acmeGroup)
    }

    private var decisionProblems: [FieldProblem] {
        var problems: [FieldProblem] = []
        let conditions = status?.conditions ?? []
        var decided: [String] = []
        for kind in [Condition.Kind.approved, Condition.Kind.denied] {
            let ours = conditions.filter { $0.type == kind }
            if !ours.isEmpty { decided.append(kind) }
            if ours.count > 1 {
                problems.append(.forbidden(Self.conditions, "multiple '\(kind)' conditions present"))
            }
            for condition in ours where condition.status != .yes {
                problems.append(
                    .invalid(
                        Self.conditions, condition.status.rawValue, "'\(kind)' condition may only be set to 'True'"))
            }
        }
        if decided.count == 2 {
            problems.append(.forbidden(Self.conditions, "both 'Denied' and 'Approved' conditions cannot coexist"))
        }
        return problems
    }
}

extension CertificateRequest.Spec {
    func problems(at path: FieldPath) -> [FieldProblem] {
        var problems = issuerRef.problems(at: path["issuerRef"])
        let usages: Usages?
        do {
            usages = try Usages(self.usages ?? [], isCA: isCA ?? false, at: path["usages"])
        } catch {
            problems += error.problems
            usages = nil
        }
        do {
            _ = try Durations.parse(duration, at: path["duration"])
        } catch {
            problems.append(error)
        }
        let path = path["request"]
        guard !request.bytes.isEmpty else { return problems + [.required(path, "must be specified")] }
        do {
            let decoded = try SigningRequest(pem: request.bytes)
            if let usages { problems += mismatches(decoded.extensions, usages).map { .invalid(path, "<snip>", $0) } }
        } catch {
            problems.append(.invalid(path, "<snip>", "failed to decode csr: \(error)"))
        }
        return problems
    }

    /// What the signing request says of itself must be what the spec says of it.
    private func mismatches(_ extensions: CertificateExtensions, _ usages: Usages) -> [String] {
        var texts: [String] = []
        if let constraints = extensions.basicConstraints, constraints.isCA != (isCA ?? false) {
            texts.append(
                "encoded CA property (\(constraints.isCA)) does not match spec.isCA (\(isCA ?? false))")
        }
        if !extensions.keyUsage.isEmpty, extensions.keyUsage != usages.keyUsage {
            texts.append("encoded key usages do not match the usages in spec.usages")
        }
        if !extensions.extendedKeyUsage.isEmpty,
            Set(extensions.extendedKeyUsage) != Set(usages.extendedKeyUsage)
        {
            texts.append("encoded extended key usages do not match the usages in spec.usages")
        }
        return texts
    }
}
