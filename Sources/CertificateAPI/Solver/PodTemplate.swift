package import Wire

/// What a user may set on solver pods.
package struct PodTemplate: Codable, Sendable, Hashable {
    package var metadata: Solver.TemplateMetadata?
    package var spec: Spec?

    package init() {}

    package struct Spec: Codable, Sendable, Hashable {
        package var nodeSelector: [String: String]?
        /// A core/v1 Affinity, passed on as written.
        package var affinity: JSONValue?
        package var tolerations: [Toleration]?
        package var priorityClassName: String?
        package var serviceAccountName: String?
        package var imagePullSecrets: [PullSecret]?
        package var securityContext: SecurityContext?
        package var resources: Resources?

        package init() {}
    }

    package struct PullSecret: Codable, Sendable, Hashable {
        package var name: String?

        package init(name: String? = nil) {
            self.name = name
        }
    }

    package struct Toleration: Codable, Sendable, Hashable {
        package var key: String?
        package var `operator`: String?
        package var value: String?
        package var effect: String?
        package var tolerationSeconds: Int64?

        package init() {}
    }

    package struct Resources: Codable, Sendable, Hashable {
        /// Quantities, each a string or a number as the user wrote it.
        package var limits: [String: JSONValue]?
        package var requests: [String: JSONValue]?

        package init(limits: [String: JSONValue]? = nil, requests: [String: JSONValue]? = nil) {
            self.limits = limits
            self.requests = requests
        }
    }

    package struct SecurityContext: Codable, Sendable, Hashable {
        package var seLinuxOptions: SELinuxOptions?
        package var runAsUser: Int64?
        package var runAsGroup: Int64?
        package var runAsNonRoot: Bool?
        package var supplementalGroups: [Int64]?
        package var fsGroup: Int64?
        package var fsGroupChangePolicy: String?
        package var sysctls: [Sysctl]?
        package var seccompProfile: SeccompProfile?

        package init() {}
    }

    package struct SELinuxOptions: Codable, Sendable, Hashable {
        package var user: String?
        package var role: String?
        package var type: String?
        package var level: String?

        package init() {}
    }

    package struct Sysctl: Codable, Sendable, Hashable {
        package var name: String
        package var value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    package struct SeccompProfile: Codable, Sendable, Hashable {
        package var type: String
        package var localhostProfile: String?

        package init(type: String, localhostProfile: String? = nil) {
            self.type = type
            self.localhostProfile = localhostProfile
        }
    }
}
