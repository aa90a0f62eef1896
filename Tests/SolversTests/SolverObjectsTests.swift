import CertificateAPI
import KubeModel
import Solvers
import Testing
import Wire

@Suite("Objects of HTTP-01")
struct SolverObjectsTests {
    static func objects(
        _ ingress: String = "{}", dnsName: String = "www.example.com", options: HTTP01Options? = nil
    ) throws -> SolverObjects {
        let solver = try Samples.solver(#"{"http01": {"ingress": \#(ingress)}}"#)
        return SolverObjects(
            challenge: Samples.challenge(.http01, dnsName: dnsName, solver: solver),
            way: .ingress(try #require(solver.http01?.ingress)), options: options ?? HTTP01Options(image: "solver:1"))
    }

    static let labels = [
        // Adler-32 as zlib computes it over "www.example.com" and "token".
        "acme.cert-manager.io/http-domain": "810681837", "acme.cert-manager.io/http-token": "108921378",
        "acme.cert-manager.io/http01-solver": "true",
    ]

    @Test("names follow from the challenge, fit a Service, and differ between challenges")
    func names() throws {
        let one = Samples.challenge(.http01, solver: Solver())
        var other = one
        other.metadata.name = "order-1-3"
        let name = SolverObjects.name(for: one)
        #expect(name.hasPrefix("cm-acme-http-solver-"))
        #expect(name.utf8.count <= 63)
        #expect(name == SolverObjects.name(for: one))
        #expect(name != SolverObjects.name(for: other))
    }

    @Test("the pod runs with as little power as can be, and with all four figures of resources")
    func pod() throws {
        let pod = try Self.objects().pod
        #expect(pod.metadata.labels == Self.labels)
        #expect(
            pod.metadata.annotations == [
                "sidecar.istio.io/inject": "false", "cluster-autoscaler.kubernetes.io/safe-to-evict": "true",
            ])
        #expect(
            pod.metadata.ownerReferences == [
                OwnerReference(
                    apiVersion: "acme.cert-manager.io/v1", kind: "Challenge", name: "order-1-2", uid: "uid-1",
                    controller: true, blockOwnerDeletion: true)
            ])
        let expected: JSONValue = [
            "automountServiceAccountToken": false, "enableServiceLinks": false, "restartPolicy": "OnFailure",
            "nodeSelector": ["kubernetes.io/os": "linux"],
            "securityContext": ["runAsNonRoot": true, "seccompProfile": ["type": "RuntimeDefault"]],
            "containers": [
                [
                    "name": "acmesolver", "image": "solver:1", "imagePullPolicy": "IfNotPresent",
                    "args": ["--listen-port=8089", "--domain=www.example.com", "--token=token", "--key=token.thumb"],
                    "ports": [["name": "http", "containerPort": 8089]],
                    "resources": [
                        "requests": ["cpu": "10m", "memory": "64Mi"], "limits": ["cpu": "100m", "memory": "64Mi"],
                    ],
                    "securityContext": [
                        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                        "capabilities": ["drop": ["ALL"]],
                    ],
                ]
            ],
        ]
        #expect(pod.spec == expected)
    }

    @Test("a pod template is merged in, and the user wins")
    func podTemplate() throws {
        let pod = try Self.objects(
            """
            {"podTemplate": {"metadata": {"labels": {"team": "a", "extra": "user"},
                                          "annotations": {"sidecar.istio.io/inject": "true"}},
              "spec": {"nodeSelector": {"kubernetes.io/os": "windows", "pool": "x"}, "priorityClassName": "high",
                       "serviceAccountName": "sa", "imagePullSecrets": [{"name": "pull"}],
                       "tolerations": [{"key": "k", "operator": "Exists", "tolerationSeconds": 5}],
                       "affinity": {"nodeAffinity": {}}, "securityContext": {"runAsUser": 1000},
                       "resources": {"limits": {"cpu": 1}}}}}
            """,
            options: HTTP01Options(
                image: "i", extraLabels: ["extra": "flag", "acme.cert-manager.io/http01-solver": "no"],
                runtimeClassName: "gvisor")
        ).pod
        #expect(pod.metadata.labels == Self.labels.merging(["team": "a", "extra": "user"]) { $1 })
        #expect(pod.metadata.annotations?["sidecar.istio.io/inject"] == "true")
        let spec = try #require(pod.spec)
        #expect(spec["nodeSelector"] == ["kubernetes.io/os": "windows", "pool": "x"])
        #expect(spec["priorityClassName"] == "high")
        #expect(spec["serviceAccountName"] == "sa")
        #expect(spec["imagePullSecrets"] == [["name": "pull"]])
        #expect(spec["tolerations"] == [["key": "k", "operator": "Exists", "tolerationSeconds": 5]])
        #expect(spec["affinity"] == ["nodeAffinity": [:]])
        #expect(spec["securityContext"] == ["runAsUser": 1000])
        #expect(spec["runtimeClassName"] == "gvisor")
        let resources = spec["containers"]?[0]?["resources"]
        #expect(resources?["limits"] == ["cpu": 1, "memory": "64Mi"])
        #expect(resources?["requests"] == ["cpu": "10m", "memory": "64Mi"])
    }

    @Test("the Service finds the pod, a relabelled one too")
    func service() throws {
        let service = try Self.objects(#"{"serviceType": "ClusterIP"}"#).service
        #expect(service.metadata.annotations == ["auth.istio.io/8089": "NONE"])
        #expect(service.spec?["type"] == "ClusterIP")
        #expect(service.spec?["ports"] == [["name": "http", "port": 8089, "targetPort": 8089, "protocol": "TCP"]])
        #expect(service.spec?["selector"]?.objectValue?.count == 3)
        #expect(try Self.objects().service.spec?["type"] == "NodePort")
        let relabelled = try Self.objects(
            #"{"podTemplate": {"metadata": {"labels": {"acme.cert-manager.io/http-token": "mine"}}}}"#)
        #expect(relabelled.service.spec?["selector"]?["acme.cert-manager.io/http-token"] == "mine")
    }

    @Test("the Ingress routes the one path, by class or by class name, its template merged in (H1)")
    func ingress() throws {
        let plain = try Self.objects(#"{"ingressClassName": "traefik"}"#)
        let path = Ingress.Path(
            path: "/.well-known/acme-challenge/token", pathType: "Exact",
            backend: ["service": ["name": .string(plain.key.name), "port": ["number": 8089]]])
        let made = try plain.ingress
        #expect(
            made.spec
                == Ingress.Spec(
                    ingressClassName: "traefik",
                    rules: [Ingress.Rule(host: "www.example.com", http: Ingress.HTTP(paths: [path]))]))
        #expect(
            made.metadata.annotations == [
                "nginx.ingress.kubernetes.io/whitelist-source-range": "0.0.0.0/0,::/0"
            ])
        let legacy = try Self.objects(
            #"{"class": "nginx", "ingressTemplate": {"metadata": {"annotations": {"a": "1", "kubernetes.io/ingress.class": "own"}, "labels": {"l": "2"}}}}"#
        ).ingress
        #expect(legacy.metadata.annotations?["kubernetes.io/ingress.class"] == "own")
        #expect(legacy.metadata.annotations?["a"] == "1")
        #expect(legacy.metadata.labels?["l"] == "2")
        #expect(legacy.spec?.ingressClassName == nil)
    }

    @Test("a rule for an address has no host (IP3)", arguments: ["192.0.2.1", "2001:db8::1"])
    func addresses(name: String) throws {
        #expect(try Self.objects(dnsName: name).ingress.spec?.rules?[0].host == nil)
    }
}

extension SolverObjects {
    /// The Ingress of a solver that makes one.
    fileprivate var ingress: Ingress {
        get throws {
            guard case .ingress(let solver) = way else { throw NoIngress() }
            return ingress(as: solver)
        }
    }

    private struct NoIngress: Error {}
}
