import ArgumentParser
import TestSupport
import Testing
import Wire
import YAML

@testable import certwright

@Suite("charts/certwright", .enabled(if: Helm.isAvailable, "\(Helm.hint)"))
struct ChartTests {
    func command(_ flags: [String]) throws -> ControllerCommand {
        try #require(try Certwright.parseAsRoot(SwitchSyntax.rewritten(flags)) as? ControllerCommand)
    }

    @Test("the version of the chart's images is the program's")
    func version() throws {
        let chart = try YAMLDocuments.parse(try Helm.file("charts/certwright/Chart.yaml"))
        #expect(chart[0]["appVersion"]?.stringValue == Version.text)
    }

    @Test("the defaults say to the controller what it would do anyway, and where its own namespace is")
    func defaults() async throws {
        let flags = try await Helm.objects().flags
        let command = try command(flags)
        let plain = try self.command(["controller"])
        #expect(command.acme.acmeHttp01SolverImage == plain.acme.acmeHttp01SolverImage)
        #expect(command.acme.maxConcurrentChallenges == plain.acme.maxConcurrentChallenges)
        #expect(command.leaderElection.leaderElectionNamespace == plain.leaderElection.leaderElectionNamespace)
        #expect(command.logging.verbosity == plain.logging.verbosity)
        #expect(command.cluster.clusterResourceNamespace == "$(POD_NAMESPACE)")
    }

    @Test("every value that is a flag reaches the controller as one it knows")
    func flags() async throws {
        let command = try command(
            try await Helm.objects(["-f", "\(Helm.chart)/ci/everything-values.yaml"]).flags)
        #expect(command.logging.verbosity == 3)
        #expect(command.cluster.clusterResourceNamespace == "mark-cluster-resources")
        #expect(command.leaderElection.leaderElectionNamespace == "mark-lease-namespace")
        #expect(command.leaderElection.leaderElectionLeaseDuration.description == "1m11s")
        #expect(command.leaderElection.leaderElectionRenewDeadline.description == "52s")
        #expect(command.leaderElection.leaderElectionRetryPeriod.description == "13s")
        #expect(command.acme.acmeHttp01SolverImage.hasPrefix("mark-solver-registry.example.com/mark-solver-repository"))
        #expect(command.acme.extraLabels == ["mark-common-label": "mark-common-value"])
        #expect(command.acme.acmeHttp01SolverRuntimeClassName == "mark-solver-runtime")
        #expect(command.acme.maxConcurrentChallenges == 61)
        #expect(command.acme.dns01RecursiveNameservers == ["192.0.2.53:53", "192.0.2.54:53"])
        #expect(command.acme.dns01RecursiveNameserversOnly)
        #expect(command.acme.dns01CheckRetryPeriod.description == "23s")
        #expect(command.certificates.enableCertificateOwnerRef)
        #expect(command.shim.defaultIssuerName == "mark-issuer")
        #expect(command.shim.defaultIssuerKind == "MarkIssuer")
        #expect(command.shim.defaultIssuerGroup == "mark.example.com")
    }

    @Test("without automatic approval there is neither the approver nor its right")
    func approval() async throws {
        let objects = try await Helm.objects(["--set", "disableAutoApproval=true"])
        let selected = try ControllerName.selected(by: try command(objects.flags).controllers.controllers)
        #expect(selected == Set(ControllerName.allCases).subtracting([.requestsApprover]))
        #expect(objects.named("ClusterRole", "certwright-approve") == nil)
        #expect(objects.named("ClusterRoleBinding", "certwright-approve") == nil)
    }

    @Test("CA injection runs in the controller's process, and without it there is neither its lease nor its rights")
    func injection() async throws {
        let objects = try await Helm.objects()
        #expect(try command(objects.flags).companions.with.contains(.cainjector))
        let without = try await Helm.objects(["--set", "cainjector.enabled=false"])
        #expect(try !command(without.flags).companions.with.contains(.cainjector))
        #expect(without.named("ClusterRole", "certwright-injection") == nil)
        #expect(without.named("ClusterRoleBinding", "certwright-injection") == nil)
        let lease = "cert-manager-cainjector-leader-election"
        func leases(_ objects: [JSONValue]) -> [JSONValue]? {
            objects.named("Role", "certwright:leaderelection")?["rules"]?[1]?["resourceNames"]?.arrayValue
        }
        #expect(leases(objects)?.contains(.string(lease)) == true)
        #expect(leases(without)?.contains(.string(lease)) == false)
    }

    @Test("the webhook runs in the controller's process under the names of its Service; without it nothing calls it")
    func webhook() async throws {
        let objects = try await Helm.objects()
        let flags = try command(objects.flags)
        #expect(flags.companions.with.contains(.webhook))
        #expect(flags.webhook.dynamicServingCaSecretName == "certwright-webhook-ca")
        #expect(flags.webhook.injectOwnCa == "certwright-webhook")
        #expect(flags.webhook.dynamicServingDnsNames.contains("certwright-webhook.$(POD_NAMESPACE).svc"))
        for kind in ["Validating", "Mutating"] {
            let hook = objects.named("\(kind)WebhookConfiguration", "certwright-webhook")?["webhooks"]?[0]
            #expect(hook?["failurePolicy"] == "Fail")
            #expect(hook?["clientConfig"]?["service"]?["name"] == "certwright-webhook")
        }
        let without = try await Helm.objects(["--set", "webhook.enabled=false"])
        #expect(try !command(without.flags).companions.with.contains(.webhook))
        #expect(without.names.filter { $0.contains("ebhook") } == [])
    }

    @Test("every role is bound to one account, and no binding lacks its role", arguments: ["one", "split"])
    func bindings(layout: String) async throws {
        let objects = try await Helm.objects(["--set", "layout=\(layout)"])
        let forUsers: Set = ["certwright-view", "certwright-edit", "certwright-cluster-view"]
        let accounts = objects.names.filter { $0.hasPrefix("ServiceAccount/") }
        for kind in ["ClusterRole", "Role"] {
            let roles = Set(objects.filter { $0["kind"]?.stringValue == kind }.map { $0["metadata"]?["name"] })
            let bindings = objects.filter { $0["kind"]?.stringValue == kind + "Binding" }
            #expect(Set(bindings.map { $0["roleRef"]?["name"] }) == roles.subtracting(forUsers.map { .string($0) }))
            for binding in bindings {
                let subject = try #require(binding["subjects"]?[0])
                #expect(subject["namespace"] == "cert-manager")
                #expect(accounts.contains("ServiceAccount/\(subject["name"]?.stringValue ?? "")"))
            }
        }
        #expect(accounts.count == (layout == "one" ? 2 : 4), "\(accounts)")
    }

    @Test("the pod is one that the restricted pod security standard admits")
    func restricted() async throws {
        let objects = try await Helm.objects()
        let pod = objects.named("Deployment")?["spec"]?["template"]?["spec"]
        #expect(pod?["securityContext"]?["runAsNonRoot"] == true)
        #expect(pod?["securityContext"]?["seccompProfile"]?["type"] == "RuntimeDefault")
        #expect(objects.container?["securityContext"]?["allowPrivilegeEscalation"] == false)
        #expect(objects.container?["securityContext"]?["capabilities"]?["drop"] == ["ALL"])
        #expect(objects.container?["securityContext"]?["readOnlyRootFilesystem"] == true)
    }

    @Test("names follow the release unless it says already what it is")
    func names() async throws {
        let other = try await Helm.objects(release: "tls")
        #expect(other.names.contains("Deployment/tls-certwright"))
        #expect(other.names.contains("ServiceAccount/tls-certwright"))
        let own = try await Helm.objects(release: "my-certwright")
        #expect(own.names.contains("Deployment/my-certwright"))
    }
}
