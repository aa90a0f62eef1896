import CertificateAPI
import HTTPTransport
import KubeClient
import KubeModel
import KubeRuntime
import TestSupport
import Testing

@testable import Controllers

@Suite("Secrets between the watch for those with our label and the watch for the others")
struct SecretStoreTests {
    /// What the watches bring while the API server is being asked.
    enum Meanwhile: CaseIterable {
        case nothing, comesWithoutLabel, comesWithLabel, comesWithLabelNewer
    }

    @Test("a Secret that changes watches while it is asked for is there", arguments: Meanwhile.allCases)
    func between(_ meanwhile: Meanwhile) async throws {
        let (facts, others) = (Cache<SecretFacts>(), Cache<KubeModel.SecretMetadata>())
        let transport = Interrupted {
            switch meanwhile {
            case .nothing: break
            case .comesWithoutLabel: others.record(KubeModel.SecretMetadata(metadata: Self.metadata("7")))
            case .comesWithLabel: facts.record(SecretFacts(metadata: Self.metadata("7")))
            case .comesWithLabelNewer: facts.record(SecretFacts(metadata: Self.metadata("8")))
            }
        }
        let store = SecretStore(client: Self.client(transport), facts: facts, others: others)
        let found = try await store.look(at: Self.key, isExpected: true)
        #expect(found?.metadata.resourceVersion == (meanwhile == .comesWithLabelNewer ? "8" : "7"))
        if meanwhile != .nothing { #expect(store.knownFacts(Self.key) != nil) }
    }

    @Test("the API server is asked once for a Secret without our label, and for none that nobody expects")
    func once() async throws {
        let others = Cache<KubeModel.SecretMetadata>()
        let transport = Interrupted {}
        let store = SecretStore(client: Self.client(transport), facts: Cache(), others: others)
        #expect(try await store.look(at: Self.key) == nil)
        #expect(transport.asked == 0)
        others.record(KubeModel.SecretMetadata(metadata: Self.metadata("7")))
        for _ in 1...3 { #expect(try await store.look(at: Self.key, isExpected: true) != nil) }
        #expect(transport.asked == 1)
    }

    private static let key = ObjectKey(namespace: "ns", name: "site-tls")

    private static func metadata(_ version: String) -> ObjectMeta {
        var metadata = ObjectMeta(name: key.name, namespace: key.namespace)
        metadata.uid = "u"
        metadata.resourceVersion = version
        return metadata
    }

    private static func client(_ transport: some HTTPTransport) -> KubeClient {
        KubeClient(
            configuration: ClusterConfiguration(
                server: "https://api.test", tls: .system, credentials: FixedCredential(Authorization())),
            transport: transport, userAgent: "certwright/test", retries: RetryPolicy(tries: 1))
    }
}

/// An API server that has one Secret, and takes its time to say so.
private final class Interrupted: HTTPTransport {
    private let meanwhile: @Sendable () -> Void
    private let answers = ScriptedTransport(
        Array(
            repeating: .response(
                status: 200,
                body: #"{"metadata":{"name":"site-tls","namespace":"ns","uid":"u","resourceVersion":"7"}}"#), count: 3))

    init(_ meanwhile: @escaping @Sendable () -> Void) { self.meanwhile = meanwhile }

    var asked: Int { answers.requests.count }

    func withResponse<R: Sendable>(
        to request: TransportRequest, _ use: (ResponseHead, ResponseBody) async throws -> R
    ) async throws -> R {
        meanwhile()
        return try await answers.withResponse(to: request, use)
    }
}
