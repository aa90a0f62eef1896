import CertificateAPI
import Diagnosis
import KubeClient
import KubeModel
import Wire

/// Looks at the controller itself: Deployment and pods, lease, and what its account may do.
struct ControllerLook: Sendable {
    static let lease = "cert-manager-controller"
    private static let names = "app.kubernetes.io/name in (certwright,cert-manager)"
    private static let deployments = ResourceType(
        group: "apps", version: "v1", kind: "Deployment", plural: "deployments", isNamespaced: true)
    private static let accounts = ResourceType(
        group: "", version: "v1", kind: "ServiceAccount", plural: "serviceaccounts", isNamespaced: true)

    let client: KubeClient

    struct Found: Sendable {
        var sight = ControllerSight()
        /// Where the Secrets of ClusterIssuers may lie, the likeliest place first.
        var clusterResourceNamespaces: [String] = []
        /// Whether one runs that elects no leader, and so has no lease to be judged by.
        var runsWithoutLease = false
    }

    func look(at namespace: String) async -> Found {
        var found = Found()
        let deployments = await list(Self.deployments, Self.names)
        let leases = await list(Lease.resource, nil, field: "metadata.name=\(Self.lease)")
        for deployment in (deployments ?? []).filter(Self.isController) {
            found.sight.deployments.append(await sight(of: deployment))
            found.clusterResourceNamespaces += Self.clusterResourceNamespace(of: deployment)
            if Self.arguments(of: deployment).contains("--leader-elect=false") { found.runsWithoutLease = true }
        }
        found.sight.lease = (leases ?? []).compactMap(Self.lease).max {
            ($0.renewedAt?.secondsSince1970 ?? 0) < ($1.renewedAt?.secondsSince1970 ?? 0)
        }
        found.sight.isComplete = deployments != nil && leases != nil && !found.runsWithoutLease
        found.clusterResourceNamespaces += ["cert-manager", "kube-system"]
        found.sight.account = await account(deployments?.filter(Self.isController).first)
        if let account = found.sight.account {
            found.sight.missingRights = await missingRights(of: account, namespace)
        }
        return found
    }

    /// Where the Secrets of ClusterIssuers may lie, the likeliest place first.
    func place() async -> [String] {
        let deployments = (await list(Self.deployments, Self.names) ?? []).filter(Self.isController)
        return deployments.flatMap(Self.clusterResourceNamespace) + ["cert-manager", "kube-system"]
    }

    /// What runs in the cluster, as "certwright 0.1.0 (cert-manager/certwright)".
    func versions() async -> [String] {
        (await list(Self.deployments, Self.names) ?? []).filter(Self.isController).map { deployment in
            let labels = deployment["metadata"]?["labels"]
            let name = labels?["app.kubernetes.io/name"]?.stringValue ?? "controller"
            let version = labels?["app.kubernetes.io/version"]?.stringValue ?? "of an unknown version"
            return "\(name) \(version) (\(deployment.objectKey.map { "\($0)" } ?? "?"))"
        }
    }

    /// Nil where they may not be listed.
    private func list(_ type: ResourceType, _ selector: String?, field: String? = nil) async -> [JSONValue]? {
        var options = ListOptions(labelSelector: selector, fieldSelector: field)
        options.keepsManagedFields = true
        return try? await client.page(type, options).items
    }

    // MARK: Deployment and pods

    /// The webhook's and the injector's own Deployments are others.
    private static func isController(_ deployment: JSONValue) -> Bool {
        let labels = deployment["metadata"]?["labels"]
        return ["controller", nil].contains(labels?["app.kubernetes.io/component"]?.stringValue)
    }

    private static func arguments(of deployment: JSONValue) -> [String] {
        let containers = deployment["spec"]?["template"]?["spec"]?["containers"]?.arrayValue ?? []
        return containers.flatMap { $0["args"]?.arrayValue ?? [] }.compactMap(\.stringValue)
    }

    private static func clusterResourceNamespace(of deployment: JSONValue) -> [String] {
        let flag = "--cluster-resource-namespace="
        let named = arguments(of: deployment).filter { $0.hasPrefix(flag) }.map { String($0.dropFirst(flag.count)) }
        let own = deployment["metadata"]?["namespace"]?.stringValue ?? ""
        return named.map { $0 == "$(POD_NAMESPACE)" ? own : $0 } + (named.isEmpty ? [own] : [])
    }

    private func sight(of deployment: JSONValue) async -> DeploymentSight {
        let key = deployment.objectKey ?? ObjectKey(name: "?")
        let replicas = deployment["spec"]?["replicas"]?.intValue ?? 1
        let ready = deployment["status"]?["readyReplicas"]?.intValue ?? 0
        var sight = DeploymentSight(key: key, replicas: Int(replicas), ready: Int(ready))
        guard ready < replicas else { return sight }
        let labels = deployment["spec"]?["selector"]?["matchLabels"]?.objectValue ?? [:]
        let selector = labels.map { "\($0.key)=\($0.value.stringValue ?? "")" }.joined(separator: ",")
        let options = ListOptions(namespace: key.namespace, labelSelector: selector)
        let pods = (try? await client.listAll(Pod.self, options).items) ?? []
        sight.podProblems = pods.compactMap(Self.problem)
        return sight
    }

    private static func problem(of pod: Pod) -> String? {
        if pod.status?.conditions?.contains(where: { $0.type == "Ready" && $0.status == "True" }) == true { return nil }
        let waiting = pod.status?.containerStatuses?.lazy.compactMap { $0.state?.waiting }.first
        let unscheduled = pod.status?.conditions?.first { $0.type == "PodScheduled" && $0.status == "False" }
        let why = [waiting?.reason ?? unscheduled?.reason, waiting?.message ?? unscheduled?.message].compactMap(\.self)
        return "Pod \(pod.key): \(pod.status?.phase ?? "new")" + (why.isEmpty ? "" : ": \(why.joined(separator: ": "))")
    }

    // MARK: Lease

    private static func lease(_ value: JSONValue) -> LeaseSight? {
        guard let key = value.objectKey, let lease = try? value.decode(Lease.self) else { return nil }
        let written = (value["metadata"]?["managedFields"]?.arrayValue ?? [])
            .compactMap { $0["time"]?.stringValue.flatMap { Timestamp(rfc3339: $0) } }.max()
        return LeaseSight(
            key: key, holder: lease.spec?.holderIdentity ?? "", durationSeconds: lease.spec?.leaseDurationSeconds ?? 60,
            renewedAt: lease.spec?.renewTime?.time, acquiredAt: lease.spec?.acquireTime?.time, writtenAt: written)
    }

    // MARK: Rights

    private func account(_ deployment: JSONValue?) async -> String? {
        if let deployment, let key = deployment.objectKey {
            let pod = deployment["spec"]?["template"]?["spec"]
            let name = pod?["serviceAccountName"]?.stringValue ?? "default"
            return "system:serviceaccount:\(key.namespace):\(name)"
        }
        let accounts = (await list(Self.accounts, Self.names) ?? []).filter(Self.isController).compactMap(\.objectKey)
        // Of several one is left over, or all but one, and nothing tells which.
        guard accounts.count == 1 else { return nil }
        return accounts.first.map { "system:serviceaccount:\($0.namespace):\($0.name)" }
    }

    private struct Right {
        var verb: String
        var group: String
        var resource: String
        var subresource: String?
        /// Whether a controller of all namespaces needs it in all of them, and one of one namespace there.
        var isWide = false

        init(_ verb: String, _ group: String, _ resource: String, _ subresource: String? = nil, isWide: Bool = false) {
            (self.verb, self.group, self.resource, self.subresource) = (verb, group, resource, subresource)
            self.isWide = isWide
        }

        var name: String {
            resource + (subresource.map { "/\($0)" } ?? "") + (group.isEmpty ? "" : ".\(group)")
        }
    }

    /// Of what the chart's roles give, that without which no issuance goes through.
    private static let needed: [Right] = [
        Right("list", Names.group, "certificates", isWide: true),
        Right("watch", Names.group, "certificates", isWide: true),
        Right("list", "", "secrets", isWide: true), Right("watch", "", "secrets", isWide: true),
        Right("list", Names.group, "issuers", isWide: true), Right("get", "", "secrets"),
        Right("create", "", "secrets"),
        Right("patch", "", "secrets"), Right("patch", Names.group, "certificates", "status"),
        Right("create", Names.group, "certificaterequests"),
        Right("patch", Names.group, "certificaterequests", "status"),
        Right("patch", Names.group, "issuers", "status"), Right("create", Names.acmeGroup, "orders"),
        Right("create", Names.acmeGroup, "challenges"), Right("patch", Names.acmeGroup, "orders", "status"),
        Right("patch", Names.acmeGroup, "challenges", "status"),
    ]

    /// Nil where reviews may not be made.
    private func missingRights(of account: String, _ namespace: String) async -> [MissingRight]? {
        guard let isWide = await isAllowed(Self.needed[0], in: "", account) else { return nil }
        var missing: [MissingRight] = []
        for right in Self.needed {
            let place = right.isWide && isWide ? "" : namespace
            guard let isAllowed = await isAllowed(right, in: place, account) else { return nil }
            if !isAllowed { missing.append(MissingRight(verb: right.verb, resource: right.name, namespace: place)) }
        }
        return missing
    }

    private func isAllowed(_ right: Right, in namespace: String, _ account: String) async -> Bool? {
        let parts = account.split(separator: ":").map(String.init)
        let groups = parts.count == 4 ? ["system:serviceaccounts", "system:serviceaccounts:\(parts[2])"] : []
        let attributes = SelfSubjectAccessReview.ResourceAttributes(
            namespace: namespace.isEmpty ? nil : namespace, verb: right.verb, group: right.group,
            resource: right.resource, subresource: right.subresource)
        let review = SubjectAccessReview(.init(user: account, groups: groups + ["system:authenticated"], attributes))
        return try? await client.create(review).status?.allowed
    }
}
