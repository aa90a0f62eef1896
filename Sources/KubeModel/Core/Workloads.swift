package import Wire

/// A Pod (core/v1). What it is to run is passed on as it is; what became of it is read.
package struct Pod: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: "", version: "v1", kind: "Pod", plural: "pods", isNamespaced: true)

    package struct Status: Codable, Sendable, Hashable {
        package struct Condition: Codable, Sendable, Hashable {
            package var type: String
            package var status: String
            package var reason: String?
            package var message: String?
        }
        package struct Container: Codable, Sendable, Hashable {
            package var state: State?
        }
        package struct State: Codable, Sendable, Hashable {
            package var waiting: Waiting?
        }
        /// Why a container does not run yet, such as `ImagePullBackOff`.
        package struct Waiting: Codable, Sendable, Hashable {
            package var reason: String?
            package var message: String?
        }
        package var phase: String?
        package var podIP: String?
        package var reason: String?
        package var message: String?
        package var conditions: [Condition]?
        package var containerStatuses: [Container]?
    }
    package var metadata: ObjectMeta
    package var spec: JSONValue?
    package var status: Status?

    package init(metadata: ObjectMeta, spec: JSONValue?) {
        self.metadata = metadata
        self.spec = spec
    }
}

/// A Service (core/v1).
package struct Service: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: "", version: "v1", kind: "Service", plural: "services", isNamespaced: true)

    package var metadata: ObjectMeta
    package var spec: JSONValue?

    package init(metadata: ObjectMeta, spec: JSONValue?) {
        self.metadata = metadata
        self.spec = spec
    }
}

/// An Ingress (networking.k8s.io/v1).
package struct Ingress: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: "networking.k8s.io", version: "v1", kind: "Ingress", plural: "ingresses", isNamespaced: true)

    package struct Spec: Codable, Sendable, Hashable {
        package var ingressClassName: String?
        package var defaultBackend: JSONValue?
        package var tls: [TLS]?
        package var rules: [Rule]?

        package init(
            ingressClassName: String? = nil, defaultBackend: JSONValue? = nil, tls: [TLS]? = nil, rules: [Rule]? = nil
        ) {
            self.ingressClassName = ingressClassName
            self.defaultBackend = defaultBackend
            self.tls = tls
            self.rules = rules
        }
    }
    package struct TLS: Codable, Sendable, Hashable {
        package var hosts: [String]?
        package var secretName: String?

        package init(hosts: [String]? = nil, secretName: String? = nil) {
            self.hosts = hosts
            self.secretName = secretName
        }
    }
    package struct Rule: Codable, Sendable, Hashable {
        package var host: String?
        package var http: HTTP?

        package init(host: String? = nil, http: HTTP? = nil) {
            self.host = host
            self.http = http
        }
    }
    package struct HTTP: Codable, Sendable, Hashable {
        package var paths: [Path]

        package init(paths: [Path]) { self.paths = paths }
    }
    package struct Path: Codable, Sendable, Hashable {
        package var path: String?
        package var pathType: String?
        package var backend: JSONValue

        package init(path: String?, pathType: String?, backend: JSONValue) {
            self.path = path
            self.pathType = pathType
            self.backend = backend
        }
    }
    package var metadata: ObjectMeta
    package var spec: Spec?

    package init(metadata: ObjectMeta, spec: Spec?) {
        self.metadata = metadata
        self.spec = spec
    }
}
