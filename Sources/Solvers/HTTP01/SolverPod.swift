import CertificateAPI
package import KubeModel
import Wire

extension SolverObjects {
    /// A pod that answers for one token, or for every token of one account key, and runs with as little power as a pod
    /// can.
    package var pod: Pod {
        let template = podTemplate
        let annotations = [
            "sidecar.istio.io/inject": "false", "cluster-autoscaler.kubernetes.io/safe-to-evict": "true",
        ]
        return Pod(
            metadata: metadata(
                annotations: annotations.merging(template?.metadata?.annotations ?? [:]) { $1 },
                labels: template?.metadata?.labels),
            spec: .object(podSpec(template?.spec)))
    }

    private func podSpec(_ template: PodTemplate.Spec?) -> JSONObject {
        let nodes = ["kubernetes.io/os": "linux"].merging(template?.nodeSelector ?? [:]) { $1 }
        var spec: JSONObject = [
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "restartPolicy": "OnFailure",
            "nodeSelector": .object(object(nodes)),
            "securityContext": encoded(template?.securityContext) ?? defaultSecurityContext,
            "containers": [container(template)],
        ]
        if let name = options.runtimeClassName.nonEmpty { spec["runtimeClassName"] = .string(name) }
        guard let template else { return spec }
        if let affinity = template.affinity { spec["affinity"] = affinity }
        if let tolerations = template.tolerations { spec["tolerations"] = encoded(tolerations) }
        if let name = template.priorityClassName.nonEmpty { spec["priorityClassName"] = .string(name) }
        if let name = template.serviceAccountName.nonEmpty { spec["serviceAccountName"] = .string(name) }
        if let secrets = template.imagePullSecrets { spec["imagePullSecrets"] = encoded(secrets) }
        return spec
    }

    private var defaultSecurityContext: JSONValue {
        ["runAsNonRoot": .bool(options.runAsNonRoot), "seccompProfile": ["type": "RuntimeDefault"]]
    }

    private func container(_ template: PodTemplate.Spec?) -> JSONValue {
        [
            "name": "acmesolver",
            "image": .string(options.image),
            "imagePullPolicy": "IfNotPresent",
            "args": .array(arguments.map { .string($0) }),
            "ports": [["name": .string(portName), "containerPort": .integer(Int64(Self.port))]],
            "resources": resources(template?.resources),
            "securityContext": [
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                "capabilities": ["drop": ["ALL"]],
            ],
        ]
    }

    private var arguments: [String] {
        if shared != nil, let thumbprint = challenge.thumbprint {
            return ["--listen-port=\(Self.port)", "--thumbprint=\(thumbprint)"]
        }
        if isTLS {
            return [
                "--listen-port=\(Self.port)", "--tls-alpn", "--domain=\(challenge.spec.dnsName)",
                "--key=\(challenge.spec.key)",
            ]
        }
        return [
            "--listen-port=\(Self.port)", "--domain=\(challenge.spec.dnsName)", "--token=\(challenge.spec.token)",
            "--key=\(challenge.spec.key)",
        ]
    }

    /// All four figures stand whatever a template leaves out, since a ResourceQuota refuses pods without them.
    private func resources(_ template: PodTemplate.Resources?) -> JSONValue {
        func merged(_ defaults: JSONObject, _ overrides: [String: JSONValue]?) -> JSONValue {
            .object(
                (overrides ?? [:]).sorted { $0.key < $1.key }.reduce(into: defaults) { $0[$1.key] = $1.value })
        }
        return [
            "requests": merged(
                ["cpu": .string(options.requestCPU), "memory": .string(options.requestMemory)], template?.requests),
            "limits": merged(
                ["cpu": .string(options.limitCPU), "memory": .string(options.limitMemory)], template?.limits),
        ]
    }

    private func encoded(_ value: (some Encodable)?) -> JSONValue? {
        // These types came out of JSON and hold nothing that JSON cannot say.
        value.flatMap { try? JSONValue(encoding: $0) }
    }
}
