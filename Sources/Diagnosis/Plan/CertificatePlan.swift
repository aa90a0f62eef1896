import CertificateAPI
import Issuers
import KubeModel
import PKI
import Solvers
import Wire

/// What becomes of one Certificate.
enum CertificatePlan {
    static func judge(_ manifest: JSONValue, _ world: Plan.World, _ entry: inout Plan.Entry) {
        let old = world.old.certificates[entry.key]
        Plan.judge(manifest, Certificate.resource, old: old, &entry)
        guard let certificate = try? manifest.decode(Certificate.self) else { return }
        let spec = certificate.spec
        entry.add(.fact, "Secret", spec.secretName)
        let names = (spec.dnsNames ?? []) + (spec.ipAddresses ?? []) + (spec.uris ?? []) + (spec.emailAddresses ?? [])
        if !names.isEmpty { entry.add(.fact, "Names", names.joined(separator: ", ")) }
        rivals(certificate, world, &entry)
        let issues = issuance(certificate, old, &entry)
        policy(certificate, world, &entry)
        issuer(certificate, world, issues, &entry)
    }

    /// What the approver will say, which judges the request by what this spec asks for.
    private static func policy(_ certificate: Certificate, _ world: Plan.World, _ entry: inout Plan.Entry) {
        guard let policies = world.policies else {
            return entry.add(
                .warning, "Policy", "CertificatePolicies could not be read: whether one denies it is not known")
        }
        guard !policies.isEmpty, let desired = try? DesiredCertificate(certificate.spec) else { return }
        let subject = PolicySubject(
            desired, issuer: certificate.spec.issuerRef, namespace: entry.key.namespace)
        switch PolicyDecision.judge(subject, by: policies) {
        case .ungoverned: entry.add(.fact, "Policy", "no CertificatePolicy selects it: it is approved")
        case .allowed(let name): entry.add(.fact, "Policy", "the CertificatePolicy \(name) allows it")
        case .denied, .unreadable:
            let sentence = PolicyDecision.judge(subject, by: policies).sentence ?? "it is denied"
            entry.add(.problem, "Policy", "its requests are denied: \(sentence)")
        }
    }

    private static func rivals(_ certificate: Certificate, _ world: Plan.World, _ entry: inout Plan.Entry) {
        let key = entry.key
        let others = world.certificates.filter { other in
            other.key != key && (other.metadata.namespace ?? "") == key.namespace
                && other.spec.secretName == certificate.spec.secretName
        }
        for name in Set(others.map(\.metadata.name)).sorted() {
            entry.add(
                .problem, "Secret", "the Certificate \(name) writes the same Secret: choose another spec.secretName")
        }
    }

    /// Whether a certificate is asked for, and why.
    private static func issuance(
        _ certificate: Certificate, _ old: Certificate?, _ entry: inout Plan.Entry
    ) -> Bool {
        guard let old else {
            entry.add(.fact, "Issues", "yes: it is new (unless its Secret holds a certificate for it already)")
            return true
        }
        let fields = differences(old.spec, certificate.spec)
        if !fields.isEmpty {
            entry.add(.fact, "Issues", "yes: \(fields.joined(separator: ", ")) changed")
            return true
        }
        let isReady = old.status?.conditions.isTrue(Condition.Kind.ready) == true
        entry.add(.fact, "Issues", isReady ? "no" : "it is not ready now")
        return !isReady
    }

    /// The fields that a certificate is issued anew for.
    private static func differences(_ old: Certificate.Spec, _ new: Certificate.Spec) -> [String] {
        var fields: [String] = []
        func compare<T: Equatable>(_ one: T, _ other: T, _ field: String) { if one != other { fields.append(field) } }
        compare(Set(old.dnsNames ?? []), Set(new.dnsNames ?? []), "spec.dnsNames")
        compare(Set(old.ipAddresses ?? []), Set(new.ipAddresses ?? []), "spec.ipAddresses")
        compare(Set(old.uris ?? []), Set(new.uris ?? []), "spec.uris")
        compare(Set(old.emailAddresses ?? []), Set(new.emailAddresses ?? []), "spec.emailAddresses")
        compare(old.otherNames ?? [], new.otherNames ?? [], "spec.otherNames")
        compare(old.commonName ?? "", new.commonName ?? "", "spec.commonName")
        compare(old.subject, new.subject, "spec.subject")
        compare(old.literalSubject ?? "", new.literalSubject ?? "", "spec.literalSubject")
        compare(old.isCA ?? false, new.isCA ?? false, "spec.isCA")
        compare(Set(old.usages ?? []), Set(new.usages ?? []), "spec.usages")
        compare(old.duration.flatMap { GoDuration($0) }, new.duration.flatMap { GoDuration($0) }, "spec.duration")
        compare(old.nameConstraints, new.nameConstraints, "spec.nameConstraints")
        compare(old.signatureAlgorithm ?? "", new.signatureAlgorithm ?? "", "spec.signatureAlgorithm")
        compare(old.privateKey?.algorithm, new.privateKey?.algorithm, "spec.privateKey.algorithm")
        compare(old.privateKey?.size, new.privateKey?.size, "spec.privateKey.size")
        compare(old.issuerRef.normalized, new.issuerRef.normalized, "spec.issuerRef")
        compare(old.secretName, new.secretName, "spec.secretName")
        return fields
    }

    // MARK: Who signs, and how names are proved

    private static func issuer(
        _ certificate: Certificate, _ world: Plan.World, _ issues: Bool, _ entry: inout Plan.Entry
    ) {
        let reference = certificate.spec.issuerRef
        let title = "\(reference.effectiveKind) \(reference.name)"
        guard reference.isOurs else {
            return entry.add(
                .fact, "Issuer", "\(title) of \(reference.effectiveGroup), which its own controller serves")
        }
        guard let found = world.issuer(reference, entry.key.namespace) else {
            return entry.add(.problem, "Issuer", "\(title) is neither in the cluster nor in the manifests")
        }
        let ready = found.status?.conditions[type: Condition.Kind.ready]
        if found.isNew {
            entry.add(.fact, "Issuer", "\(title), which the manifests make")
        } else if ready?.status == .yes {
            entry.add(.fact, "Issuer", "\(title), ready")
        } else {
            entry.add(.warning, "Issuer", "\(title) is not ready: \(ready?.message ?? "no controller has seen it")")
        }
        guard let acme = found.spec.acme else { return }
        let names = solvers(certificate, acme, &entry)
        guard issues else { return }
        entry.inquiry = PreflightInquiry(
            names: names, solvers: acme.solvers ?? [],
            policy: CAAPolicy(
                identities: identities(acme.server, found.status), accountURL: found.status?.acme?.uri ?? ""),
            clockSkew: nil, namespace: entry.key.namespace, isClusterIssuer: reference.isClusterIssuer)
    }

    /// What CAA records call the CA: as it has told the controller, or as it is known.
    private static func identities(_ server: String, _ status: IssuerStatus?) -> [String] {
        let opening = "Identities for CAA records: "
        let told = status?.conditions[type: "ServerInformation"]?.message ?? ""
        if let start = told.firstRange(of: opening) {
            let rest = told[start.upperBound...]
            let end = rest.firstRange(of: ". ")?.lowerBound ?? rest.endIndex
            return rest[..<end].split(separator: ",").map { String($0.drop { $0 == " " }) }
        }
        return KnownCA(server: server)?.caaIdentities ?? []
    }

    private static func solvers(
        _ certificate: Certificate, _ acme: ACMEIssuer, _ entry: inout Plan.Entry
    ) -> [PreflightInquiry.Name] {
        let spec = certificate.spec
        var names: [PreflightInquiry.Name] = []
        if !(spec.uris ?? []).isEmpty || !(spec.emailAddresses ?? []).isEmpty {
            entry.add(.problem, "Names", "an ACME issuer certifies DNS names and IP addresses only")
        }
        for name in (spec.dnsNames ?? []) + (spec.ipAddresses ?? []) {
            do throws(SolverSelection.Failure) {
                let chosen = try SolverSelection.choose(
                    from: acme.solvers ?? [], for: authorization(name), labels: certificate.metadata.labels ?? [:],
                    annotations: certificate.metadata.annotations ?? [:], namespace: entry.key.namespace)
                entry.add(.fact, "Solver", "\(name): \(text(chosen))")
                names.append(.init(name, method: chosen.offered.type, solver: chosen.index))
            } catch {
                entry.add(.problem, "Solver", "\(name): \(error)")
                names.append(.init(name))
            }
        }
        return names
    }

    /// As a CA that offers everything would make it.
    private static func authorization(_ name: String) -> Order.Authorization {
        let isWildcard = name.hasPrefix("*.")
        var authorization = Order.Authorization(url: "")
        authorization.identifier = isWildcard ? String(name.dropFirst(2)) : name
        authorization.wildcard = isWildcard
        let types = isWildcard ? ["dns-01"] : IPAddress(name) != nil ? ["http-01"] : ["http-01", "dns-01"]
        authorization.challenges = types.map { .init(url: "", token: "", type: $0) }
        return authorization
    }

    private static func text(_ chosen: SolverSelection) -> String {
        let place = "spec.acme.solvers[\(chosen.index)]"
        if let dns01 = chosen.solver.dns01 {
            return "DNS-01 by \(dns01.provider?.key ?? "no provider") (\(place))"
        }
        if let gateway = chosen.solver.http01?.gatewayHTTPRoute {
            let parents = (gateway.parentRefs ?? []).map(\.name).joined(separator: ", ")
            return "HTTP-01 through Gateway \(parents) (\(place))"
        }
        let ingress = chosen.solver.http01?.ingress
        let by =
            ingress?.name.nonEmpty.map { "Ingress \($0)" }
            ?? (ingress?.ingressClassName.nonEmpty ?? ingress?.class.nonEmpty).map { "ingress class \($0)" }
            ?? "the default ingress class"
        return "HTTP-01 through \(by) (\(place))"
    }
}
