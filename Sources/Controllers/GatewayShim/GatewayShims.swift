package import CertificateAPI
package import KubeClient
package import KubeModel
package import KubeRuntime
package import Wire

extension ShimIndex {
    /// ListenerSets by `namespace/name` of their Gateway.
    fileprivate static let parent = "parent"

    package static let gateways = byName { (gateway: Gateway) in gateway.spec?.listeners?.secretNames ?? [] }

    package static func listenerSets<Object: ListenerSetObject>() -> [String: @Sendable (Object) -> [String]] {
        byName { (set: Object) in set.spec?.listeners?.secretNames ?? [] }
            .merging([parent: { set in set.gateway.map { ["\($0)"] } ?? [] }]) { $1 }
    }
}

extension [Listener] {
    fileprivate var secretNames: [String] { flatMap { ($0.tls?.certificateRefs ?? []).map(\.name) } }
}

extension ListenerSetObject {
    /// The Gateway it adds listeners to; nil where its parent is something else.
    var gateway: ObjectKey? {
        guard let parent = spec?.parentRef, !parent.name.isEmpty,
            (parent.kind.nonEmpty ?? Gateway.resource.kind) == Gateway.resource.kind,
            (parent.group.nonEmpty ?? Gateway.group) == Gateway.group
        else { return nil }
        return ObjectKey(namespace: parent.namespace.nonEmpty ?? metadata.namespace ?? "", name: parent.name)
    }
}

extension ShimReconciler where Object == Gateway {
    package convenience init(
        client: KubeClient, gateways: Cache<Gateway>, certificates: Cache<Certificate>, events: EventRecorder,
        settings: ShimSettings, time: any TimeSource
    ) {
        self.init(
            component: "cert-manager-gateway-shim", client: client, objects: gateways, certificates: certificates,
            events: events, settings: settings, time: time, read: { ShimSource($0, settings: settings) })
    }
}

extension ShimReconciler where Object: ListenerSetObject {
    /// Without its Gateway a ListenerSet serves nobody, and asks for nothing.
    package convenience init(
        client: KubeClient, listenerSets: Cache<Object>, gateways: Cache<Gateway>, certificates: Cache<Certificate>,
        events: EventRecorder, settings: ShimSettings, time: any TimeSource
    ) {
        self.init(
            component: "cert-manager-listenerset", client: client, objects: listenerSets, certificates: certificates,
            events: events, settings: settings, time: time,
            read: { set in
                guard let gateway = set.gateway.flatMap({ gateways[$0] }), !gateway.metadata.isBeingDeleted else {
                    return nil
                }
                return ShimSource(set, of: gateway, settings: settings)
            })
    }

    /// As `connect`; a change of a Gateway concerns its ListenerSets too.
    package func connect(gateways: Cache<Gateway>, _ enqueue: @escaping @Sendable (ObjectKey) -> Void) {
        connect(enqueue)
        let listenerSets = objects
        gateways.onChange { old, new in
            guard let gateway = new ?? old else { return }
            for set in listenerSets.matching(index: ShimIndex.parent, value: "\(gateway.key)") { enqueue(set.key) }
        }
    }
}
