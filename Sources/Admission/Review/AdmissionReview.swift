package import Wire

/// One question of the API server: may this object be stored? (`admission.k8s.io/v1` AdmissionRequest.)
package struct AdmissionRequest: Sendable, Hashable {
    package enum Operation: String, Sendable {
        case create = "CREATE"
        case update = "UPDATE"
        case delete = "DELETE"
        case connect = "CONNECT"
    }

    /// Given back with the answer.
    package var uid: String
    package var group: String
    package var resource: String
    /// Empty for the object itself.
    package var subresource: String
    package var namespace: String
    package var operation: Operation
    package var user: UserInfo
    package var object: JSONValue
    /// As stored now; null where it is being created.
    package var oldObject: JSONValue

    package init(
        uid: String, group: String, resource: String, subresource: String = "", namespace: String = "",
        operation: Operation, user: UserInfo = UserInfo(), object: JSONValue = nil, oldObject: JSONValue = nil
    ) {
        self.uid = uid
        self.group = group
        self.resource = resource
        self.subresource = subresource
        self.namespace = namespace
        self.operation = operation
        self.user = user
        self.object = object
        self.oldObject = oldObject
    }
}

/// Who asks (`authentication.k8s.io/v1` UserInfo).
package struct UserInfo: Sendable, Hashable {
    package var username = ""
    package var uid = ""
    package var groups: [String] = []
    package var extra: [String: [String]] = [:]

    package init(username: String = "", uid: String = "", groups: [String] = [], extra: [String: [String]] = [:]) {
        self.username = username
        self.uid = uid
        self.groups = groups
        self.extra = extra
    }
}

/// What was sent is no AdmissionReview: a sentence for whoever sent it.
package struct ReviewError: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String
}

extension AdmissionRequest {
    /// Deep enough for a pod template, and no stack's end.
    private static let limits = JSONLimits(bytes: 3 << 20, depth: 100)

    /// Reads the body of a request.
    package init(review bytes: [UInt8]) throws(ReviewError) {
        let review: JSONValue
        do {
            review = try JSONValue(parsing: bytes, limits: Self.limits)
        } catch {
            throw ReviewError(description: "The body is not JSON: \(error).")
        }
        guard review["kind"]?.stringValue == "AdmissionReview" else {
            throw ReviewError(description: "The body is not an AdmissionReview.")
        }
        guard review["apiVersion"]?.stringValue == "admission.k8s.io/v1" else {
            throw ReviewError(description: "The AdmissionReview is not of version admission.k8s.io/v1.")
        }
        guard let request = review["request"], request.objectValue != nil else {
            throw ReviewError(description: "The AdmissionReview has no request.")
        }
        try self.init(request: request)
    }

    private init(request: JSONValue) throws(ReviewError) {
        guard let uid = request["uid"]?.stringValue, !uid.isEmpty else {
            throw ReviewError(description: "request.uid is missing.")
        }
        guard let resource = request["resource"]?["resource"]?.stringValue else {
            throw ReviewError(description: "request.resource.resource is missing.")
        }
        guard let operation = request["operation"]?.stringValue.flatMap(Operation.init) else {
            throw ReviewError(description: "request.operation is not CREATE, UPDATE, DELETE or CONNECT.")
        }
        self.uid = uid
        group = request["resource"]?["group"]?.stringValue ?? ""
        self.resource = resource
        subresource = request["subResource"]?.stringValue ?? ""
        namespace = request["namespace"]?.stringValue ?? ""
        self.operation = operation
        user = UserInfo(review: request["userInfo"])
        object = request["object"] ?? nil
        oldObject = request["oldObject"] ?? nil
    }
}

extension UserInfo {
    init(review value: JSONValue?) {
        username = value?["username"]?.stringValue ?? ""
        uid = value?["uid"]?.stringValue ?? ""
        groups = value?["groups"]?.texts ?? []
        for member in value?["extra"]?.objectValue ?? [:] { extra[member.key] = member.value.texts }
    }
}

extension JSONValue {
    /// The strings of an array; what is no string is left out.
    var texts: [String] { (arrayValue ?? []).compactMap(\.stringValue) }
}

/// The answer to one question.
package struct AdmissionAnswer: Sendable, Hashable {
    package struct Refusal: Sendable, Hashable {
        package var code: Int
        package var reason: String
        package var message: String

        package init(code: Int, reason: String, message: String) {
            self.code = code
            self.reason = reason
            self.message = message
        }
    }

    package var refusal: Refusal?
    package var warnings: [String] = []
    /// A JSON patch (RFC 6902) of the object.
    package var patch: [JSONValue] = []

    package static let allowed = AdmissionAnswer()

    package init(refusal: Refusal? = nil, warnings: [String] = [], patch: [JSONValue] = []) {
        self.refusal = refusal
        self.warnings = warnings
        self.patch = patch
    }

    /// As the API server reads it.
    package func review(of uid: String) -> [UInt8] {
        var response: JSONValue = ["uid": .string(uid), "allowed": .bool(refusal == nil)]
        if let refusal {
            response["status"] = [
                "metadata": [:], "status": "Failure", "message": .string(refusal.message),
                "reason": .string(refusal.reason), "code": .integer(Int64(refusal.code)),
            ]
        }
        if !warnings.isEmpty { response["warnings"] = .array(warnings.map { .string($0) }) }
        if !patch.isEmpty {
            response["patchType"] = "JSONPatch"
            response["patch"] = .string(Base64.encode(JSONValue.array(patch).serialized()))
        }
        let review: JSONValue = ["kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": response]
        return review.serialized()
    }
}
