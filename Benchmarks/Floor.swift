import ArgumentParser
import CurlTransport
import HTTPTransport
import KubeClient
import KubeModel
import Wire

/// A yardstick for cases with a CA: the driver makes the five writes of each certificate itself, with objects as large as real ones
/// (the lengths below were read from the API server), while no controller runs.
///
/// It is no lower bound in the strict sense: the driver's own requests and its watch are in it, and it knows one order of writes.
struct Floor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes a certificate's writes itself, without a controller, and measures how long they take.")

    @Option(help: "A cluster-admin's kubeconfig: creates the Certificates.")
    var kubeconfig: String
    @Option(help: "The controller's kubeconfig: makes its writes.")
    var writer: String
    @Option(help: "How many Certificates.") var count = 5000
    @Option(help: "Over how many namespaces.") var namespaces = 20
    @Option(help: "Certificates at once.") var concurrency = 8

    func run() async throws {
        let transport = CurlTransport(.init(userAgent: "certwright-bench"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await transport.run() }
            let user = try client(kubeconfig, transport)
            let writes = FloorWrites(user: user, controller: try client(writer, transport))
            let load = LoadRun(
                client: user, count: count, namespaces: namespaces, concurrency: concurrency, timeout: .seconds(600),
                progress: Progress { $0.isReady }
            ) { [namespaces] number, progress in
                try await writes.issue(number, namespace: "bench-\(number % namespaces)", progress)
            }
            try await load.makeNamespaces()
            try await load.run()
            print(report(load.progress.result).text)
            group.cancelAll()
        }
    }

    private func client(_ kubeconfig: String, _ transport: CurlTransport) throws -> KubeClient {
        let configuration = try ClusterConfiguration.load(kubeconfig: kubeconfig, environment: { _ in nil })
        return KubeClient(configuration: configuration, transport: transport, userAgent: "certwright-bench")
    }

    private func report(_ result: Progress.Result) -> Report {
        var report = Report()
        report.add("certificates", "\(count), nobody issues them, \(namespaces) namespace(s)")
        report.add("first create to last status", seconds: result.firstToLast)
        report.add("certificates a second", "\(Double(count) / result.firstToLast.seconds, digits: 1)")
        return report
    }
}

/// The writes, one after the other, as a controller makes them that serves a certificate in one reconcile.
private struct FloorWrites: Sendable {
    let user: KubeClient
    let controller: KubeClient

    private static let requests = ResourceType(
        group: "cert-manager.io", version: "v1", kind: "CertificateRequest", plural: "certificaterequests",
        isNamespaced: true)
    private static let secrets = ResourceType(
        group: "", version: "v1", kind: "Secret", plural: "secrets", isNamespaced: true)
    private static let moment: JSONValue = "2026-01-01T00:00:00Z"

    /// PEM of so many bytes, as base64: nobody reads it.
    private static func pem(_ bytes: Int) -> JSONValue { .string(String(repeating: "LS0t", count: bytes / 3)) }

    func issue(_ number: Int, namespace: String, _ progress: Progress) async throws {
        let certificate = LoadCertificate(
            number: number, namespace: namespace, issuer: IssuerChoice(name: "bench-ca", kind: "ClusterIssuer"),
            zone: "bench.example")
        let key = certificate.key
        progress.start(key)
        let made = try await user.create(certificate)
        let request = ObjectKey(namespace: namespace, name: "\(key.name)-1")
        try await controller.sendUnread(
            .create(Self.requests, namespace: namespace, Self.request(request, of: made), fieldManager: "certwright"))
        try await controller.sendUnread(
            .mergePatch(
                Self.requests, request, Self.requestStatus, subresource: "status", fieldManager: "certwright"))
        try await controller.sendUnread(
            .create(Self.secrets, namespace: namespace, Self.secret(key), fieldManager: "certwright"))
        try await controller.sendUnread(
            .mergePatch(
                LoadCertificate.resource, key, Self.certificateStatus, subresource: "status",
                fieldManager: "certwright"))
    }

    private static func request(_ key: ObjectKey, of certificate: LoadCertificate) -> JSONValue {
        let owner: JSONValue = [
            "apiVersion": "cert-manager.io/v1", "kind": "Certificate", "name": .string(certificate.key.name),
            "uid": .string(certificate.metadata.uid ?? ""), "controller": true, "blockOwnerDeletion": true,
        ]
        return [
            "apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest",
            "metadata": [
                "name": .string(key.name), "namespace": .string(key.namespace), "ownerReferences": [owner],
                "annotations": [
                    "cert-manager.io/certificate-name": .string(certificate.key.name),
                    "cert-manager.io/certificate-revision": "1",
                    "cert-manager.io/private-key-secret-name": .string(certificate.key.name),
                ],
            ],
            "spec": [
                "request": pem(438),
                "issuerRef": ["name": "bench-ca", "kind": "ClusterIssuer"],
            ],
        ]
    }

    private static let requestStatus: JSONValue = [
        "status": [
            "certificate": pem(579), "ca": pem(576),
            "conditions": [
                condition("Approved", "cert-manager.io", "Certificate request has been approved by cert-manager.io"),
                condition("Ready", "Issued", "Certificate fetched from issuer successfully"),
            ],
        ]
    ]

    private static let certificateStatus: JSONValue = {
        var ready = condition("Ready", "Ready", "Certificate is up to date and has not expired")
        ready["observedGeneration"] = 1
        return [
            "status": [
                "notBefore": moment, "notAfter": moment, "renewalTime": moment, "revision": 1, "conditions": [ready],
            ]
        ]
    }()

    private static func condition(_ type: String, _ reason: String, _ message: String) -> JSONValue {
        [
            "type": .string(type), "status": "True", "reason": .string(reason), "message": .string(message),
            "lastTransitionTime": moment,
        ]
    }

    private static func secret(_ key: ObjectKey) -> JSONValue {
        let names = [
            "alt-names", "certificate-name", "common-name", "ip-sans", "issuer-group", "issuer-kind", "issuer-name",
            "uri-sans",
        ]
        var annotations: JSONValue = [:]
        for name in names { annotations["cert-manager.io/\(name)"] = .string(key.name) }
        return [
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": [
                "name": .string(key.name), "namespace": .string(key.namespace), "annotations": annotations,
                "labels": ["controller.cert-manager.io/fao": "true"],
            ],
            "data": ["tls.crt": pem(579), "tls.key": pem(228), "ca.crt": pem(576)],
        ]
    }
}
