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
