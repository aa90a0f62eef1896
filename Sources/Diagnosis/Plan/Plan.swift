import Admission
package import CertificateAPI
import Issuers
import KubeClient
package import KubeModel
import PKI
package import Solvers
package import Wire

/// What applying manifests would do to certificates, as far as it can be told without asking anybody.
package enum Plan {
    /// What the manifests meet in the cluster.
    package struct World: Sendable {
        /// Of the namespaces that the manifests name.
        package var certificates: [Certificate] = []
        package var issuers: [Issuer] = []
        package var clusterIssuers: [ClusterIssuer] = []
        /// Of those namespaces too, or of all where they may be read.
        package var orders: [Order] = []
        /// Nil where they could not be read; empty where the cluster has none.
        package var policies: [CertificatePolicy]?
        package var now = Timestamp.now()

        package init() {}
    }

    package struct Entry: Sendable, Equatable {
        package enum Action: String, Sendable { case create, change, keep, passOver }
        package enum Weight: String, Sendable { case fact, warning, problem }
        package struct Line: Sendable, Equatable {
            package var label: String
            package var text: String
            package var weight: Weight
        }
        package var kind: String
        package var key: ObjectKey
        package var action: Action
        package var lines: [Line] = []
        /// What is to be looked into before an ACME order is made for it; nil where none would be.
        package var inquiry: PreflightInquiry?

        package static func == (one: Entry, other: Entry) -> Bool {
            one.kind == other.kind && one.key == other.key && one.action == other.action && one.lines == other.lines
        }

        package var hasProblems: Bool { lines.contains { $0.weight == .problem } }

        package var json: JSONValue {
            [
                "kind": .string(kind), "namespace": .string(key.namespace), "name": .string(key.name),
                "action": .string(action.rawValue),
                "lines": .array(
                    lines.map {
                        ["name": .string($0.label), "text": .string($0.text), "weight": .string($0.weight.rawValue)]
                    }),
            ]
        }
    }

    /// - Parameters:
    ///   - manifests: as they would be applied, in their order.
    ///   - namespace: of those that name none.
    package static func make(_ manifests: [JSONValue], namespace: String, in world: World) -> [Entry] {
        let placed = manifests.map { placing($0, in: namespace) }
        var world = world
        for manifest in placed { world.add(manifest) }
        var ordered: [String: Int] = [:]
        return placed.map { manifest in
            var entry = entry(for: manifest, namespace, world)
            BudgetPlan.judge(manifest, world, &ordered, &entry)
            return entry
        }
    }

    private static func placing(_ manifest: JSONValue, in namespace: String) -> JSONValue {
        guard manifest["kind"]?.stringValue != ClusterIssuer.resource.kind,
            (manifest["metadata"]?["namespace"]?.stringValue ?? "").isEmpty
        else { return manifest }
        var manifest = manifest
        var metadata = manifest["metadata"] ?? [:]
        metadata["namespace"] = .string(namespace)
        manifest["metadata"] = metadata
        return manifest
    }

    private static func entry(for manifest: JSONValue, _ namespace: String, _ world: World) -> Entry {
        let kind = manifest["kind"]?.stringValue ?? "?"
        let key = manifest.objectKey ?? ObjectKey(name: "?")
        var entry = Entry(kind: kind, key: key, action: .passOver)
        guard let apiVersion = manifest["apiVersion"]?.stringValue, apiVersion == Certificate.resource.apiVersion else {
            if (manifest["apiVersion"]?.stringValue ?? "").hasPrefix("\(Names.group)/") {
                entry.add(
                    .problem, "Version",
                    "only \(Names.group)/v1 is served; kubectl cert convert -f FILE rewrites older ones")
            }
            return entry
        }
        switch kind {
        case Certificate.resource.kind: CertificatePlan.judge(manifest, world, &entry)
        case Issuer.resource.kind:
            judge(manifest, Issuer.resource, old: world.old.issuers[key], &entry)
        case ClusterIssuer.resource.kind:
            judge(manifest, ClusterIssuer.resource, old: world.old.clusterIssuers[key], &entry)
        default: break
        }
        return entry
    }

    /// Creates or changes, and what the webhook would say.
    static func judge(_ manifest: JSONValue, _ type: ResourceType, old: (some KubeObject)?, _ entry: inout Entry) {
        // What was stored can be written again.
        let stored = old.flatMap { try? $0.manifest() }
        entry.action = stored == nil ? .create : stored?["spec"] == manifest["spec"] ? .keep : .change
        let request = AdmissionRequest(
            uid: "plan", group: type.group, resource: type.plural, namespace: entry.key.namespace,
            operation: stored == nil ? .create : .update, object: manifest, oldObject: stored ?? nil)
        let judgement = Validation.judge(request)
        for problem in judgement.problems { entry.add(.problem, "Refused", "\(problem)") }
        for warning in judgement.warnings { entry.add(.warning, "Warning", warning) }
    }
}

extension Plan.Entry {
    package mutating func add(_ weight: Weight, _ label: String, _ text: String) {
        lines.append(Line(label: label, text: text, weight: weight))
    }
}

extension Plan.World {
    /// What is stored, by key.
    struct Stored {
        var certificates: [ObjectKey: Certificate] = [:]
        var issuers: [ObjectKey: Issuer] = [:]
        var clusterIssuers: [ObjectKey: ClusterIssuer] = [:]
    }

    var old: Stored {
        var stored = Stored()
        for object in certificates where object.metadata.uid != nil { stored.certificates[object.key] = object }
        for object in issuers where object.metadata.uid != nil { stored.issuers[object.key] = object }
        for object in clusterIssuers where object.metadata.uid != nil { stored.clusterIssuers[object.key] = object }
        return stored
    }

    /// Puts a manifest beside what is stored; it has no UID. One that does not decode is told of by the rules.
    mutating func add(_ manifest: JSONValue) {
        switch manifest["kind"]?.stringValue {
        case Certificate.resource.kind:
            if let object = try? manifest.decode(Certificate.self) { certificates.append(object) }
        case Issuer.resource.kind: if let object = try? manifest.decode(Issuer.self) { issuers.append(object) }
        case ClusterIssuer.resource.kind:
            if let object = try? manifest.decode(ClusterIssuer.self) { clusterIssuers.append(object) }
        default: break
        }
    }

    /// The issuer as it will be: a manifest's before the stored one's.
    func issuer(_ reference: IssuerReference, _ namespace: String) -> (
        spec: IssuerSpec, status: IssuerStatus?, isNew: Bool
    )? {
        func last<Object: IssuerObject>(_ objects: [Object]) -> (IssuerSpec, IssuerStatus?, Bool)? {
            guard let newest = objects.last else { return nil }
            let stored = objects.first { $0.metadata.uid != nil }
            return (newest.spec, stored?.status, stored == nil)
        }
        if reference.isClusterIssuer { return last(clusterIssuers.filter { $0.metadata.name == reference.name }) }
        return last(issuers.filter { $0.metadata.name == reference.name && ($0.metadata.namespace ?? "") == namespace })
    }
}

/// What becomes of one Certificate.
private enum CertificatePlan {
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

/// What is left of the CA's budget for each new order, those before it in the manifests taken off.
private enum BudgetPlan {
    /// - Parameter ordered: by account, how many orders the entries before this one make.
    static func judge(
        _ manifest: JSONValue, _ world: Plan.World, _ ordered: inout [String: Int], _ entry: inout Plan.Entry
    ) {
        guard entry.inquiry != nil, let certificate = try? manifest.decode(Certificate.self),
            let budget = budget(certificate, entry.key.namespace, world)
        else { return }
        let account = budget.account.isEmpty ? "\(certificate.spec.issuerRef.name) at \(budget.server)" : budget.account
        let before = ordered[account, default: 0]
        ordered[account] = before + 1
        if let hold = budget.hold {
            entry.add(
                .warning, "CA budget",
                "the CA wants no order before \(hold.until.wholeSeconds.rfc3339), as it has told the Order \(hold.order)"
            )
        }
        orders(budget, before, &entry)
        let names = (certificate.spec.dnsNames ?? []) + (certificate.spec.ipAddresses ?? [])
        let common = [certificate.spec.commonName.nonEmpty].compactMap(\.self)
        guard let same = budget.sameNames(names + common, in: world.orders, now: world.now), same.used > 0 else {
            return
        }
        let left = max(0, same.limit.count - same.used)
        entry.add(
            left == 0 ? .warning : .fact, "CA budget",
            left == 0
                ? "none is left for exactly these names, of \(same.limit.words): it waits"
                : "\(left) left for exactly these names, of \(same.limit.words)")
    }

    private static func orders(_ budget: AccountBudget, _ before: Int, _ entry: inout Plan.Entry) {
        guard let limit = budget.limits.orders, let left = budget.left else {
            return entry.add(.fact, "CA budget", "no limit of new orders is known for \(budget.server)")
        }
        let now = left - before
        entry.add(
            now > 0 ? .fact : .warning, "CA budget",
            now > 0
                ? "\(now) new orders left, of \(limit.words)"
                : "no new order is left, of \(limit.words): it waits its turn")
    }

    private static func budget(_ certificate: Certificate, _ namespace: String, _ world: Plan.World) -> AccountBudget? {
        let accounts = world.issuers.map { IssuerAccount($0) } + world.clusterIssuers.map { IssuerAccount($0) }
        let place = IssuerPlace(certificate.spec.issuerRef, namespace: namespace)
        func budget(_ all: [some IssuerObject]) -> AccountBudget? {
            let same = all.filter { IssuerPlace($0) == place }
            // The spec is the manifest's, where there is one; the account is the stored one's.
            guard var issuer = same.last else { return nil }
            issuer.status = same.first { $0.metadata.uid != nil }?.status ?? issuer.status
            return AccountBudget(issuer, among: accounts, orders: world.orders, now: world.now)
        }
        return place.isClusterIssuer ? budget(world.clusterIssuers) : budget(world.issuers)
    }
}
