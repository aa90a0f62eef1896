package import Wire

/// `metav1.ObjectMeta` without `managedFields`, which the parser leaves out.
package struct ObjectMeta: Sendable, Hashable {
    /// Empty only before a create with `generateName`.
    package var name: String
    package var namespace: String?
    package var uid: String?
    package var resourceVersion: String?
    package var generateName: String?
    package var generation: Int64?
    package var creationTimestamp: Timestamp?
    package var deletionTimestamp: Timestamp?
    package var labels: [String: String]?
    package var annotations: [String: String]?
    package var ownerReferences: [OwnerReference]?
    package var finalizers: [String]?

    package init(
        name: String = "", namespace: String? = nil, uid: String? = nil, resourceVersion: String? = nil,
        generateName: String? = nil, generation: Int64? = nil, creationTimestamp: Timestamp? = nil,
        deletionTimestamp: Timestamp? = nil, labels: [String: String]? = nil, annotations: [String: String]? = nil,
        ownerReferences: [OwnerReference]? = nil, finalizers: [String]? = nil
    ) {
        self.name = name
        self.namespace = namespace
        self.uid = uid
        self.resourceVersion = resourceVersion
        self.generateName = generateName
        self.generation = generation
        self.creationTimestamp = creationTimestamp
        self.deletionTimestamp = deletionTimestamp
        self.labels = labels
        self.annotations = annotations
        self.ownerReferences = ownerReferences
        self.finalizers = finalizers
    }

    package var key: ObjectKey { ObjectKey(namespace: namespace ?? "", name: name) }
    package var isBeingDeleted: Bool { deletionTimestamp != nil }

    /// The one owner that acts on this object (`controller: true`).
    package var controller: OwnerReference? { ownerReferences?.first { $0.controller == true } }
}

extension ObjectMeta: Codable {
    private enum CodingKeys: String, CodingKey {
        case name, namespace, uid, resourceVersion, generateName, generation, creationTimestamp, deletionTimestamp
        case labels, annotations, ownerReferences, finalizers
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.decodeIfPresent(String.self, forKey: .name) ?? ""
        namespace = try container.decodeIfPresent(String.self, forKey: .namespace)
        uid = try container.decodeIfPresent(String.self, forKey: .uid)
        resourceVersion = try container.decodeIfPresent(String.self, forKey: .resourceVersion)
        generateName = try container.decodeIfPresent(String.self, forKey: .generateName)
        generation = try container.decodeIfPresent(Int64.self, forKey: .generation)
        creationTimestamp = try container.decodeIfPresent(Timestamp.self, forKey: .creationTimestamp)
        deletionTimestamp = try container.decodeIfPresent(Timestamp.self, forKey: .deletionTimestamp)
        labels = try container.decodeIfPresent([String: String].self, forKey: .labels)
        annotations = try container.decodeIfPresent([String: String].self, forKey: .annotations)
        ownerReferences = try container.decodeIfPresent([OwnerReference].self, forKey: .ownerReferences)
        finalizers = try container.decodeIfPresent([String].self, forKey: .finalizers)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        if !name.isEmpty { try container.encode(name, forKey: .name) }
        try container.encodeIfPresent(namespace, forKey: .namespace)
        try container.encodeIfPresent(uid, forKey: .uid)
        try container.encodeIfPresent(resourceVersion, forKey: .resourceVersion)
        try container.encodeIfPresent(generateName, forKey: .generateName)
        try container.encodeIfPresent(generation, forKey: .generation)
        try container.encodeIfPresent(creationTimestamp, forKey: .creationTimestamp)
        try container.encodeIfPresent(deletionTimestamp, forKey: .deletionTimestamp)
        try container.encodeIfPresent(labels, forKey: .labels)
        try container.encodeIfPresent(annotations, forKey: .annotations)
        try container.encodeIfPresent(ownerReferences, forKey: .ownerReferences)
        try container.encodeIfPresent(finalizers, forKey: .finalizers)
    }
}

/// `metav1.OwnerReference`: the owner lives in the same namespace, or is cluster-scoped.
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

    /// Marks the object as the one controller of a child; nil while the object has no uid yet.
    package init?(controlledBy owner: some KubeObject) {
        guard let uid = owner.metadata.uid else { return nil }
        let resource = type(of: owner).resource
        self.init(
            apiVersion: resource.apiVersion, kind: resource.kind, name: owner.metadata.name, uid: uid, controller: true,
            blockOwnerDeletion: true)
    }
}
