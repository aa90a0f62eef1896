import CertificateAPI
import DNSProviders
import DNSWire
import KubeModel
import NIOPosix
import Synchronization
import TestSupport
import Testing
import Wire

/// An API server that remembers what it was asked, and answers from a list.
final class ScriptedCluster: ClusterSource {
    enum Answer: Sendable {
        case json(JSONValue)
        case failure(ClusterFailure)
    }
    private let answers: Mutex<[Answer]>
    private let asked = Mutex<[(path: String, body: JSONValue)]>([])
    private let secrets: SecretBox?

    /// `secrets`: where `replace` writes.
    init(_ answers: [Answer] = [], secrets: SecretBox? = nil) {
        self.answers = Mutex(answers)
        self.secrets = secrets
    }

    var requests: [(path: String, body: JSONValue)] { asked.withLock { $0 } }

    func post(_ path: String, _ body: JSONValue) async throws(ClusterFailure) -> JSONValue {
        asked.withLock { $0.append((path, body)) }
        switch answers.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
        case .json(let json)?: return json
        case .failure(let failure)?: throw failure
        case nil: throw ClusterFailure(status: nil, detail: "nobody expected this request")
        }
    }

    func token(
        of account: ObjectKey, audiences: [String], seconds: Int
    ) async throws(ClusterFailure) -> Redacted<String> {
        asked.withLock { $0.append(("token of \(account)", .array(audiences.map { .string($0) }))) }
        return Redacted("k3yT0ken-of-\(account.name)")
    }

    func replace(
        _ dataKey: String, of secret: ObjectKey, _ old: [UInt8]?, with octets: [UInt8]
    ) async throws(ClusterFailure) -> Bool {
        guard let secrets else { throw ClusterFailure(status: nil, detail: "there are no secrets here") }
        return secrets.replace(dataKey, of: secret.name, old, with: octets)
    }
}

@Suite("Webhooks that were written for cert-manager", .enabled(if: Knot.isInstalled, "knotd is not installed"))
struct WebhookTests {
    private static let client = DNSClient(group: MultiThreadedEventLoopGroup.singleton, timeout: .seconds(2))
    private static let config: JSONValue = [
        "groupName": "acme.example.com", "solverName": "my-solver", "config": ["zone": "Z1", "n": 5],
    ]

    private static var open: Knot.Options {
        var options = Knot.Options()
        options.needsKey = false
        return options
    }

    private static func provider(_ cluster: ScriptedCluster, _ knot: Knot) async throws -> any DNSProvider {
        var stanza = Solver.DNS01()
        stanza.providers["webhook"] = config
        var context = ProviderContext(
            secrets: SecretBox([:]), namespace: "ns",
            resolver: Resolver(servers: [.plain(knot.endpoint)], client: client),
            http: ScriptedTransport([]), time: SystemTime(), allowsAmbientCredentials: true, cluster: cluster)
        context.challenge = ChallengeFacts(dnsName: "www.example.test", uid: "uid-1")
        return try await DNSProviderRegistry.standard.provider(for: stanza, at: FieldPath("dns01"), in: context)
    }

    private static func success(_ uid: String = "uid-1") -> ScriptedCluster.Answer {
        .json([
            "apiVersion": "webhook.acme.cert-manager.io/v1alpha1", "response": ["uid": .string(uid), "success": true],
        ])
    }

    @Test("presenting and cleaning up are the ChallengePayloads that webhooks know")
    func payload() async throws {
        try await Knot.run(Self.open) { knot in
            let cluster = ScriptedCluster([Self.success(), Self.success()])
            let provider = try await Self.provider(cluster, knot)
            let record = TXTRecord(name: try DNSName("_acme-challenge.www.example.test"), value: "key-1")
            try await provider.present(record)
            try await provider.cleanUp(record)
            var body: JSONValue = [
                "apiVersion": "webhook.acme.cert-manager.io/v1alpha1", "kind": "ChallengePayload",
                "request": [
                    "uid": "uid-1", "action": "Present", "type": "dns-01", "dnsName": "www.example.test",
                    "key": "key-1",
                    "resourceNamespace": "ns", "resolvedFQDN": "_acme-challenge.www.example.test.",
                    "resolvedZone": "example.test.", "allowAmbientCredentials": true, "config": ["zone": "Z1", "n": 5],
                ],
            ]
            #expect(
                cluster.requests.map(\.path) == Array(repeating: "/apis/acme.example.com/v1alpha1/my-solver", count: 2))
            #expect(cluster.requests.first?.body == body)
            body["request"]?["action"] = "CleanUp"
            #expect(cluster.requests.last?.body == body)
        }
    }

    @Test("what a webhook and the API server say is told apart")
    func failures() async throws {
        try await Knot.run(Self.open) { knot in
            let answers: [ScriptedCluster.Answer] = [
                .json([
                    "response": ["uid": "uid-1", "success": false, "status": ["message": "no such zone", "code": 400]]
                ]),
                .json(["response": ["uid": "uid-1", "success": false]]), .json(["kind": "Status"]),
                .failure(ClusterFailure(status: 403, detail: "forbidden")),
                .failure(ClusterFailure(status: 404, detail: "gone")),
                .failure(ClusterFailure(status: 503, detail: "service unavailable")),
            ]
            let provider = try await Self.provider(ScriptedCluster(answers), knot)
            let record = TXTRecord(name: try DNSName("_acme-challenge.www.example.test"), value: "key-1")
            var texts: [String] = []
            for _ in answers {
                do throws(DNSProviderError) {
                    try await provider.present(record)
                    Issue.record("nothing failed")
                } catch {
                    texts.append(error.description)
                }
            }
            let name = "the webhook acme.example.com/my-solver"
            #expect(
                texts == [
                    "\(name) refused: no such zone", "\(name) refused: it gave no reason",
                    "\(name) answered with what cannot be read: there is no response in it",
                    "the API server does not let these credentials call \(name) (forbidden); they need the verb create on the"
                        + " resource my-solver of the API group acme.example.com",
                    "the API server refused: it does not know \(name): install the webhook, and look at its APIService (gone)",
                    "\(name) cannot be reached: service unavailable",
                ])
        }
    }
}
