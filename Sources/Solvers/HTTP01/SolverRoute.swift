package import CertificateAPI
package import KubeModel
import Wire

extension SolverObjects {
    /// A route from the Gateways named to the pod's Service, for the one path. It stands in for no other route: an
    /// exact path comes before every prefix, redirects to https included (Gateway API, HTTPRouteRule).
    package func route(as solver: Solver.GatewaySolver) -> HTTPRoute {
        var spec: JSONValue = [
            "parentRefs": .array((solver.parentRefs ?? []).map(reference)),
            "rules": [
                [
                    "matches": [["path": ["type": "Exact", "value": .string(Self.path(for: challenge))]]],
                    "backendRefs": [
                        [
                            "group": "", "kind": "Service", "name": .string(key.name),
                            "namespace": .string(key.namespace), "port": .integer(Int64(Self.port)), "weight": 1,
                        ]
                    ],
                ]
            ],
        ]
        // Hostnames of the Gateway API are never addresses.
        if let host { spec["hostnames"] = [.string(host)] }
        return HTTPRoute(metadata: ownMetadata(labels: solver.labels), spec: spec)
    }

    func reference(_ parent: Solver.ParentReference) -> JSONValue {
        var reference: JSONValue = [
            "group": .string(parent.group ?? Gateway.group),
            "kind": .string(parent.kind.nonEmpty ?? Gateway.resource.kind), "name": .string(parent.name),
        ]
        if let namespace = parent.namespace.nonEmpty { reference["namespace"] = .string(namespace) }
        if let section = parent.sectionName.nonEmpty { reference["sectionName"] = .string(section) }
        if let port = parent.port { reference["port"] = .integer(Int64(port)) }
        return reference
    }
}

extension HTTPRoute {
    /// The merge patch that makes the route say what `wanted` says; nil when it does. What the API server filled in
    /// beside that, as defaults of its own, is no difference.
    func difference(from wanted: HTTPRoute) -> JSONValue? {
        let labels = wanted.metadata.labels ?? [:]
        let hasLabels = labels.allSatisfy { metadata.labels?[$0.key] == $0.value }
        if hasLabels, let spec, let other = wanted.spec, spec.says(other) { return nil }
        var patch: JSONValue = ["metadata": ["resourceVersion": .string(metadata.resourceVersion ?? "")]]
        patch["metadata"]?["labels"] = .object(
            labels.sorted { $0.key < $1.key }.reduce(into: [:]) { $0[$1.key] = .string($1.value) })
        // Arrays are replaced whole; that of the hosts must also be able to go.
        patch["spec"] = wanted.spec ?? [:]
        if wanted.spec?["hostnames"] == nil { patch["spec"]?["hostnames"] = .null }
        return patch
    }

    /// Why Gateways do not take it in, as a sentence; nil when nothing is known to be wrong.
    var news: String? {
        let parents = status?.parents ?? []
        if parents.isEmpty {
            return "no Gateway says yet that it serves the HTTPRoute \(key); see that its parentRefs name one whose "
                + "controller runs"
        }
        for parent in parents {
            let bad = (parent.conditions ?? []).first {
                ["Accepted", "ResolvedRefs"].contains($0.type) && $0.status == "False"
            }
            guard let bad else { continue }
            let name = [parent.parentRef?.namespace, parent.parentRef?.name].compactMap(\.nonEmpty)
            let cause = [bad.reason, bad.message].compactMap(\.nonEmpty).joined(separator: ": ")
            return
                "\(parent.parentRef?.kind.nonEmpty ?? Gateway.resource.kind) \(name.joined(separator: "/")) does not "
                + "serve the HTTPRoute \(key): \(cause)"
        }
        return nil
    }
}

extension JSONValue {
    /// Whether everything in `other` is here too: members of objects in any number beside, elements of arrays one by one.
    func says(_ other: JSONValue) -> Bool {
        if let wanted = other.objectValue {
            return wanted.allSatisfy { member in self[member.key]?.says(member.value) ?? false }
        }
        if let wanted = other.arrayValue {
            guard let own = arrayValue, own.count == wanted.count else { return false }
            return zip(own, wanted).allSatisfy { $0.says($1) }
        }
        return self == other
    }
}
