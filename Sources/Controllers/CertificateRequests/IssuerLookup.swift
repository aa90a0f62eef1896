package import CertificateAPI
package import KubeModel
package import KubeRuntime

/// Finds the issuer that a reference names.
package struct IssuerLookup: Sendable {
    package let issuers: Cache<Issuer>
    /// Nil where only one namespace is served.
    package let clusterIssuers: Cache<ClusterIssuer>?
    /// Where the Secrets of ClusterIssuers lie.
    package let clusterResourceNamespace: String
    /// Kinds of issuers whose requests this program signs at once; switched off ones are left out.
    package let instantKinds: Set<InstantKind>

    package enum InstantKind: Sendable, Hashable, CaseIterable { case ca, selfSigned }

    package init(
        issuers: Cache<Issuer>, clusterIssuers: Cache<ClusterIssuer>?, clusterResourceNamespace: String,
        instantKinds: Set<InstantKind> = Set(InstantKind.allCases)
    ) {
        self.issuers = issuers
        self.clusterIssuers = clusterIssuers
        self.clusterResourceNamespace = clusterResourceNamespace
        self.instantKinds = instantKinds
    }

    /// The parts of an issuer that do not depend on its scope.
    package struct Found: Sendable {
        package var spec: IssuerSpec
        package var status: IssuerStatus?
        /// Where its Secrets lie.
        package var resourceNamespace: String
        package var reference: ObjectReference
        package var annotations: [String: String]?
    }

    package func find(_ reference: IssuerReference, namespace: String) -> Found? {
        if reference.isIssuer, let issuer = issuers[ObjectKey(namespace: namespace, name: reference.name)] {
            return Found(
                spec: issuer.spec, status: issuer.status, resourceNamespace: namespace,
                reference: ObjectReference(to: issuer), annotations: issuer.metadata.annotations)
        }
        if reference.isClusterIssuer, let issuer = clusterIssuers?[ObjectKey(name: reference.name)] {
            return Found(
                spec: issuer.spec, status: issuer.status, resourceNamespace: clusterResourceNamespace,
                reference: ObjectReference(to: issuer), annotations: issuer.metadata.annotations)
        }
        return nil
    }

    func state(_ reference: IssuerReference, namespace: String) -> IssuerState {
        guard reference.isOurs else { return .foreign }
        guard let issuer = find(reference, namespace: namespace) else { return .missing }
        let spec = issuer.spec
        if spec.acme != nil { return .elsewhere }
        guard spec.ca != nil || spec.selfSigned != nil || spec.vault != nil || spec.venafi != nil else { return .empty }
        guard let ready = issuer.status?.conditions[type: Condition.Kind.ready], ready.status == .yes else {
            return .notReady(reason: issuer.status?.conditions[type: Condition.Kind.ready]?.message ?? "")
        }
        if spec.ca != nil { return instantKinds.contains(.ca) ? .instant : .elsewhere }
        if spec.selfSigned != nil { return instantKinds.contains(.selfSigned) ? .instant : .elsewhere }
        return .elsewhere
    }

    /// The value that requests waiting for an issuer are indexed under.
    package static func indexValue(_ reference: IssuerReference, namespace: String) -> String {
        let place = reference.isClusterIssuer ? "" : namespace
        return "\(reference.effectiveKind).\(reference.effectiveGroup)/\(place)/\(reference.name)"
    }
}
