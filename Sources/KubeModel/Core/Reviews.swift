package import Wire

/// What an access review asks about.
package struct ResourceAttributes: Codable, Sendable, Hashable {
    package var namespace: String?
    package var verb: String?
    package var group: String?
    package var resource: String?
    package var subresource: String?
    package var name: String?

    package init(
        namespace: String? = nil, verb: String? = nil, group: String? = nil, resource: String? = nil,
        subresource: String? = nil, name: String? = nil
    ) {
        self.namespace = namespace
        self.verb = verb
        self.group = group
        self.resource = resource
        self.subresource = subresource
        self.name = name
    }
}

package struct AccessReviewStatus: Codable, Sendable, Hashable {
    package var allowed: Bool
    package var denied: Bool?
    package var reason: String?
    package var evaluationError: String?

    package init(allowed: Bool, denied: Bool? = nil, reason: String? = nil, evaluationError: String? = nil) {
        self.allowed = allowed
        self.denied = denied
        self.reason = reason
        self.evaluationError = evaluationError
    }
}

/// "May I?"; only ever created, never stored.
package struct SelfSubjectAccessReview: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: "authorization.k8s.io", version: "v1", kind: "SelfSubjectAccessReview",
        plural: "selfsubjectaccessreviews", isNamespaced: false)

    package var metadata: ObjectMeta
    package var spec: Spec
    package var status: AccessReviewStatus?

    package struct Spec: Codable, Sendable, Hashable {
        package var resourceAttributes: ResourceAttributes?

        package init(resourceAttributes: ResourceAttributes? = nil) { self.resourceAttributes = resourceAttributes }
    }

    package init(_ attributes: ResourceAttributes) {
        metadata = ObjectMeta()
        spec = Spec(resourceAttributes: attributes)
    }
}

/// "May they?"; only ever created, never stored.
package struct SubjectAccessReview: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: "authorization.k8s.io", version: "v1", kind: "SubjectAccessReview", plural: "subjectaccessreviews",
        isNamespaced: false)

    package var metadata: ObjectMeta
    package var spec: Spec
    package var status: AccessReviewStatus?

    package struct Spec: Codable, Sendable, Hashable {
        package var resourceAttributes: ResourceAttributes?
        package var user: String?
        package var groups: [String]?
        package var uid: String?
        package var extra: [String: [String]]?

        package init(
            resourceAttributes: ResourceAttributes? = nil, user: String? = nil, groups: [String]? = nil,
            uid: String? = nil, extra: [String: [String]]? = nil
        ) {
            self.resourceAttributes = resourceAttributes
            self.user = user
            self.groups = groups
            self.uid = uid
            self.extra = extra
        }
    }

    package init(_ spec: Spec) {
        metadata = ObjectMeta()
        self.spec = spec
    }
}

package struct ServiceAccount: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: "", version: "v1", kind: "ServiceAccount", plural: "serviceaccounts", isNamespaced: true)

    package var metadata: ObjectMeta

    package init(metadata: ObjectMeta) { self.metadata = metadata }
}

/// A short-lived token of a ServiceAccount; created as its subresource `token`.
package struct TokenRequest: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: "authentication.k8s.io", version: "v1", kind: "TokenRequest", plural: "tokenrequests",
        isNamespaced: true)

    package var metadata: ObjectMeta
    package var spec: Spec
    package var status: Status?

    package struct Spec: Codable, Sendable, Hashable {
        package var audiences: [String]
        /// At least 600; the server may choose less than was asked.
        package var expirationSeconds: Int64?

        package init(audiences: [String], expirationSeconds: Int64? = nil) {
            self.audiences = audiences
            self.expirationSeconds = expirationSeconds
        }
    }

    package struct Status: Codable, Sendable, Hashable, CustomStringConvertible, CustomReflectable {
        package var token: String
        package var expirationTimestamp: Timestamp

        package init(token: String, expirationTimestamp: Timestamp) {
            self.token = token
            self.expirationTimestamp = expirationTimestamp
        }

        package var description: String { "a token until \(expirationTimestamp)" }
        package var customMirror: Mirror { Mirror(self, children: ["expirationTimestamp": expirationTimestamp]) }
    }

    package init(_ spec: Spec) {
        metadata = ObjectMeta()
        self.spec = spec
    }
}
