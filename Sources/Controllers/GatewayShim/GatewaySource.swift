import CertificateAPI
import KubeModel

extension ShimSource {
    /// One Certificate for each Secret that a listener which terminates TLS names; listeners may share one.
    init(_ gateway: Gateway, settings: ShimSettings) {
        self.init(gateway, routeKeys: ParentRoute.keys)
        add(gateway.spec?.listeners ?? [], settings: settings)
        route = ParentRoute(kind: Gateway.resource.kind, name: gateway.metadata.name).annotations
    }

    /// The same for a ListenerSet. It takes over the issuer of its Gateway where it names none itself.
    init(_ set: some ListenerSetObject, of gateway: Gateway, settings: ShimSettings) {
        self.init(set, routeKeys: ParentRoute.keys)
        inheritIssuer(from: gateway)
        let listeners = set.spec?.listeners ?? []
        add(listeners, settings: settings)
        route = ParentRoute(for: set, listeners: listeners, of: gateway).annotations
    }

    /// Kind and group are part of what names an issuer, so they come along with the name or not at all.
    private mutating func inheritIssuer(from gateway: Gateway) {
        typealias Key = Names.Annotation
        guard annotations[Key.issuer] == nil, annotations[Key.clusterIssuer] == nil else { return }
        let inherited = gateway.metadata.annotations ?? [:]
        for key in [Key.issuer, Key.clusterIssuer] { annotations[key] = inherited[key] }
        for key in [Key.issuerKind, Key.issuerGroup] where annotations[key] == nil { annotations[key] = inherited[key] }
    }

    private mutating func add(_ listeners: [Listener], settings: ShimSettings) {
        let ignored = Set(
            (annotations[Names.Annotation.ignoreTLSListeners] ?? "").split(separator: ",").map { name in
                String(name.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
            })
        for (index, listener) in listeners.enumerated() {
            let references = listener.tls?.certificateRefs ?? []
            secretNames.formUnion(references.map(\.name))
            guard listener.terminatesTLS(extraProtocols: settings.extraProtocols), !ignored.contains(listener.name)
            else { continue }
            do throws(FieldProblem) {
                let host = try listener.host(in: metadata.namespace ?? "", at: FieldPath.spec["listeners"][index])
                for reference in references { add([host], to: reference.name) }
            } catch {
                problems.append(BadConfiguration("skipped the listener \"\(listener.name)\": \(error)"))
            }
        }
    }
}

extension Listener {
    fileprivate func terminatesTLS(extraProtocols: Set<String>) -> Bool {
        guard let name = `protocol` else { return false }
        return (["HTTPS", "TLS"].contains(name) || extraProtocols.contains(name)) && tls?.mode != "Passthrough"
    }

    /// The name a certificate is for, once everything says that it can be had.
    fileprivate func host(in namespace: String, at path: FieldPath) throws(FieldProblem) -> String {
        guard let host = hostname.nonEmpty else {
            throw .required(path["hostname"], "name the host that a certificate is to be for")
        }
        guard let tls else { throw .required(path["tls"], "say under certificateRefs which Secret to fill") }
        if let mode = tls.mode.nonEmpty, mode != "Terminate" {
            throw .notSupported(path["tls"]["mode"], mode, ["Terminate"])
        }
        let references = tls.certificateRefs ?? []
        guard !references.isEmpty else {
            throw .required(path["tls"]["certificateRefs"], "name the Secret to fill")
        }
        for (index, reference) in references.enumerated() {
            try reference.check(in: namespace, at: path["tls"]["certificateRefs"][index])
        }
        return host
    }
}

extension Listener.CertificateReference {
    /// Only a Secret beside the object can be filled for it.
    fileprivate func check(in namespace: String, at path: FieldPath) throws(FieldProblem) {
        if let group = group.nonEmpty, group != "core" { throw .notSupported(path["group"], group, ["core", ""]) }
        if let kind = kind.nonEmpty, kind != "Secret" { throw .notSupported(path["kind"], kind, ["Secret", ""]) }
        if let other = self.namespace.nonEmpty, other != namespace {
            throw .invalid(
                path["namespace"], other, "cross-namespace secret references are not allowed in listeners")
        }
    }
}

/// Which Gateway or ListenerSet the route of an HTTP-01 challenge attaches to, said on to Certificates.
struct ParentRoute {
    private typealias Key = Names.Annotation

    static let keys = [Key.http01ParentRefKind, Key.http01ParentRefName, Key.http01ParentRefNamespace]

    var kind: String
    var name: String
    /// Nil where it is that of the Certificate.
    var namespace: String?

    init(kind: String, name: String) {
        self.kind = kind
        self.name = name
    }

    /// The CA asks on port 80 without TLS. A ListenerSet that has no such listener could never answer, so its Gateway
    /// does; the annotation says it either way.
    init<Object: ListenerSetObject>(for set: Object, listeners: [Listener], of gateway: Gateway) {
        let said = set.metadata.annotations?[Key.http01ParentRefFallback].nonEmpty.map { ShimIssuer.isYes($0) }
        if said ?? !listeners.contains(where: { $0.protocol == "HTTP" }) {
            self.init(kind: Gateway.resource.kind, name: gateway.metadata.name)
            namespace = gateway.metadata.namespace
        } else {
            self.init(kind: Object.resource.kind, name: set.metadata.name)
        }
    }

    var annotations: [String: String] {
        var annotations = [Key.http01ParentRefKind: kind, Key.http01ParentRefName: name]
        annotations[Key.http01ParentRefNamespace] = namespace
        return annotations
    }
}
