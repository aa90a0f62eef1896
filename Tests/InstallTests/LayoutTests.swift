import ArgumentParser
import TestSupport
import Testing
import Wire
import YAML

@testable import certwright

/// One process or three, all namespaces or some.
@Suite("layouts of the chart", .enabled(if: Helm.isAvailable, "\(Helm.hint)"))
struct LayoutTests {
    private static func parsed<Command>(_ flags: [String], as type: Command.Type) throws -> Command {
        try #require(try Certwright.parseAsRoot(SwitchSyntax.rewritten(flags)) as? Command)
    }

    @Test("each part of the split layout gets flags that its program takes, and the lease and Service of its own")
    func split() async throws {
        let objects = try await Helm.objects(["--set", "layout=split,global.logLevel=4"])
        let controller = try Self.parsed(objects.flags(of: "certwright"), as: ControllerCommand.self)
        #expect(controller.companions.with.isEmpty)
        let webhook = try Self.parsed(objects.flags(of: "certwright-webhook"), as: WebhookCommand.self)
        #expect(webhook.webhook.securePort == 10250)
        #expect(webhook.webhook.injectOwnCa == "certwright-webhook")
        #expect(webhook.logging.verbosity == 4)
        let injector = try Self.parsed(objects.flags(of: "certwright-cainjector"), as: CAInjectorCommand.self)
        #expect(injector.leaderElection.leaderElectionNamespace == "kube-system")
        for (role, lease) in [
            ("certwright:leaderelection", "cert-manager-controller"),
            ("certwright-cainjector:leaderelection", "cert-manager-cainjector-leader-election"),
        ] {
            #expect(objects.named("Role", role)?["rules"]?[1]?["resourceNames"] == [.string(lease)])
        }
        let service = objects.named("Service", "certwright-webhook")?["spec"]
        #expect(service?["selector"]?["app.kubernetes.io/component"] == "webhook")
    }

    @Test("the ACME server is there where it is wanted, in every layout, with flags that it takes")
    func acmeServer() async throws {
        #expect(try await Helm.objects().names.filter { $0.contains("acme-server") } == [])
        for layout in ["one", "split"] {
            let objects = try await Helm.objects([
                "--set", "layout=\(layout),acmeServer.enabled=true,acmeServer.forbiddenNetworks={10.96.0.0/12}",
            ])
            let command = try Self.parsed(
                objects.flags(of: "certwright-acme-server"), as: ACMEServerCommand.self)
            #expect(command.server.acmeServerNamespace == "certwright-acme")
            #expect(command.server.acmeServerServingDnsNames == ["certwright-acme-server.cert-manager.svc"])
            #expect(command.server.acmeServerForbiddenNetworks == ["10.96.0.0/12"])
            #expect(
                objects.named("Secret", command.server.acmeServerServingCaSecretName)?["metadata"]?["namespace"]
                    == "certwright-acme")
        }
        let some = try await Helm.objects(["--set", "namespaces={a,b},acmeServer.enabled=true"])
        #expect(
            try Self.parsed(some.flags(of: "certwright-acme-server"), as: ACMEServerCommand.self).namespaces == [
                "a", "b",
            ])
        #expect(some.named("ClusterRole", "certwright-acme-server") == nil)
    }

    @Test("the check after an installation gets flags that it takes, and runs only where there is a webhook")
    func check() async throws {
        let objects = try await Helm.objects()
        let job = try #require(objects.named("Job", "certwright-startupapicheck"))
        let flags = job["spec"]?["template"]?["spec"]?["containers"]?[0]?["args"]?.arrayValue?.compactMap(\.stringValue)
        let command = try Self.parsed(try #require(flags), as: CheckAPICommand.self)
        #expect(command.wait.description == "1m0s")
        #expect(command.namespace == "cert-manager")
        #expect(command.isVerbose)
        #expect(job["metadata"]?["annotations"]?["helm.sh/hook"] == "post-install")
        let without = try await Helm.objects(["--set", "webhook.enabled=false"])
        #expect(without.names.filter { $0.contains("startupapicheck") } == [])
    }

    @Test("a value that asks for pods of its own splits, and one that the controller's pod can honour does not")
    func automatic() async throws {
        let splitting = [
            "webhook.replicaCount=2", "webhook.resources.requests.cpu=10m", "cainjector.extraArgs={--v=4}",
            "webhook.podAnnotations.a=b", "cainjector.image.pullPolicy=Always", "webhook.networkPolicy.enabled=true",
        ]
        let together = [
            "webhook.timeoutSeconds=10", "webhook.serviceType=NodePort", "webhook.image.name=cert-manager-webhook",
            "webhook.enabled=false,webhook.replicaCount=3", "cainjector.enabled=false,cainjector.replicaCount=2",
        ]
        for setting in splitting {
            let objects = try await Helm.objects(["--set", setting])
            #expect(objects.names.contains("Deployment/certwright-webhook"), "\(setting)")
        }
        for setting in together {
            let objects = try await Helm.objects(["--set", setting])
            #expect(objects.names.filter { $0.hasPrefix("Deployment/") } == ["Deployment/certwright"], "\(setting)")
        }
    }

    @Test("files/own-pods.yaml has the defaults of values.yaml")
    func defaults() throws {
        let own = try YAMLDocuments.parse(try Helm.file("charts/certwright/files/own-pods.yaml"))[0]
        let values = try YAMLDocuments.parse(try Helm.file("charts/certwright/values.yaml"))[0]
        let anywhere: [String: Set<String>] = [
            "cainjector": ["enabled"],
            "webhook": [
                "enabled", "securePort", "timeoutSeconds", "validatingWebhookConfiguration",
                "mutatingWebhookConfiguration", "serviceLabels", "serviceType", "serviceIPFamilies",
                "serviceIPFamilyPolicy", "url", "enableClientVerification", "apiserverClientCertSubjects",
                "clientCAFile",
            ],
        ]
        for part in ["webhook", "cainjector"] {
            let members = try #require(values[part]?.objectValue)
            for member in members where anywhere[part]?.contains(member.key) != true {
                #expect(own[part]?[member.key] == member.value, "\(part).\(member.key)")
            }
            #expect(own[part]?.objectValue?.count == members.count - (anywhere[part]?.count ?? 0))
        }
    }

    @Test("where namespaces are named there are no rights to objects in others", arguments: ["one", "split"])
    func namespaces(layout: String) async throws {
        let objects = try await Helm.objects(["--set", "namespaces={team-a,team-b},layout=\(layout)"])
        let command = try Self.parsed(objects.flags(of: "certwright"), as: ControllerCommand.self)
        #expect(command.cluster.namespaces == ["team-a", "team-b"])
        let forUsers: Set = ["certwright-view", "certwright-edit", "certwright-cluster-view"]
        let wide = objects.filter { role in
            role["kind"] == "ClusterRole" && !forUsers.contains(role["metadata"]?["name"]?.stringValue ?? "")
        }
        let resources = Set(
            wide.flatMap { $0["rules"]?.arrayValue ?? [] }.flatMap { $0["resources"]?.arrayValue ?? [] }
                .compactMap(\.stringValue))
        #expect(
            resources == [
                "signers", "selfsubjectaccessreviews", "subjectaccessreviews", "validatingwebhookconfigurations",
                "mutatingwebhookconfigurations", "apiservices", "customresourcedefinitions", "certificatepolicies",
            ])
        let roles = objects.filter { $0["kind"] == "Role" && $0["metadata"]?["name"] == "certwright-secrets" }
        #expect(roles.map { $0["metadata"]?["namespace"] } == ["team-a", "team-b"])
        let hook = objects.named("ValidatingWebhookConfiguration")?["webhooks"]?[0]
        #expect(
            hook?["namespaceSelector"]?["matchExpressions"]?.arrayValue?.last == [
                "key": "kubernetes.io/metadata.name", "operator": "In", "values": ["team-a", "team-b"],
            ])
    }

    @Test("the defaults of cert-manager's chart for images mean the defaults here")
    func images() async throws {
        let objects = try await Helm.objects([
            "-f", "\(Helm.project)/Tests/InstallTests/Goldens/written-for-cert-manager/values.yaml",
        ])
        let plain = try await Helm.objects()
        for name in ["certwright", "certwright-webhook", "certwright-cainjector"] {
            let image = objects.named("Deployment", name)?["spec"]?["template"]?["spec"]?["containers"]?[0]?["image"]
            #expect(image == plain.container?["image"], "\(name)")
        }
    }
}

extension [JSONValue] {
    /// The flags of the first container of that Deployment.
    func flags(of deployment: String) -> [String] {
        let pod = named("Deployment", deployment)?["spec"]?["template"]?["spec"]
        return pod?["containers"]?[0]?["args"]?.arrayValue?.compactMap(\.stringValue) ?? []
    }
}
