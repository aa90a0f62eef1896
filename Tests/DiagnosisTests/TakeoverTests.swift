import CertificateAPI
import Diagnosis
import KubeModel
import Testing
import Wire

@Suite("the way from cert-manager and back")
struct TakeoverTests {
    private func workload(_ name: String, _ part: Workload.Part, replicas: Int = 1, _ arguments: [String] = [])
        -> Workload
    {
        Workload(
            key: ObjectKey(namespace: "cert-manager", name: name), part: part, replicas: replicas, ready: replicas,
            arguments: arguments)
    }
    private func webhook(_ name: String, isOurs: Bool = false) -> Webhook {
        let kind = "ValidatingWebhookConfiguration"
        return Webhook(
            kind: kind, name: name, isOurs: isOurs,
            manifest: ["kind": .string(kind), "metadata": ["name": .string(name)], "webhooks": []])
    }
    private func cluster() -> TakeoverView {
        var view = TakeoverView()
        view.theirs = [
            workload("cert-manager-webhook", .webhook),
            workload(
                "cert-manager", .controller, replicas: 2,
                [
                    "--cluster-resource-namespace=cert-manager", "--v=2",
                ]),
            workload("cert-manager-cainjector", .cainjector),
        ]
        view.webhooks = [webhook("cert-manager-webhook")]
        view.leases = [
            LeaseSight(
                key: ObjectKey(namespace: "kube-system", name: "cert-manager-controller"), holder: "old",
                durationSeconds: 60, renewedAt: nil)
        ]
        view.definitions = Definition.needed.map {
            Definition(name: $0, hasV1: true, storedVersions: ["v1"], release: nil)
        }
        view.manifests =
            Definition.needed.map { "CustomResourceDefinition \($0)" } + ["Deployment cert-manager/certwright"]
        view.manifestArguments = ["controller", "--cluster-resource-namespace=cert-manager"]
        return view
    }

    @Test("first the controller stops, then its webhook; what is kept comes before all")
    func steps() {
        let plan = Takeover.decide(cluster())
        #expect(plan.blockers.isEmpty, "\(plan.blockers)")
        func key(_ name: String) -> ObjectKey { ObjectKey(namespace: "cert-manager", name: name) }
        let saved = SavedState(
            deployments: [
                .init(namespace: "cert-manager", name: "cert-manager-webhook", replicas: 1),
                .init(namespace: "cert-manager", name: "cert-manager", replicas: 2),
                .init(namespace: "cert-manager", name: "cert-manager-cainjector", replicas: 1),
            ], webhooks: [webhook("cert-manager-webhook").manifest])
        #expect(
            plan.steps == [
                .save(saved), .scale(key("cert-manager"), to: 0), .awaitEnd(key("cert-manager")),
                .scale(key("cert-manager-cainjector"), to: 0), .awaitEnd(key("cert-manager-cainjector")),
                .scale(key("cert-manager-webhook"), to: 0), .awaitEnd(key("cert-manager-webhook")),
                .deleteWebhook(kind: "ValidatingWebhookConfiguration", name: "cert-manager-webhook"),
                .releaseLease(ObjectKey(namespace: "kube-system", name: "cert-manager-controller")),
                .applyManifests(cluster().manifests), .awaitReady(key("certwright")),
            ])
    }

    @Test("a takeover that was broken off goes on, and keeps what it has kept")
    func again() {
        var view = cluster()
        view.saved = SavedState(
            deployments: [.init(namespace: "cert-manager", name: "cert-manager", replicas: 2)], webhooks: [])
        view.theirs = view.theirs.map { workload($0.key.name, $0.part, replicas: 0) }
        view.webhooks = []
        view.leases = []
        view.ours = [workload("certwright", .controller, replicas: 0)]
        view.manifests = []
        let plan = Takeover.decide(view)
        #expect(
            plan.steps == [
                .scale(ObjectKey(namespace: "cert-manager", name: "certwright"), to: 1),
                .awaitReady(ObjectKey(namespace: "cert-manager", name: "certwright")),
            ])
    }

    @Test("back: ours stops, theirs starts, and its webhook is asked again only when it answers")
    func back() {
        var view = cluster()
        #expect(Takeover.back(view).blockers.count == 1)
        view.saved = SavedState(
            deployments: [.init(namespace: "cert-manager", name: "cert-manager", replicas: 2)],
            webhooks: [webhook("cert-manager-webhook").manifest])
        view.theirs = [workload("cert-manager", .controller, replicas: 0)]
        view.ours = [workload("certwright", .controller)]
        view.webhooks = [webhook("certwright-webhook", isOurs: true)]
        view.leases = []
        let kind = "ValidatingWebhookConfiguration"
        func key(_ name: String) -> ObjectKey { ObjectKey(namespace: "cert-manager", name: name) }
        #expect(
            Takeover.back(view).steps == [
                .scale(key("certwright"), to: 0), .awaitEnd(key("certwright")),
                .deleteWebhook(kind: kind, name: "certwright-webhook"), .scale(key("cert-manager"), to: 2),
                .awaitReady(key("cert-manager")),
                .restoreWebhook(kind: kind, name: "cert-manager-webhook", webhook("cert-manager-webhook").manifest),
                .forget,
            ])
        view.theirs = []
        #expect(Takeover.back(view).blockers.first?.contains("cert-manager/cert-manager is gone") == true)
    }

    @Test("what speaks against it: nothing to take over, two at once, other places, old versions, unsupported issuers")
    func blockers() {
        #expect(Takeover.decide(TakeoverView()).blockers.first?.hasPrefix("No Deployment of cert-manager") == true)
        func blockers(_ change: (inout TakeoverView) -> Void) -> [String] {
            var view = cluster()
            change(&view)
            let plan = Takeover.decide(view)
            #expect(plan.steps.isEmpty)
            return plan.blockers
        }
        #expect(
            blockers { $0.ours = [workload("certwright", .controller)] }.first?.contains("beside cert-manager's")
                == true)
        #expect(
            blockers { $0.manifestArguments = ["--cluster-resource-namespace=other"] }.first?
                .contains("would not find their Secrets") == true)
        #expect(
            blockers { $0.definitions[0].storedVersions = ["v1alpha2", "v1"] }.first?
                .contains("certificates.cert-manager.io") == true)
        #expect(
            blockers {
                $0.definitions = []
                $0.manifests = []
            }.first?.contains("neither installed nor in the manifests") == true)
        var dns01 = Solver.DNS01()
        dns01.providers = ["nobodys": [:]]
        var solver = Solver()
        solver.dns01 = dns01
        var spec = IssuerSpec()
        spec.acme = ACMEIssuer(server: "https://ca.example/directory", privateKeySecretRef: .init(name: "account"))
        spec.acme?.solvers = [solver]
        #expect(blockers { $0.issuers = [("Issuer web/v", spec)] }.first?.hasPrefix("Issuer web/v uses what") == true)
    }

    @Test("flags that are not carried over, and Helm's hold on the definitions, are warned of")
    func warnings() {
        var view = cluster()
        view.theirs[1].arguments.append("--enable-certificate-owner-ref=true")
        view.definitions[0].release = "cm"
        let warnings = Takeover.decide(view).warnings
        #expect(warnings.contains { $0.contains("--enable-certificate-owner-ref=true") })
        #expect(warnings.contains { $0.contains("owner=helm,name=cm") })
    }

    @Test("fields that an older API server does not know are found by its words and left out")
    func undeclared() throws {
        let message = """
            failed to create typed patch object: errors:
              .spec.versions[0].selectableFields: field not declared in schema
              .spec.versions[name="v2"].schema.a.b.x-rules: field not declared in schema
            """
        let paths = UndeclaredFields.paths(in: message)
        #expect(paths == [".spec.versions[0].selectableFields", #".spec.versions[name="v2"].schema.a.b.x-rules"#])
        let manifest: JSONValue = [
            "spec": [
                "versions": [
                    ["name": "v1", "selectableFields": [], "served": true],
                    ["name": "v2", "schema": ["a.b": ["x-rules": 1, "type": "object"]]],
                ]
            ]
        ]
        let rest = paths.reduce(manifest) { UndeclaredFields.removing($1, from: $0) ?? $0 }
        #expect(
            rest == [
                "spec": [
                    "versions": [
                        ["name": "v1", "served": true], ["name": "v2", "schema": ["a.b": ["type": "object"]]],
                    ]
                ]
            ])
        #expect(UndeclaredFields.paths(in: "spec.x: Invalid value") == [])
        for odd in [".nothing", ".spec.versions[7].name", ".spec.versions[", "", "[0]", ".spec.versions[x].name"] {
            #expect(UndeclaredFields.removing(odd, from: manifest) == nil)
        }
    }
}
