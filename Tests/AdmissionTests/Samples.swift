import Admission
import CertificateAPI
import KubeModel
import PKI
import Wire

/// Requests as the API server would send them.
enum Samples {
    static let user = UserInfo(
        username: "jane", uid: "u-1", groups: ["devs", "system:authenticated"], extra: ["scopes": ["a", "b"]])

    static let certificate: JSONValue = [
        "apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": ["name": "site", "namespace": "shop"],
        "spec": ["secretName": "site-tls", "dnsNames": ["site.example"], "issuerRef": ["name": "ca"]],
    ]

    static func issuer(_ spec: JSONValue, kind: String = "Issuer") -> JSONValue {
        ["apiVersion": "cert-manager.io/v1", "kind": .string(kind), "metadata": ["name": "i"], "spec": spec]
    }

    static func acme(solver: JSONValue) -> JSONValue {
        issuer([
            "acme": [
                "server": "https://ca.example/directory", "privateKeySecretRef": ["name": "account"],
                "solvers": [solver],
            ]
        ])
    }

    static func dns01(_ provider: String, _ config: JSONValue) -> JSONValue {
        acme(solver: ["dns01": .object(JSONObject(dictionaryLiteral: (provider, config)))])
    }

    /// A signing request, as PEM in base64.
    static func request(
        _ change: (inout CertificateExtensions) -> Void = { _ in }
    ) async throws -> JSONValue {
        var extensions = CertificateExtensions()
        extensions.names = [.dns("site.example")]
        change(&extensions)
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let request = try await SigningRequest.make(subject: .empty, extensions: extensions, key: key)
        return .string(Base64.encode(Array(request.pem.utf8)))
    }

    /// A CertificateRequest of Jane's.
    static func certificateRequest(_ change: (inout JSONValue) -> Void = { _ in }) async throws -> JSONValue {
        var object: JSONValue = [
            "apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest",
            "metadata": ["name": "r", "namespace": "shop"],
            "spec": [
                "request": try await request(), "issuerRef": ["name": "ca"], "username": "jane", "uid": "u-1",
                "groups": ["devs", "system:authenticated"], "extra": ["scopes": ["a", "b"]],
            ],
        ]
        change(&object)
        return object
    }

    static func conditions(_ types: String..., status: String = "True") -> JSONValue {
        ["conditions": .array(types.map { ["type": .string($0), "status": .string(status), "reason": "R"] })]
    }
}

extension AdmissionRequest {
    static func create(_ resource: String, _ object: JSONValue, group: String = "cert-manager.io") -> AdmissionRequest {
        AdmissionRequest(
            uid: "1", group: group, resource: resource, namespace: "shop", operation: .create, user: Samples.user,
            object: object)
    }

    static func update(
        _ resource: String, from old: JSONValue, to new: JSONValue, subresource: String = "",
        group: String = "cert-manager.io"
    ) -> AdmissionRequest {
        AdmissionRequest(
            uid: "1", group: group, resource: resource, subresource: subresource, namespace: "shop", operation: .update,
            user: Samples.user, object: new, oldObject: old)
    }

    var problemTexts: [String] { Validation.judge(self).problems.map(\.description) }

    /// As the body of a request.
    var review: JSONValue {
        [
            "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
            "request": [
                "uid": .string(uid), "kind": ["group": .string(group), "version": "v1", "kind": "Any"],
                "resource": ["group": .string(group), "version": "v1", "resource": .string(resource)],
                "subResource": .string(subresource), "namespace": .string(namespace),
                "operation": .string(operation.rawValue),
                "userInfo": [
                    "username": .string(user.username), "uid": .string(user.uid),
                    "groups": .array(user.groups.map { .string($0) }), "extra": ["scopes": ["a", "b"]],
                ],
                "object": object, "oldObject": oldObject, "dryRun": false,
            ],
        ]
    }
}
