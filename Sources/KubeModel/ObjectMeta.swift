package import Wire

/// What every object carries (Kubernetes `meta/v1` ObjectMeta), but for `managedFields`, which is never kept.
package struct ObjectMeta: Codable, Sendable, Hashable {
    package var name: String = ""
    package var generateName: String?
    package var namespace: String?
    package var uid: String?
    /// Opaque by contract; compared as a number only where both sides are numbers.
    package var resourceVersion: String?
    package var generation: Int64?
    package var creationTimestamp: Timestamp?
    package var deletionTimestamp: Timestamp?
    package var labels: [String: String]?
    package var annotations: [String: String]?
    package var ownerReferences: [OwnerReference]?
    package var finalizers: [String]?

    package init(name: String = "", namespace: String? = nil) {
        self.name = name
        self.namespace = namespace
    }

    private enum CodingKeys: String, CodingKey {
        case name, generateName, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp
        case labels, annotations, ownerReferences, finalizers
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        name = try values.decodeIfPresent(String.self, forKey: .name) ?? ""
        generateName = try values.decodeIfPresent(String.self, forKey: .generateName)
        namespace = try values.decodeIfPresent(String.self, forKey: .namespace)
        uid = try values.decodeIfPresent(String.self, forKey: .uid)
        resourceVersion = try values.decodeIfPresent(String.self, forKey: .resourceVersion)
        generation = try values.decodeIfPresent(Int64.self, forKey: .generation)
        creationTimestamp = try values.decodeIfPresent(Timestamp.self, forKey: .creationTimestamp)
        deletionTimestamp = try values.decodeIfPresent(Timestamp.self, forKey: .deletionTimestamp)
        labels = try values.decodeIfPresent([String: String].self, forKey: .labels)
        annotations = try values.decodeIfPresent([String: String].self, forKey: .annotations)
        ownerReferences = try values.decodeIfPresent([OwnerReference].self, forKey: .ownerReferences)
        finalizers = try values.decodeIfPresent([String].self, forKey: .finalizers)
    }

    /// The owner that the garbage collector and the controllers go by.
    package var controller: OwnerReference? { ownerReferences?.first { $0.controller == true } }

    package var isBeingDeleted: Bool { deletionTimestamp != nil }
}

/// One owner of an object (`meta/v1` OwnerReference).
package struct OwnerReference: Codable, Sendable, Hashable {
    package var apiVersion: String
    package var kind: String
    package var name: String
    package var uid: String
    package var controller: Bool?
    package var blockOwnerDeletion: Bool?

    package init(
        apiVersion: String, kind: String, name: String, uid: String, controller: Bool? = nil,
        blockOwnerDeletion: Bool? = nil
    ) {
        self.apiVersion = apiVersion
        self.kind = kind
        self.name = name
        self.uid = uid
        self.controller = controller
        self.blockOwnerDeletion = blockOwnerDeletion
    }

    /// A reference that makes `owner` the controller of what carries it. Needs an owner that the API server has stored.
    package init<Owner: KubeObject>(controller owner: Owner) {
        self.init(
            apiVersion: Owner.resource.apiVersion, kind: Owner.resource.kind, name: owner.metadata.name,
            uid: owner.metadata.uid ?? "", controller: true, blockOwnerDeletion: true)
    }
}
