package import CertificateAPI
package import KubeModel
package import Wire

/// What a change from cert-manager to Certwright, or back, goes by.
package struct TakeoverView: Sendable {
    /// cert-manager's Deployments: controller, webhook, CA injector.
    package var theirs: [Workload] = []
    /// Certwright's, whatever parts it is split into.
    package var ours: [Workload] = []
    package var webhooks: [Webhook] = []
    package var leases: [LeaseSight] = []
    package var definitions: [Definition] = []
    package var certificates: [Certificate] = []
    package var orders: [Order] = []
    /// By kind and key: "Issuer web/acme".
    package var issuers: [(title: String, spec: IssuerSpec)] = []
    /// What an earlier takeover has kept to go back by.
    package var saved: SavedState?
    /// The objects that are to be applied to start Certwright, as "kind namespace/name".
    package var manifests: [String] = []
    /// The arguments of the controller in those manifests; nil where they hold none.
    package var manifestArguments: [String]?

    package init() {}
}

/// A Deployment of either.
package struct Workload: Sendable, Equatable {
    package enum Part: String, Sendable { case controller, webhook, cainjector, other }
    package var key: ObjectKey
    package var part: Part
    package var replicas: Int
    package var ready: Int
    package var version: String
    package var arguments: [String]
    /// The Helm release it belongs to.
    package var release: String?

    package init(
        key: ObjectKey, part: Part, replicas: Int, ready: Int = 0, version: String = "", arguments: [String] = [],
        release: String? = nil
    ) {
        self.key = key
        self.part = part
        self.replicas = replicas
        self.ready = ready
        self.version = version
        self.arguments = arguments
        self.release = release
    }
}

/// A ValidatingWebhookConfiguration or MutatingWebhookConfiguration that is about our API groups.
package struct Webhook: Sendable, Equatable {
    package var kind: String
    package var name: String
    package var isOurs: Bool
    /// Without what only the API server sets, so that it can be made again.
    package var manifest: JSONValue

    package init(kind: String, name: String, isOurs: Bool, manifest: JSONValue) {
        self.kind = kind
        self.name = name
        self.isOurs = isOurs
        self.manifest = manifest
    }
}

/// A CustomResourceDefinition of our kinds.
package struct Definition: Sendable, Equatable {
    package var name: String
    /// Whether version v1 is served and stored.
    package var hasV1: Bool
    /// Versions that objects may still be stored in.
    package var storedVersions: [String]
    package var release: String?

    package init(name: String, hasV1: Bool, storedVersions: [String], release: String?) {
        self.name = name
        self.hasV1 = hasV1
        self.storedVersions = storedVersions
        self.release = release
    }

    package static let needed = [
        "certificates.cert-manager.io", "certificaterequests.cert-manager.io", "issuers.cert-manager.io",
        "clusterissuers.cert-manager.io", "orders.acme.cert-manager.io", "challenges.acme.cert-manager.io",
    ]
}

/// What is kept, in a ConfigMap, to go back by.
package struct SavedState: Codable, Sendable, Equatable {
    package struct Scale: Codable, Sendable, Equatable {
        package var namespace: String
        package var name: String
        package var replicas: Int

        package init(namespace: String, name: String, replicas: Int) {
            self.namespace = namespace
            self.name = name
            self.replicas = replicas
        }
    }
    package var deployments: [Scale]
    /// Each with its kind and name.
    package var webhooks: [JSONValue]

    package init(deployments: [Scale], webhooks: [JSONValue]) {
        self.deployments = deployments
        self.webhooks = webhooks
    }
}

/// One thing to do, in the order of the plan.
package enum TakeoverStep: Sendable, Equatable, CustomStringConvertible {
    case save(SavedState)
    case scale(ObjectKey, to: Int)
    /// Until no pod of it is left.
    case awaitEnd(ObjectKey)
    case deleteWebhook(kind: String, name: String)
    case restoreWebhook(kind: String, name: String, JSONValue)
    /// Takes the holder's name out, so that the next need not wait for its end.
    case releaseLease(ObjectKey)
    case applyManifests([String])
    case awaitReady(ObjectKey)
    case forget

    package var description: String {
        switch self {
        case .save(let state):
            "keep what is needed to go back: \(state.deployments.count) Deployments, \(state.webhooks.count) webhook configurations"
        case .scale(let key, let replicas): "scale Deployment \(key) to \(replicas)"
        case .awaitEnd(let key): "wait until the pods of Deployment \(key) are gone"
        case .deleteWebhook(let kind, let name): "delete \(kind) \(name), which nobody answers any more"
        case .restoreWebhook(let kind, let name, _): "make \(kind) \(name) again"
        case .releaseLease(let key): "release Lease \(key)"
        case .applyManifests(let objects):
            "apply \(objects.count) objects, taking the fields over: \(Self.shortened(objects))"
        case .awaitReady(let key): "wait until Deployment \(key) is ready"
        case .forget: "delete what was kept to go back by"
        }
    }

    private static func shortened(_ objects: [String]) -> String {
        objects.count <= 4 ? objects.joined(separator: ", ") : objects.prefix(3).joined(separator: ", ") + ", …"
    }
}

/// What will be done, and what speaks against it.
package struct TakeoverPlan: Sendable, Equatable {
    /// Nothing is done while there is one.
    package var blockers: [String] = []
    package var warnings: [String] = []
    /// What will stay as it is.
    package var facts: [String] = []
    package var steps: [TakeoverStep] = []

    package init() {}

    package var json: JSONValue {
        func list(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
        return [
            "blockers": list(blockers), "warnings": list(warnings), "facts": list(facts),
            "steps": list(steps.map(\.description)),
        ]
    }
}
