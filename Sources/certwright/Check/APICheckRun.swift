import CertificateAPI
import CurlTransport
import HTTPTransport
import HTTPTypes
import KubeClient
import KubeModel
import Operations
import PKI
import Wire

/// Asks the API server again and again whether the API can be used.
struct APICheckRun {
    let flags: CheckAPICommand

    /// Whether the API was ready in time; `say` is told what is waited for as that changes, and how it ended.
    func run(_ say: (String) -> Void) async throws -> Bool {
        ProcessSettings.apply()
        let configuration = try flags.connection.configuration()
        let transport = CurlTransport(flags.connection.transportOptions)
        let client = KubeClient(
            configuration: configuration, transport: transport, fieldManager: "certwright-check",
            userAgent: Version.userAgent, retries: RetryPolicy(tries: 1))
        let probe = APIProbe(
            client: client, namespace: flags.namespace ?? ProcessSettings.podNamespace ?? configuration.namespace,
            goodRequest: try await Self.signingRequest())
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await transport.run() }
            defer { transport.shutDown() }
            return try await wait(for: probe, say)
        }
    }

    private func wait(for probe: APIProbe, _ say: (String) -> Void) async throws -> Bool {
        let time = SystemTime()
        let end = time.elapsed() + flags.wait.duration
        var said: String?
        while let missing = await probe.missing() {
            let left = end - time.elapsed()
            guard left > .zero else {
                say("Not ready: \(missing)")
                return false
            }
            if missing != said || flags.isVerbose { say("Waiting: \(missing)") }
            said = missing
            try await time.sleep(for: min(flags.interval.duration, left))
        }
        say("The API is ready.")
        return true
    }

    private static func signingRequest() async throws -> [UInt8] {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var extensions = CertificateExtensions()
        extensions.names = [.dns("certwright-check.invalid")]
        let request = try await SigningRequest.make(
            subject: try DistinguishedName(commonName: "certwright-check"), extensions: extensions, key: key)
        return Array(request.pem.utf8)
    }
}

/// One try after the other.
struct APIProbe: Sendable {
    let client: KubeClient
    let namespace: String
    let goodRequest: [UInt8]

    /// What is still waited for, as a sentence; nil when nothing is.
    func missing() async -> String? {
        for (group, plurals) in APICheck.resources {
            let answer = await answer(
                KubeRequest(method: .get, path: "/apis/\(group)/\(Names.version)", isIdempotent: true))
            if let missing = APICheck.missing(from: answer, group: group, plurals: plurals) { return missing }
        }
        if let problem = APICheck.problem(ofGood: await answer(dryRun(goodRequest))) { return problem }
        return APICheck.problem(ofBad: await answer(dryRun(Array("no signing request".utf8))))
    }

    private func dryRun(_ signingRequest: [UInt8]) -> KubeRequest {
        let object: JSONValue = [
            "apiVersion": .string(CertificateRequest.resource.apiVersion),
            "kind": .string(CertificateRequest.resource.kind),
            "metadata": ["generateName": "certwright-check-", "namespace": .string(namespace)],
            "spec": [
                "request": .string(Base64.encode(signingRequest)),
                "issuerRef": [
                    "name": "certwright-check", "kind": "Issuer", "group": .string(Names.group),
                ],
            ],
        ]
        var request = KubeRequest.create(
            CertificateRequest.resource, namespace: namespace, object, fieldManager: client.fieldManager)
        request.query.append(.init("dryRun", "All"))
        return request
    }

    private func answer(_ request: KubeRequest) async -> APICheck.Answer {
        do throws(KubeError) {
            return .success(try await client.send(request))
        } catch {
            return .failure(error)
        }
    }
}
