package import CertificateAPI
package import KubeModel
package import Wire

/// Everything that the search for a cause looks at, gathered once so that it can be replayed. What could not be looked
/// at is nil or empty, and explains nothing.
package struct DiagnosisView: Sendable {
    package var tree: CertificateTree
    /// Other Certificates of the namespace with the same `spec.secretName`, not being deleted.
    package var rivals: [Certificate] = []
    package var controller = ControllerSight()
    package var webhook: WebhookSight = .unknown
    package var clocks: [ClockSight] = []
    /// The names of the cluster's ingress classes.
    package var ingressClasses: Set<String>?
    /// What is used up of the quotas of the solver objects' namespace.
    package var quotas: [QuotaSight] = []
    /// By the name of the Challenge.
    package var fetched: [String: HTTPSight] = [:]
    /// By the name of the Challenge.
    package var resolved: [String: DNSSight] = [:]
    /// Whether the ACME server answered from here.
    package var directory: HTTPSight?

    package init(tree: CertificateTree) { self.tree = tree }
}

/// The controller's own state.
package struct ControllerSight: Sendable {
    /// Deployments that run it, with what is to be seen of their pods.
    package var deployments: [DeploymentSight] = []
    package var lease: LeaseSight?
    /// Whether lease and Deployments could be looked for: else their absence says nothing.
    package var isComplete = false
    /// What its service account may not do and must; nil where nobody could tell.
    package var missingRights: [MissingRight]?
    /// "system:serviceaccount:cert-manager:certwright".
    package var account: String?

    package init() {}
}

package struct DeploymentSight: Sendable, Equatable {
    package var key: ObjectKey
    package var replicas: Int
    package var ready: Int
    /// Why pods do not run, such as "ImagePullBackOff: …".
    package var podProblems: [String]

    package init(key: ObjectKey, replicas: Int, ready: Int, podProblems: [String] = []) {
        self.key = key
        self.replicas = replicas
        self.ready = ready
        self.podProblems = podProblems
    }
}

package struct LeaseSight: Sendable, Equatable {
    package var key: ObjectKey
    package var holder: String
    package var durationSeconds: Int
    /// By the holder's clock.
    package var renewedAt: Timestamp?
    /// By the holder's clock.
    package var acquiredAt: Timestamp?
    /// The newest time in `managedFields`, by the API server's clock: of the last renewal, or on older servers of the
    /// acquisition.
    package var writtenAt: Timestamp?

    package init(
        key: ObjectKey, holder: String, durationSeconds: Int, renewedAt: Timestamp?, acquiredAt: Timestamp? = nil,
        writtenAt: Timestamp? = nil
    ) {
        self.acquiredAt = acquiredAt
        self.key = key
        self.holder = holder
        self.durationSeconds = durationSeconds
        self.renewedAt = renewedAt
        self.writtenAt = writtenAt
    }
}

package struct MissingRight: Sendable, Hashable, CustomStringConvertible {
    package var verb: String
    /// With its group: "secrets", "orders.acme.cert-manager.io".
    package var resource: String
    /// Empty for all namespaces.
    package var namespace: String

    package init(verb: String, resource: String, namespace: String) {
        self.verb = verb
        self.resource = resource
        self.namespace = namespace
    }

    package var description: String {
        "\(verb) \(resource)" + (namespace.isEmpty ? " in all namespaces" : " in namespace \(namespace)")
    }
}

package enum WebhookSight: Sendable, Equatable {
    case unknown
    case answers
    /// What the API server says of its call.
    case fails(String)
}

/// How far a clock is from the API server's: positive when it is ahead.
package struct ClockSight: Sendable, Equatable {
    package enum Owner: Sendable, Equatable {
        case controller(String)
        case certificateAuthority(String)
        case thisMachine
    }
    package var owner: Owner
    package var ahead: Duration

    package init(_ owner: Owner, ahead: Duration) {
        self.owner = owner
        self.ahead = ahead
    }
}

package struct QuotaSight: Sendable, Equatable {
    package var key: ObjectKey
    /// Each "pods: 5 of 5".
    package var exhausted: [String]

    package init(key: ObjectKey, exhausted: [String]) {
        self.key = key
        self.exhausted = exhausted
    }
}

/// What a GET from here brought.
package struct HTTPSight: Sendable, Equatable {
    package enum Answer: Sendable, Equatable {
        /// What was expected.
        case right
        /// Something else: the status code, and what the answer says of who gave it.
        case wrong(code: Int, server: String?)
        /// No address, no connection, no TLS: a sentence.
        case failed(String)
    }
    package var url: String
    package var answer: Answer

    package init(url: String, answer: Answer) {
        self.url = url
        self.answer = answer
    }
}

/// What DNS shows from here.
package struct DNSSight: Sendable, Equatable {
    package enum Answer: Sendable, Equatable {
        case shown
        /// Who shows what instead.
        case notShown([String])
        case failed(String)
    }
    package var name: String
    package var answer: Answer

    package init(name: String, answer: Answer) {
        self.name = name
        self.answer = answer
    }
}
