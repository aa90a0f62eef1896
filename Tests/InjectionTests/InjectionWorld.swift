import CertificateAPI
import HTTPTransport
import Injection
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import PKI
import TestSupport
import Wire
import YAML

/// One target of each kind under a name of this test's own, and the injector.
struct InjectionWorld: Sendable {
    let cluster: Cluster
    /// Definitions and API services have names of a fixed form.
    private let group: String

    init(_ cluster: Cluster) {
        self.cluster = cluster
        group = "\(cluster.namespace).example.com"
    }

    /// A CA of today.
    func authority(_ name: String) async throws -> X509Certificate {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var extensions = CertificateExtensions()
        extensions.basicConstraints = BasicConstraints(isCA: true)
        extensions.keyUsage = [.certSign]
        let now = SystemTime().now()
        let template = CertificateTemplate(
            subject: try DistinguishedName(commonName: name), publicKey: key.publicKey, notBefore: now + .seconds(-60),
            notAfter: now + .seconds(86_400), extensions: extensions)
        return try await template.signed(by: nil, key: key)
    }

    var certificate: String {
        """
        apiVersion: cert-manager.io/v1
        kind: Certificate
        metadata: {name: site}
        spec: {secretName: site-tls, dnsNames: [www.example.com], issuerRef: {name: nobody}}
        """
    }

    func applySecret(_ name: String, _ authority: X509Certificate, _ annotation: String) async throws {
        try await applySecret(name, pem: authority.pem, annotation)
    }

    func applySecret(_ name: String, pem: String, _ annotation: String) async throws {
        try await cluster.apply(
            """
            apiVersion: v1
            kind: Secret
            metadata: {name: \(name), annotations: {\(annotation)}}
            data: {ca.crt: \(Base64.encode(Array(pem.utf8)))}
            """)
    }

    // MARK: Targets

    /// Makes the targets, and deletes them when `body` is left. The webhooks are for objects that nobody makes.
    func withTargets(annotation: String, _ body: () async throws -> Void) async throws {
        let annotations = "annotations: {\(annotation)}"
        do {
            let manifests = [
                webhooks("Validating", annotations), webhooks("Mutating", annotations), apiService(annotations),
                definition(annotations),
            ]
            for (target, yaml) in zip(targets, manifests) {
                for manifest in try YAMLDocuments.parse(Array(yaml.utf8)) {
                    _ = try await cluster.client.send(.create(target.0, namespace: nil, manifest))
                }
            }
            try await body()
        } catch {
            await deleteTargets()
            throw error
        }
        await deleteTargets()
    }

    /// Takes the bundles out of the webhooks, as an installer that does not know of them would.
    func emptyTargets() async throws {
        for (resource, name) in targets where resource.plural.hasSuffix("webhookconfigurations") {
            let steps: [JSONValue] = (0..<2).map { index in
                ["op": "replace", "path": "/webhooks/\(index)/clientConfig/caBundle", "value": ""]
            }
            _ = try await cluster.client.send(
                .jsonPatch(resource, ObjectKey(name: name), steps, fieldManager: "test"))
        }
    }

    private var targets: [(ResourceType, String)] {
        [
            (ValidatingWebhooks.resource, cluster.namespace), (MutatingWebhooks.resource, cluster.namespace),
            (APIServices.resource, "v1.\(group)"), (CustomResourceDefinitions.resource, "things.\(group)"),
        ]
    }

    private func deleteTargets() async {
        for (resource, name) in targets {
            // Best effort: what is left is for a group that nobody else has.
            _ = try? await cluster.client.send(.delete(resource, ObjectKey(name: name)))
        }
    }

    private func webhooks(_ kind: String, _ annotations: String) -> String {
        let webhooks = ["a", "b"].map { name in
            """
            - name: \(name).\(group)
              clientConfig: {service: {name: nobody, namespace: \(cluster.namespace)}}
              rules: [{apiGroups: [\(group)], apiVersions: [v1], operations: [CREATE], resources: [nothings]}]
              sideEffects: None
              admissionReviewVersions: [v1]
            """
        }
        return """
            apiVersion: admissionregistration.k8s.io/v1
            kind: \(kind)WebhookConfiguration
            metadata: {name: \(cluster.namespace), \(annotations)}
            webhooks:
            \(webhooks.joined(separator: "\n"))
            """
    }

    private func apiService(_ annotations: String) -> String {
        """
        apiVersion: apiregistration.k8s.io/v1
        kind: APIService
        metadata: {name: v1.\(group), \(annotations)}
        spec:
          group: \(group)
          version: v1
          service: {name: nobody, namespace: \(cluster.namespace)}
          groupPriorityMinimum: 10
          versionPriority: 10
        """
    }

    private func definition(_ annotations: String) -> String {
        """
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: things.\(group), \(annotations)}
        spec:
          group: \(group)
          scope: Namespaced
          names: {plural: things, singular: thing, kind: Thing, listKind: ThingList}
          conversion:
            strategy: Webhook
            webhook:
              conversionReviewVersions: [v1]
              clientConfig: {service: {name: nobody, namespace: \(cluster.namespace)}}
          versions:
            - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
        """
    }

    // MARK: What is seen

    func eventuallyBundles(_ expected: [X509Certificate]) async throws {
        let bundle = Base64.encode(Array(expected.map(\.pem).joined().utf8))
        for (resource, name) in targets {
            try await cluster.eventually("the bundle of \(resource.kind)", within: .seconds(60)) {
                let object = try await cluster.client.send(.get(resource, ObjectKey(name: name)))
                let places = places(of: resource, in: object)
                return !places.isEmpty && places.allSatisfy { $0.bundle == bundle }
            }
        }
    }

    func eventuallyEvent(_ reason: String, on kind: String) async throws {
        try await cluster.eventually("the event \(reason) on \(kind)", within: .seconds(60)) {
            let options = ListOptions(
                namespace: "default", fieldSelector: "reason=\(reason),involvedObject.kind=\(kind)")
            return try await cluster.client.listAll(Event.self, options).items.contains {
                $0.involvedObject.name.contains(cluster.namespace) && $0.source?.component == "cert-manager-cainjector"
            }
        }
    }

    private func places(of resource: ResourceType, in object: JSONValue) -> [BundlePlace] {
        switch resource.plural {
        case APIServices.resource.plural: APIServices.places(in: object)
        case CustomResourceDefinitions.resource.plural: CustomResourceDefinitions.places(in: object)
        default: ValidatingWebhooks.places(in: object)
        }
    }

    // MARK: The injector

    /// Runs the injector as the program does, but for sources of this namespace only, until `body` is left.
    func run(_ body: () async throws -> Void) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let counters = Counters()
        let client = cluster.client(over: cluster.transport, fieldManager: InjectionComponent.name)
        var settings = InjectionSettings()
        settings.namespaces = [cluster.namespace]
        let events = EventRecorder(client: client, counters: counters, logger: logger)
        let floor = InjectionFloor(
            client: client, settings: settings, events: events, counters: counters, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for informer in floor.targetInformers + floor.sourceInformers {
                group.addTask { try await informer.run() }
            }
            group.addTask { try await events.run() }
            group.addTask { try await floor.run() }
            try await body()
            group.cancelAll()
        }
    }
}
