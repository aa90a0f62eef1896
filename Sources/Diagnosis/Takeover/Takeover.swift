import CertificateAPI
import DNSProviders
import KubeModel
import Wire

/// The way from cert-manager to Certwright and back: total and pure.
///
/// Nothing is asked for twice on the way: both go by the same objects, leases and field managers, so one may begin where
/// the other has stopped, as long as they never work at once.
package enum Takeover {
    // MARK: There

    package static func decide(_ view: TakeoverView) -> TakeoverPlan {
        var plan = TakeoverPlan()
        let running = view.theirs.filter { $0.replicas > 0 }
        if view.theirs.isEmpty, view.saved == nil {
            plan.blockers.append(
                "No Deployment of cert-manager was found: there is nothing to take over. Install Certwright as usual.")
        }
        if view.ours.contains(where: { $0.part == .controller && $0.ready > 0 }),
            running.contains(where: { $0.part == .controller })
        {
            plan.blockers.append("Certwright's controller runs beside cert-manager's: scale one of them to 0 first.")
        }
        definitions(view, &plan)
        issuers(view, &plan)
        settings(view, &plan)
        helm(view, &plan)
        facts(view, &plan)
        guard plan.blockers.isEmpty else { return plan }
        steps(view, running, &plan)
        return plan
    }

    private static func definitions(_ view: TakeoverView, _ plan: inout TakeoverPlan) {
        let found = Set(view.definitions.map(\.name))
        let applied = Set(
            view.manifests.filter { $0.hasPrefix("CustomResourceDefinition ") }.map { String($0.dropFirst(25)) })
        let missing = Set(Definition.needed).subtracting(found).subtracting(applied).sorted()
        if !missing.isEmpty {
            plan.blockers.append(
                "These definitions are neither installed nor in the manifests: \(missing.joined(separator: ", ")). Give crds/ with -f."
            )
        }
        for definition in view.definitions where !definition.hasV1 {
            plan.blockers.append(
                "\(definition.name) does not store version v1: upgrade cert-manager to 1.6 or later first, and migrate."
            )
        }
        let old = view.definitions.filter { $0.storedVersions.contains { $0 != Names.version } }
        if !old.isEmpty {
            plan.blockers.append(
                "Objects may still be stored in an old version of \(old.map(\.name).joined(separator: ", ")): run"
                    + " cmctl upgrade migrate-api-version first.")
        }
        let own = Definition.needed.filter { applied.contains($0) && found.contains($0) }
        if !own.isEmpty {
            plan.facts.append(
                "\(own.count) definitions are applied over those that are there; no object of theirs changes.")
        } else {
            plan.warnings.append(
                "The definitions stay cert-manager's: give crds/ with -f to have Certwright's rules in them.")
        }
    }

    /// What this release cannot do yet would stop working.
    private static func issuers(_ view: TakeoverView, _ plan: inout TakeoverPlan) {
        let keys = DNSProviderRegistry.standard.keys
        for (title, spec) in view.issuers {
            for problem in UnsupportedFields.problems(in: spec, at: .spec, dnsProviders: keys) {
                plan.blockers.append(
                    "\(title) uses what this release does not support: \(problem.path). Its certificates would not be renewed."
                )
            }
        }
    }

    /// Flags of cert-manager's controller that change what it does, and that ours does not have.
    private static func settings(_ view: TakeoverView, _ plan: inout TakeoverPlan) {
        guard let old = view.theirs.first(where: { $0.part == .controller }) else { return }
        let new = view.manifestArguments ?? view.ours.first { $0.part == .controller }?.arguments
        guard let new else { return }
        for (flag, value) in Self.flags(old.arguments) where Self.telling.contains(flag) {
            let other = Self.flags(new)[flag]
            guard other != value else { continue }
            let text =
                "cert-manager's controller has \(flag)=\(value), and Certwright's has \(other.map { "\(flag)=\($0)" } ?? "the default")."
            if flag == "--cluster-resource-namespace" {
                plan.blockers.append("\(text) ClusterIssuers would not find their Secrets: give Certwright the same.")
            } else {
                plan.warnings.append("\(text) Give it the same if you rely on it.")
            }
        }
    }

    /// Flags that change what becomes of objects.
    private static let telling: Set = [
        "--cluster-resource-namespace", "--namespace", "--enable-certificate-owner-ref", "--enable-gateway-api",
        "--default-issuer-name", "--default-issuer-kind", "--default-issuer-group", "--auto-certificate-annotations",
        "--extra-certificate-annotations", "--dns01-recursive-nameservers", "--dns01-recursive-nameservers-only",
        "--copied-annotation-prefixes", "--controllers", "--feature-gates", "--acme-http01-solver-nameservers",
        "--cluster-issuer-ambient-credentials", "--issuer-ambient-credentials",
    ]

    private static func flags(_ arguments: [String]) -> [String: String] {
        var flags: [String: String] = [:]
        for argument in arguments where argument.hasPrefix("--") {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            flags[String(parts[0])] = parts.count == 2 ? String(parts[1]) : "true"
        }
        return flags
    }

    /// Helm goes by what it has stored, not by what is in the cluster.
    private static func helm(_ view: TakeoverView, _ plan: inout TakeoverPlan) {
        guard let release = view.definitions.compactMap(\.release).first else { return }
        let namespace = view.theirs.first?.key.namespace ?? "cert-manager"
        plan.warnings.append(
            "The definitions belong to the Helm release \(release). `helm uninstall` of it deletes them, and with them every"
                + " Certificate, unless it was installed with crds.keep=true. To have Helm forget the release without deleting"
                + " anything: kubectl delete secret -n \(namespace) -l owner=helm,name=\(release)")
    }

    private static func facts(_ view: TakeoverView, _ plan: inout TakeoverPlan) {
        let ready = view.certificates.filter { $0.status?.conditions.isTrue(Condition.Kind.ready) == true }.count
        let issuing = view.certificates.filter { $0.status?.conditions.isTrue(Condition.Kind.issuing) == true }
        let open = view.orders.filter { $0.status?.state?.isFinal != true }.count
        plan.facts.append(
            "\(view.certificates.count) Certificates, \(ready) of them ready: none is issued anew, no Secret changes.")
        if !issuing.isEmpty || open > 0 {
            plan.facts.append(
                "\(issuing.count) Certificates are being issued, \(open) Orders are open: they are finished with the same keys and orders."
            )
        }
        let accounts = view.issuers.filter { $0.spec.acme != nil }.count
        if accounts > 0 { plan.facts.append("\(accounts) ACME accounts are kept, with their keys.") }
    }

    private static func steps(_ view: TakeoverView, _ running: [Workload], _ plan: inout TakeoverPlan) {
        let theirs = view.webhooks.filter { !$0.isOurs }
        if view.saved == nil {
            let scales = view.theirs.map {
                SavedState.Scale(namespace: $0.key.namespace, name: $0.key.name, replicas: $0.replicas)
            }
            plan.steps.append(.save(SavedState(deployments: scales, webhooks: theirs.map(\.manifest))))
        }
        // The controller before its webhook: what it has begun to write it can finish.
        let order: [Workload.Part] = [.controller, .cainjector, .webhook, .other]
        for workload in running.sorted(by: {
            (order.firstIndex(of: $0.part) ?? 9) < (order.firstIndex(of: $1.part) ?? 9)
        }) {
            plan.steps += [.scale(workload.key, to: 0), .awaitEnd(workload.key)]
        }
        plan.steps += theirs.map { .deleteWebhook(kind: $0.kind, name: $0.name) }
        plan.steps += view.leases.filter { !$0.holder.isEmpty }.map { .releaseLease($0.key) }
        if !view.manifests.isEmpty { plan.steps.append(.applyManifests(view.manifests)) }
        let there = Set(view.ours.map(\.key))
        plan.steps += deployments(in: view.manifests).filter { !there.contains($0) }.map { .awaitReady($0) }
        for workload in view.ours {
            if workload.replicas == 0 { plan.steps.append(.scale(workload.key, to: 1)) }
            plan.steps.append(.awaitReady(workload.key))
        }
        if view.ours.isEmpty, view.manifests.isEmpty {
            plan.warnings.append(
                "Certwright is not installed and no manifests are given: start a controller yourself, or give manifests/certwright.yaml with -f."
            )
        }
    }

    /// The Deployments among "kind namespace/name".
    private static func deployments(in manifests: [String]) -> [ObjectKey] {
        manifests.compactMap { text in
            let words = text.split(separator: " ")
            guard words.count == 2, words[0] == "Deployment" else { return nil }
            let parts = words[1].split(separator: "/").map(String.init)
            return parts.count == 2 ? ObjectKey(namespace: parts[0], name: parts[1]) : nil
        }
    }

    // MARK: Back

    package static func back(_ view: TakeoverView) -> TakeoverPlan {
        var plan = TakeoverPlan()
        guard let saved = view.saved else {
            plan.blockers.append("Nothing was kept to go back by: no takeover was made here.")
            return plan
        }
        let there = Set(view.theirs.map(\.key))
        for scale in saved.deployments where !there.contains(ObjectKey(namespace: scale.namespace, name: scale.name)) {
            plan.blockers.append(
                "Deployment \(scale.namespace)/\(scale.name) is gone: install cert-manager again, with 0 replicas.")
        }
        guard plan.blockers.isEmpty else { return plan }
        for workload in view.ours where workload.replicas > 0 {
            plan.steps += [.scale(workload.key, to: 0), .awaitEnd(workload.key)]
        }
        plan.steps += view.webhooks.filter(\.isOurs).map { .deleteWebhook(kind: $0.kind, name: $0.name) }
        plan.steps += view.leases.filter { !$0.holder.isEmpty }.map { .releaseLease($0.key) }
        let present = Set(view.webhooks.map { "\($0.kind)/\($0.name)" })
        let revived = saved.deployments.filter { $0.replicas > 0 }.map { scale in
            (ObjectKey(namespace: scale.namespace, name: scale.name), scale.replicas)
        }
        plan.steps += revived.map { .scale($0.0, to: $0.1) }
        plan.steps += revived.map { .awaitReady($0.0) }
        // Only when somebody answers them: until then they would keep everybody from writing.
        for manifest in saved.webhooks {
            let kind = manifest["kind"]?.stringValue ?? ""
            let name = manifest["metadata"]?["name"]?.stringValue ?? ""
            if !present.contains("\(kind)/\(name)") {
                plan.steps.append(.restoreWebhook(kind: kind, name: name, manifest))
            }
        }
        plan.steps.append(.forget)
        plan.facts.append(
            "The definitions stay as they are: cert-manager works with them, and its next upgrade puts its own back.")
        return plan
    }
}
