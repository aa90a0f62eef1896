package import Wire

/// A Lease (coordination.k8s.io/v1), by which replicas agree on who works.
package struct Lease: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: "coordination.k8s.io", version: "v1", kind: "Lease", plural: "leases", isNamespaced: true)

    package struct Spec: Codable, Sendable, Hashable {
        package var holderIdentity: String?
        package var leaseDurationSeconds: Int?
        package var acquireTime: MicroTime?
        package var renewTime: MicroTime?
        package var leaseTransitions: Int?

        package init(
            holderIdentity: String? = nil, leaseDurationSeconds: Int? = nil, acquireTime: MicroTime? = nil,
            renewTime: MicroTime? = nil, leaseTransitions: Int? = nil
        ) {
            self.holderIdentity = holderIdentity
            self.leaseDurationSeconds = leaseDurationSeconds
            self.acquireTime = acquireTime
            self.renewTime = renewTime
            self.leaseTransitions = leaseTransitions
        }
    }
    package var metadata: ObjectMeta
    package var spec: Spec?

    package init(metadata: ObjectMeta, spec: Spec?) {
        self.metadata = metadata
        self.spec = spec
    }
}
