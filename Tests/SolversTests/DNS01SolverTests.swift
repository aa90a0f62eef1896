import CertificateAPI
import DNSProviders
import DNSWire
import HTTPTransport
import HTTPTypes
import KubeClient
import KubeModel
import NIOPosix
import TestSupport
import Testing
import Wire

@testable import Solvers

@Suite("DNS-01 through a provider")
struct DNS01SolverTests {
    private struct OneSecret: SecretSource {
        func secret(_ key: ObjectKey) async throws -> Secret? {
            Secret(
                metadata: ObjectMeta(name: key.name, namespace: key.namespace),
                data: ["token": Base64Data(utf8: "cloudflare-token-1")])
        }
    }

    private static func solver(_ transport: ScriptedTransport, _ time: ManualClock) -> DNS01Solver {
        DNS01Solver(
            options: DNS01Options(recursiveServers: []),
            client: DNSClient(group: MultiThreadedEventLoopGroup.singleton, timeout: .seconds(1)), secrets: OneSecret(),
            http: transport, time: time)
    }

    private static func challenge() throws -> Challenge {
        try Samples.challenge(
            .dns01,
            solver: Samples.solver(#"{"dns01":{"cloudflare":{"apiTokenSecretRef":{"name":"cf","key":"token"}}}}"#))
    }

    @Test("a provider that wants a pause gets it to the second, and nobody asks again before")
    func pause() async throws {
        let transport = ScriptedTransport([.response(status: 429, headers: [.retryAfter: "90"], body: "")])
        let time = ManualClock()
        let solver = Self.solver(transport, time)
        let challenge = try Self.challenge()
        for left in [90, 60] {
            do throws(SolverError) {
                try await solver.present(challenge)
                Issue.record("nothing failed")
            } catch {
                #expect(
                    error
                        == .notNow(
                            "Cloudflare takes no more requests for now; trying again when it does",
                            again: .seconds(left)))
            }
            time.advance(by: .seconds(30))
        }
        #expect(transport.requests.count == 1)
    }

    @Test("what is known of zones outlives an errand")
    func memory() async throws {
        let zones =
            #"{"success":true,"result":[{"id":"z1","name":"example.com"}],"result_info":{"total_pages":1}}"#
        let made = #"{"success":true,"result":{"id":"r1"}}"#
        let transport = ScriptedTransport([
            .response(status: 200, body: zones), .response(status: 200, body: made), .response(status: 200, body: made),
        ])
        let solver = Self.solver(transport, ManualClock())
        for _ in 0..<2 { try await solver.present(try Self.challenge()) }
        #expect(transport.requests.map(\.method.rawValue) == ["GET", "POST", "POST"])
        #expect(transport.unused == 0)
    }
}

@Suite("What providers ask of the API server")
struct ClusterDoorTests {
    private static func door(_ transport: ScriptedTransport) -> ClusterDoor {
        ClusterDoor(
            KubeClient(
                configuration: ClusterConfiguration(
                    server: "https://api.test:6443", tls: .system, credentials: FixedCredential(Authorization())),
                transport: transport, userAgent: "certwright/test", time: ManualClock()))
    }

    private static let secret = ObjectKey(namespace: "ns", name: "acme-dns")

    @Test("a token is asked for by a TokenRequest")
    func token() async throws {
        let transport = ScriptedTransport([.response(status: 201, body: #"{"status":{"token":"jwt-1"}}"#)])
        let token = try await Self.door(transport).token(
            of: ObjectKey(namespace: "ns", name: "acme"), audiences: ["sts.amazonaws.com"], seconds: 600)
        #expect(token.reveal() == "jwt-1")
        let request = try #require(transport.requests.first)
        #expect(request.url == "https://api.test:6443/api/v1/namespaces/ns/serviceaccounts/acme/token")
        #expect(
            try JSONValue(parsing: request.body ?? []) == [
                "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                "spec": ["audiences": ["sts.amazonaws.com"], "expirationSeconds": 600],
            ])
    }

    @Test("a key of a Secret is replaced only while it is what was read, and under its version")
    func replace() async throws {
        let stored = #"{"metadata":{"resourceVersion":"7"},"data":{"k":"b2xk","other":"eA=="}}"#
        let transport = ScriptedTransport([
            .response(status: 200, body: stored), .response(status: 200, body: "{}"),
            .response(status: 200, body: stored),
            .response(status: 200, body: stored),
            .response(status: 409, body: #"{"kind":"Status","code":409,"reason":"Conflict"}"#),
        ])
        let door = Self.door(transport)
        #expect(try await door.replace("k", of: Self.secret, Array("old".utf8), with: Array("new".utf8)))
        let patch = try #require(transport.requests.last)
        #expect(patch.method == .patch)
        #expect(
            try JSONValue(parsing: patch.body ?? [])
                == ["metadata": ["resourceVersion": "7"], "data": ["k": "bmV3"]])
        #expect(try await !door.replace("k", of: Self.secret, nil, with: []))
        #expect(try await !door.replace("k", of: Self.secret, Array("old".utf8), with: []))
        #expect(transport.unused == 0)
    }

    @Test("a refusal keeps its status")
    func refusal() async throws {
        let transport = ScriptedTransport([
            .response(status: 403, body: #"{"kind":"Status","code":403,"reason":"Forbidden","message":"no"}"#)
        ])
        do throws(ClusterFailure) {
            _ = try await Self.door(transport).post("/apis/g/v1alpha1/s", [:])
            Issue.record("nothing failed")
        } catch {
            #expect(error.status == 403)
        }
    }
}
