package import KubeModel
package import Wire

/// A kind of object that takes CA bundles, and where in it they stand.
package protocol InjectionTarget: Sendable {
    static var resource: ResourceType { get }
    /// Every place of the object that takes a bundle; none where it wants no webhook.
    static func places(in object: JSONValue) -> [BundlePlace]
}

/// One `caBundle` of an object.
package struct BundlePlace: Sendable, Equatable {
    /// Where it stands: a JSON pointer (RFC 6901), true of one version of the object only.
    package var path: String
    /// What stands there now, in base64 as the API has it.
    package var bundle: String?

    package init(path: String, bundle: String? = nil) {
        self.path = path
        self.bundle = bundle
    }
}

/// The kinds that take CA bundles, as `--enable-…-injectable` name them.
package enum InjectionKind: String, Sendable, CaseIterable {
    case validatingWebhookConfigurations = "validatingwebhookconfigurations"
    case mutatingWebhookConfigurations = "mutatingwebhookconfigurations"
    case customResourceDefinitions = "customresourcedefinitions"
    case apiServices = "apiservices"
}

// MARK: The kinds

package enum ValidatingWebhooks: InjectionTarget {
    package static let resource = ResourceType(
        group: "admissionregistration.k8s.io", version: "v1", kind: "ValidatingWebhookConfiguration",
        plural: "validatingwebhookconfigurations", isNamespaced: false)

    package static func places(in object: JSONValue) -> [BundlePlace] { Webhooks.places(in: object) }
}

package enum MutatingWebhooks: InjectionTarget {
    package static let resource = ResourceType(
        group: "admissionregistration.k8s.io", version: "v1", kind: "MutatingWebhookConfiguration",
        plural: "mutatingwebhookconfigurations", isNamespaced: false)

    package static func places(in object: JSONValue) -> [BundlePlace] { Webhooks.places(in: object) }
}

/// What the two kinds of webhook configurations have in common: a list of webhooks.
private enum Webhooks {
    static func places(in object: JSONValue) -> [BundlePlace] {
        (object["webhooks"]?.arrayValue ?? []).enumerated().compactMap { index, webhook in
            guard let client = webhook["clientConfig"], client.objectValue != nil else { return nil }
            return BundlePlace(
                path: "/webhooks/\(index)/clientConfig/caBundle", bundle: client["caBundle"]?.stringValue)
        }
    }
}

package enum APIServices: InjectionTarget {
    package static let resource = ResourceType(
        group: "apiregistration.k8s.io", version: "v1", kind: "APIService", plural: "apiservices", isNamespaced: false)

    /// An APIService without a Service is the API server's own, and takes no bundle.
    package static func places(in object: JSONValue) -> [BundlePlace] {
        guard let spec = object["spec"], spec["service"]?.objectValue != nil else { return [] }
        return [BundlePlace(path: "/spec/caBundle", bundle: spec["caBundle"]?.stringValue)]
    }
}

package enum CustomResourceDefinitions: InjectionTarget {
    package static let resource = ResourceType(
        group: "apiextensions.k8s.io", version: "v1", kind: "CustomResourceDefinition",
        plural: "customresourcedefinitions", isNamespaced: false)

    package static func places(in object: JSONValue) -> [BundlePlace] {
        guard let conversion = object["spec"]?["conversion"], conversion["strategy"] == "Webhook",
            let client = conversion["webhook"]?["clientConfig"], client.objectValue != nil
        else { return [] }
        let path = "/spec/conversion/webhook/clientConfig/caBundle"
        return [BundlePlace(path: path, bundle: client["caBundle"]?.stringValue)]
    }
}

/// All that is kept of a target: that it is one. Definitions are large, and are read whole only while worked on.
package struct TargetIdentity<Target: InjectionTarget>: KubeObject {
    package static var resource: ResourceType { Target.resource }
    package var metadata: ObjectMeta

    package init(metadata: ObjectMeta) { self.metadata = metadata }

    /// Nil for an object that asks for nothing.
    package init?(_ value: JSONValue) throws {
        let whole = try value.decode(TargetIdentity.self).metadata
        guard CAWish.isAsked(by: whole.annotations ?? [:]) else { return nil }
        var metadata = ObjectMeta(name: whole.name)
        metadata.uid = whole.uid
        metadata.resourceVersion = whole.resourceVersion
        self.metadata = metadata
    }
}
