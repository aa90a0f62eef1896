import CertificateAPI
import Diagnosis
import KubeClient
import KubeModel
import Wire

/// Gathers what a takeover goes by.
struct TakeoverLook: Sendable {
    static let deployments = ResourceType(
        group: "apps", version: "v1", kind: "Deployment", plural: "deployments", isNamespaced: true)
    static let configMaps = ResourceType(
        group: "", version: "v1", kind: "ConfigMap", plural: "configmaps", isNamespaced: true)
    static let definitions = ResourceType(
        group: "apiextensions.k8s.io", version: "v1", kind: "CustomResourceDefinition",
        plural: "customresourcedefinitions", isNamespaced: false)
    static func webhooks(_ kind: String) -> ResourceType {
        ResourceType(
            group: "admissionregistration.k8s.io", version: "v1", kind: kind, plural: kind.lowercased() + "s",
            isNamespaced: false)
    }
    static let webhookKinds = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"]
    /// The ConfigMap in which is kept what is needed to go back.
    static let keptName = "certwright-takeover"
    static let keptKey = "state.json"

    let client: KubeClient
    /// Where the ConfigMap is.
    let namespace: String

    func view(manifests: [JSONValue]) async throws -> TakeoverView {
        var view = TakeoverView()
        for value in try await all(Self.deployments) {
            guard let name = Self.label("app.kubernetes.io/name", of: value) ?? Self.label("app", of: value) else {
                continue
            }
            // The components of cert-manager's chart are named for themselves.
            if name == "certwright" {
                view.ours.append(Self.workload(value))
            } else if ["cert-manager", "webhook", "cainjector"].contains(name), Self.isOfCertManager(value) {
                view.theirs.append(Self.workload(value))
            }
        }
        view.webhooks = try await webhooks()
        view.leases = try await leases()
        view.definitions = try await all(Self.definitions).compactMap(Self.definition)
        if view.definitions.contains(where: { $0.name == "certificates.cert-manager.io" }) {
            view.certificates = try await client.listAll(Certificate.self).items
            view.orders = try await client.listAll(Order.self).items
            view.issuers = try await client.listAll(Issuer.self).items.map { ("Issuer \($0.key)", $0.spec) }
            view.issuers += try await client.listAll(ClusterIssuer.self).items.map {
                ("ClusterIssuer \($0.key)", $0.spec)
            }
        }
        view.saved = try await saved()
        view.manifests = manifests.map { "\($0["kind"]?.stringValue ?? "?") \($0.objectKey.map { "\($0)" } ?? "?")" }
        view.manifestArguments = manifests.first { $0["kind"]?.stringValue == "Deployment" }.map(Self.arguments)
        return view
    }

    private func all(_ type: ResourceType, field: String? = nil) async throws -> [JSONValue] {
        var items: [JSONValue] = []
        var options = ListOptions(fieldSelector: field)
        options.keepsManagedFields = false
        _ = try await client.pages(type, options, restart: { items = [] }, take: { items += $0.items })
        return items
    }

    private static func label(_ key: String, of value: JSONValue) -> String? {
        value["metadata"]?["labels"]?[key]?.stringValue
    }

    private static func isOfCertManager(_ value: JSONValue) -> Bool {
        let containers = value["spec"]?["template"]?["spec"]?["containers"]?.arrayValue ?? []
        let isImage = containers.contains { $0["image"]?.stringValue?.contains("cert-manager") == true }
        return isImage || label("app.kubernetes.io/name", of: value) == "cert-manager"
    }

    private static func workload(_ value: JSONValue) -> Workload {
        let key = value.objectKey ?? ObjectKey(name: "?")
        let component =
            label("app.kubernetes.io/component", of: value) ?? label("app.kubernetes.io/name", of: value) ?? ""
        let part: Workload.Part =
            switch component {
            case "controller", "cert-manager", "certwright": .controller
            case "webhook": .webhook
            case "cainjector": .cainjector
            default: .other
            }
        return Workload(
            key: key, part: part, replicas: Int(value["spec"]?["replicas"]?.intValue ?? 1),
            ready: Int(value["status"]?["readyReplicas"]?.intValue ?? 0),
            version: label("app.kubernetes.io/version", of: value) ?? "", arguments: arguments(value),
            release: value["metadata"]?["annotations"]?["meta.helm.sh/release-name"]?.stringValue)
    }

    private static func arguments(_ value: JSONValue) -> [String] {
        let containers = value["spec"]?["template"]?["spec"]?["containers"]?.arrayValue ?? []
        let namespace = value["metadata"]?["namespace"]?.stringValue ?? ""
        return containers.flatMap { $0["args"]?.arrayValue ?? [] }.compactMap(\.stringValue).map { argument in
            argument.hasSuffix("=$(POD_NAMESPACE)")
                ? argument.dropLast("$(POD_NAMESPACE)".count) + namespace : argument
        }
    }

    private func webhooks() async throws -> [Webhook] {
        var found: [Webhook] = []
        for kind in Self.webhookKinds {
            for value in try await all(Self.webhooks(kind)) {
                let hooks = value["webhooks"]?.arrayValue ?? []
                let groups = hooks.flatMap { $0["rules"]?.arrayValue ?? [] }.flatMap {
                    $0["apiGroups"]?.arrayValue ?? []
                }
                guard groups.contains(where: { $0.stringValue == Names.group }), let name = value.objectKey?.name,
                    hooks.contains(where: { $0["name"]?.stringValue == "webhook.cert-manager.io" })
                else { continue }
                let isOurs =
                    Self.label("app.kubernetes.io/name", of: value) == "certwright" || name.hasPrefix("certwright")
                found.append(Webhook(kind: kind, name: name, isOurs: isOurs, manifest: Self.plain(value, kind)))
            }
        }
        return found
    }

    /// What can be made again: without UID, version and times.
    private static func plain(_ value: JSONValue, _ kind: String) -> JSONValue {
        var plain = value
        plain["apiVersion"] = "admissionregistration.k8s.io/v1"
        plain["kind"] = .string(kind)
        var metadata: JSONValue = ["name": value["metadata"]?["name"] ?? nil]
        for key in ["labels", "annotations"] { metadata[key] = value["metadata"]?[key] }
        plain["metadata"] = metadata
        return plain
    }

    private func leases() async throws -> [LeaseSight] {
        var found: [LeaseSight] = []
        for name in [ControllerLook.lease, "cert-manager-cainjector-leader-election"] {
            for value in try await all(Lease.resource, field: "metadata.name=\(name)") {
                guard let lease = try? value.decode(Lease.self) else { continue }
                found.append(
                    LeaseSight(
                        key: lease.key, holder: lease.spec?.holderIdentity ?? "",
                        durationSeconds: lease.spec?.leaseDurationSeconds ?? 60, renewedAt: lease.spec?.renewTime?.time)
                )
            }
        }
        return found
    }

    private static func definition(_ value: JSONValue) -> Definition? {
        guard let name = value.objectKey?.name, Definition.needed.contains(name) else { return nil }
        let v1 = (value["spec"]?["versions"]?.arrayValue ?? []).first { $0["name"]?.stringValue == Names.version }
        return Definition(
            name: name, hasV1: v1?["served"]?.boolValue == true && v1?["storage"]?.boolValue == true,
            storedVersions: (value["status"]?["storedVersions"]?.arrayValue ?? []).compactMap(\.stringValue),
            release: value["metadata"]?["annotations"]?["meta.helm.sh/release-name"]?.stringValue)
    }

    private func saved() async throws -> SavedState? {
        let key = ObjectKey(namespace: namespace, name: Self.keptName)
        do throws(KubeError) {
            let value = try await client.send(.get(Self.configMaps, key))
            let text = value["data"]?[Self.keptKey]?.stringValue ?? ""
            return try? JSONValue(parsing: Array(text.utf8)).decode(SavedState.self)
        } catch {
            guard error.isNotFound else { throw error }
            return nil
        }
    }

    /// The SHA-256 of what is in each Certificate's Secret, to see that nothing changed.
    func prints(_ certificates: [Certificate]) async throws -> [ObjectKey: SecretPrint] {
        var prints: [ObjectKey: SecretPrint] = [:]
        for certificate in certificates {
            let key = ObjectKey(namespace: certificate.key.namespace, name: certificate.spec.secretName)
            guard let secret = try await client.find(Secret.self, key) else { continue }
            prints[key] = SecretPrint(data: secret.data ?? [:])
        }
        return prints
    }
}

/// The data of a Secret, to be compared and not to be shown.
struct SecretPrint: Equatable, Sendable, CustomStringConvertible {
    let data: [String: Base64Data]
    var description: String { "redacted" }
}
