import CurlTransport
import KubeClient
import KubeModel
import TestSupport
import Testing
import Wire

/// The rights that the chart gives, asked of the API server itself.
@Suite(
    "rights of an installation",
    .enabled(if: Helm.isAvailable && Kubectl.isAvailable, "needs helm and a cluster: scripts/test has both"))
struct RightsTests {
    /// As `verb resource.group/subresource`, the name of an object behind a space.
    static let controller = [
        "get,list,watch,patch certificates.cert-manager.io", "patch certificates.cert-manager.io/status",
        "create,delete certificates.cert-manager.io", "update certificates.cert-manager.io/finalizers",
        "get,list,watch,create,patch,delete certificaterequests.cert-manager.io",
        "patch certificaterequests.cert-manager.io/status",
        "update certificaterequests.cert-manager.io/finalizers",
        "get,list,watch certificatepolicies.policy.certwright.dev",
        "get,list,watch issuers.cert-manager.io", "patch issuers.cert-manager.io/status",
        "get,list,watch clusterissuers.cert-manager.io", "patch clusterissuers.cert-manager.io/status",
        "get,list,watch,create,patch orders.acme.cert-manager.io",
        "patch orders.acme.cert-manager.io/status",
        "update orders.acme.cert-manager.io/finalizers",
        "get,list,watch,create,patch,delete challenges.acme.cert-manager.io",
        "patch challenges.acme.cert-manager.io/status", "update challenges.acme.cert-manager.io/finalizers",
        "get,list,watch,create,patch,delete secrets", "get,list,create,delete pods",
        "get,list,create,delete services",
        "get,list,watch,create,patch,delete ingresses.networking.k8s.io",
        "update ingresses.networking.k8s.io/finalizers", "get ingressclasses.networking.k8s.io",
        "create,patch events",
        // RBAC knows no patterns: the star is what the approver asks for, beside the issuer's own name
        "approve signers.cert-manager.io issuers.cert-manager.io/*",
        "approve signers.cert-manager.io clusterissuers.cert-manager.io/*",
        "create selfsubjectaccessreviews.authorization.k8s.io",
        "create subjectaccessreviews.authorization.k8s.io",
        "create leases.coordination.k8s.io",
        "get,watch,patch leases.coordination.k8s.io cert-manager-controller",
        "get,watch,patch leases.coordination.k8s.io cert-manager-cainjector-leader-election",
        "get,list,watch,patch validatingwebhookconfigurations.admissionregistration.k8s.io",
        "get,list,watch,patch mutatingwebhookconfigurations.admissionregistration.k8s.io",
        "get,list,watch,patch apiservices.apiregistration.k8s.io",
        "get,list,watch,patch customresourcedefinitions.apiextensions.k8s.io",
    ]
    static let notController = [
        "update certificates.cert-manager.io/status", "update certificaterequests.cert-manager.io/status",
        "update issuers.cert-manager.io/status", "update clusterissuers.cert-manager.io/status",
        "update certificates.cert-manager.io", "delete orders.acme.cert-manager.io",
        "update orders.acme.cert-manager.io/status", "update challenges.acme.cert-manager.io",
        "update challenges.acme.cert-manager.io/status", "update secrets", "update ingresses.networking.k8s.io",
        "watch pods", "watch services", "update leases.coordination.k8s.io cert-manager-controller",
        "create,update,patch,delete issuers.cert-manager.io",
        "create,update,patch,delete clusterissuers.cert-manager.io",
        "update certificaterequests.cert-manager.io",
        "update orders.acme.cert-manager.io", "update,patch pods", "update,patch services",
        "approve signers.cert-manager.io issuers.example.com/*", "sign signers.cert-manager.io any",
        "create pods/exec", "get pods/log", "create serviceaccounts/token", "get configmaps", "list namespaces",
        "get nodes", "deletecollection secrets", "impersonate users",
        "create clusterrolebindings.rbac.authorization.k8s.io",
        "update leases.coordination.k8s.io kube-scheduler", "list leases.coordination.k8s.io",
        "create,update,delete validatingwebhookconfigurations.admissionregistration.k8s.io",
        "create,update,delete customresourcedefinitions.apiextensions.k8s.io",
        "create,update,delete apiservices.apiregistration.k8s.io",
    ]
    /// Given only together with the flags that take them.
    static let optional = [
        "get,list,watch gateways.gateway.networking.k8s.io", "get,list,watch listenersets.gateway.networking.k8s.io",
        "get,list,watch xlistenersets.gateway.networking.x-k8s.io",
        "update gateways.gateway.networking.k8s.io/finalizers",
        "update listenersets.gateway.networking.k8s.io/finalizers",
        "update xlistenersets.gateway.networking.x-k8s.io/finalizers",
        "get,list,create,patch,delete httproutes.gateway.networking.k8s.io",
        "get,create,delete tlsroutes.gateway.networking.k8s.io", "get,create,delete ingressroutetcps.traefik.io",
        "list,watch,patch certificatesigningrequests.certificates.k8s.io",
        "patch certificatesigningrequests.certificates.k8s.io/status",
        "update certificatesigningrequests.certificates.k8s.io/finalizers",
        "sign signers.certificates.k8s.io issuers.cert-manager.io/*",
        "sign signers.certificates.k8s.io clusterissuers.cert-manager.io/*",
    ]
    static let notOptional = [
        "watch,update httproutes.gateway.networking.k8s.io",
        "update certificatesigningrequests.certificates.k8s.io/status",
        "create,update,patch,delete gateways.gateway.networking.k8s.io",
        "create,update,delete certificatesigningrequests.certificates.k8s.io",
        "update certificatesigningrequests.certificates.k8s.io/approval",
        "sign signers.certificates.k8s.io kubernetes.io/kube-apiserver-client",
    ]
    static let viewer = [
        "get,list,watch certificates.cert-manager.io", "get,list,watch certificaterequests.cert-manager.io",
        "get,list,watch issuers.cert-manager.io", "get,list,watch orders.acme.cert-manager.io",
        "get,list,watch challenges.acme.cert-manager.io",
    ]
    static let notViewer = [
        "create,update,patch,delete certificates.cert-manager.io",
        "create,update,patch,delete certificaterequests.cert-manager.io",
        "create,update,patch,delete issuers.cert-manager.io", "get clusterissuers.cert-manager.io", "get secrets",
    ]
    static let editor =
        viewer + [
            "create,update,patch,delete,deletecollection certificates.cert-manager.io",
            "create,update,patch,delete,deletecollection certificaterequests.cert-manager.io",
            "create,update,patch,delete,deletecollection issuers.cert-manager.io",
        ]
    static let notEditor = [
        "create,update,patch,delete orders.acme.cert-manager.io", "create,update,patch challenges.acme.cert-manager.io",
        "create,update,patch,delete clusterissuers.cert-manager.io",
        "update certificaterequests.cert-manager.io/status",
        "approve signers.cert-manager.io issuers.cert-manager.io/*",
    ]

    @Test("the controller has the rights it uses, and none that it does not; people get theirs by view, edit and admin")
    func rights() async throws {
        try await installed { try await check($0) }
    }

    @Test("the flags of the Gateway API and of CertificateSigningRequests bring their rights along")
    func optionalRights() async throws {
        let gate = "--feature-gates=ExperimentalCertificateSigningRequestControllers=true"
        try await installed(["--set", "extraArgs={--enable-gateway-api,--enable-traefik-routes,\(gate)}"]) { name in
            try await expect(
                account(name), in: name, has: Self.controller + Self.optional,
                butNot: Self.notController + Self.notOptional)
        }
    }

    @Test("the ACME server reads Secrets of its namespace alone, writes none but its CA's, and approves nothing")
    func acmeServer() async throws {
        let flags = ["--set", "acmeServer.enabled=true,acmeServer.namespace=NAME,acmeServer.createNamespace=false"]
        try await installed(flags) { name in
            let user = "system:serviceaccount:\(name):\(name)-acme-server"
            try await expect(
                user, in: name,
                has: [
                    "get,list,watch,create,update,delete configmaps", "get,list,watch secrets",
                    "update secrets \(name)-acme-server-ca", "list,watch issuers.cert-manager.io",
                    "list,watch clusterissuers.cert-manager.io",
                    "get,list,watch,create,patch,delete certificaterequests.cert-manager.io",
                ],
                butNot: [
                    "create,update,patch,delete secrets", "patch,deletecollection configmaps",
                    "create,update,patch,delete issuers.cert-manager.io",
                    "create,update,patch,delete clusterissuers.cert-manager.io",
                    "patch,update certificaterequests.cert-manager.io/status",
                    "update certificaterequests.cert-manager.io",
                    "get,list,create certificates.cert-manager.io", "create events",
                    "approve signers.cert-manager.io issuers.cert-manager.io/*",
                    "approve signers.cert-manager.io clusterissuers.cert-manager.io/*",
                ])
            let elsewhere = try await Access.allowed(
                ["get,list,watch secrets", "get,list,watch,create,update configmaps"], to: user, in: "default")
            #expect(elsewhere == [])
        }
    }

    private func account(_ name: String) -> String { "system:serviceaccount:\(name):\(name)" }

    /// Lends the name of an installation, which stands for NAME in the flags, and takes it away again.
    private func installed(_ flags: [String] = [], _ body: (String) async throws -> Void) async throws {
        let name = "rights-\(UInt32.random(in: 0 ... .max))"
        let objects = try await installation(named: name, flags)
        do {
            try await Kubectl.run(["apply", "-f", "-"], objects)
            try await body(name)
        } catch {
            // the first error is the one to tell
            _ = try? await Kubectl.run(["delete", "--ignore-not-found", "--wait=false", "-f", "-"], objects)
            throw error
        }
        try await Kubectl.run(["delete", "--ignore-not-found", "--wait=false", "-f", "-"], objects)
    }

    /// The chart's accounts and roles under names of this test's own, and three people.
    private func installation(named name: String, _ flags: [String]) async throws -> [JSONValue] {
        // The label app.kubernetes.io/name has the override, so that nothing takes the accounts for a controller's that runs.
        let settings =
            "namespace=\(name),nameOverride=\(name),fullnameOverride=\(name),global.leaderElection.namespace=\(name)"
        let flags = flags.map { $0.replacing("NAME", with: name) }
        let rendered = try await Helm.objects(["--set", settings] + flags).filter {
            $0["kind"]?.stringValue?.contains("Role") == true || $0["kind"] == "ServiceAccount"
        }
        let namespace: JSONValue = [
            "apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(name)],
        ]
        let people: [JSONValue] = ["view", "edit", "admin"].map { role in
            [
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                "metadata": ["name": .string("user-\(role)"), "namespace": .string(name)],
                "roleRef": [
                    "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": .string(role),
                ],
                "subjects": [["kind": "User", "name": .string("\(name)-\(role)")]],
            ]
        }
        return [namespace] + rendered + people
    }

    private func check(_ name: String) async throws {
        // kube-controller-manager fills the aggregated roles in, some moments after
        let end = ContinuousClock.now + .seconds(20)
        while try await !Access.denied(Self.editor, to: "\(name)-admin", in: name).isEmpty, .now < end {
            try await Task.sleep(for: .milliseconds(200))
        }
        try await expect(account(name), in: name, has: Self.controller, butNot: Self.notController + Self.optional)
        try await expect("\(name)-view", in: name, has: Self.viewer, butNot: Self.notViewer)
        try await expect("\(name)-edit", in: name, has: Self.editor, butNot: Self.notEditor)
        try await expect("\(name)-admin", in: name, has: Self.editor, butNot: Self.notEditor)
    }

    private func expect(_ user: String, in namespace: String, has: [String], butNot: [String]) async throws {
        let missing = try await Access.denied(has, to: user, in: namespace)
        #expect(missing == [])
        let unwanted = try await Access.allowed(butNot, to: user, in: namespace)
        #expect(unwanted == [])
    }
}

/// Questions for the API server's authorizer.
enum Access {
    static func denied(_ rights: [String], to user: String, in namespace: String) async throws -> [String] {
        try await answers(rights, user: user, namespace: namespace).filter { !$0.allowed }.map(\.right)
    }

    static func allowed(_ rights: [String], to user: String, in namespace: String) async throws -> [String] {
        try await answers(rights, user: user, namespace: namespace).filter(\.allowed).map(\.right)
    }

    private static func answers(
        _ rights: [String], user: String, namespace: String
    ) async throws -> [(right: String, allowed: Bool)] {
        let questions = rights.flatMap { attributes($0, namespace: namespace) }
        // Not by kubectl, which asks five things a second.
        let client = try Cluster.admin()
        return try await withThrowingTaskGroup(of: (right: String, allowed: Bool).self) { group in
            for question in questions {
                group.addTask {
                    let review: JSONValue = [
                        "spec": [
                            "user": .string(user), "groups": ["system:authenticated"], "resourceAttributes": question,
                        ]
                    ]
                    let answer = try await client.send(.create(reviews, namespace: nil, review))
                    return ("\(question)", answer["status"]?["allowed"]?.boolValue == true)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }.sorted { $0.right < $1.right }
        }
    }

    private static let reviews = ResourceType(
        group: "authorization.k8s.io", version: "v1", kind: "SubjectAccessReview", plural: "subjectaccessreviews",
        isNamespaced: false)

    private static func attributes(_ right: String, namespace: String) -> [JSONValue] {
        let words = right.split(separator: " ").map(String.init)
        let path = words[1].split(separator: "/").map(String.init)
        let parts = path[0].split(separator: ".", maxSplits: 1).map(String.init)
        return words[0].split(separator: ",").map { verb in
            [
                "verb": .string(String(verb)), "resource": .string(parts[0]),
                "group": .string(parts.count > 1 ? parts[1] : ""), "namespace": .string(namespace),
                "subresource": .string(path.count > 1 ? path[1] : ""), "name": .string(words.count > 2 ? words[2] : ""),
            ]
        }
    }
}

/// kubectl as the admin of the cluster of this test run.
enum Kubectl {
    static let isAvailable = TestPrograms.find("kubectl") != nil && kubeconfig != nil
    /// How kubectl and helm alike find the cluster.
    static var connection: [String] { ["--kubeconfig", kubeconfig ?? ""] }
    private static let kubeconfig = ProcessEnvironment.values["CERTWRIGHT_TEST_KUBECONFIG"]

    @discardableResult
    static func run(_ arguments: [String], _ objects: [JSONValue] = []) async throws -> String {
        let list: JSONValue = ["apiVersion": "v1", "kind": "List", "items": .array(objects)]
        let result = try await Tool.run(
            "kubectl", connection + arguments,
            input: objects.isEmpty ? "" : String(decoding: list.serialized(), as: UTF8.self))
        guard result.succeeded else { throw TestServerError("kubectl \(arguments[0]): \(result.errors)") }
        return result.output
    }
}
