/// Asks whether the caller itself may do something (authorization.k8s.io/v1 SelfSubjectAccessReview).
package struct SelfSubjectAccessReview: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: "authorization.k8s.io", version: "v1", kind: "SelfSubjectAccessReview",
        plural: "selfsubjectaccessreviews", isNamespaced: false)

    package struct ResourceAttributes: Codable, Sendable, Hashable {
        package var namespace: String?
        package var verb: String?
        package var group: String?
        package var resource: String?
        package var subresource: String?
        package var name: String?

        package init(
            namespace: String? = nil, verb: String, group: String, resource: String, subresource: String? = nil,
            name: String? = nil
        ) {
            self.namespace = namespace
            self.verb = verb
            self.group = group
            self.resource = resource
            self.subresource = subresource
            self.name = name
        }
    }
    package struct Spec: Codable, Sendable, Hashable {
        package var resourceAttributes: ResourceAttributes?
    }
    package struct Status: Codable, Sendable, Hashable {
        package var allowed: Bool
        package var denied: Bool?
        package var reason: String?
    }
    package var metadata: ObjectMeta
    package var spec: Spec
    package var status: Status?

    package init(_ attributes: ResourceAttributes) {
        metadata = ObjectMeta()
        spec = Spec(resourceAttributes: attributes)
    }
}

/// Asks whether somebody else may do something (authorization.k8s.io/v1 SubjectAccessReview).
package struct SubjectAccessReview: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: "authorization.k8s.io", version: "v1", kind: "SubjectAccessReview", plural: "subjectaccessreviews",
        isNamespaced: false)

    package struct Spec: Codable, Sendable, Hashable {
        package var user: String?
        package var uid: String?
        package var groups: [String]?
        package var extra: [String: [String]]?
        package var resourceAttributes: SelfSubjectAccessReview.ResourceAttributes?

        package init(
            user: String?, uid: String? = nil, groups: [String]? = nil, extra: [String: [String]]? = nil,
            _ attributes: SelfSubjectAccessReview.ResourceAttributes
        ) {
            self.user = user
            self.uid = uid
            self.groups = groups
            self.extra = extra
            resourceAttributes = attributes
        }
    }
    package var metadata: ObjectMeta
    package var spec: Spec
    package var status: SelfSubjectAccessReview.Status?

    package init(_ spec: Spec) {
        metadata = ObjectMeta()
        self.spec = spec
    }
}
