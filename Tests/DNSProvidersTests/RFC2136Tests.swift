import CertificateAPI
import DNSProviders
import DNSWire
import KubeModel
import NIOPosix
import TestSupport
import Testing
import Wire

@Suite("RFC 2136 against Knot", .enabled(if: Knot.isInstalled, "knotd is not installed"))
struct RFC2136Tests {
    private struct Secrets: SecretSource {
        var data: [ObjectKey: [String: Base64Data]]

        func secret(_ key: ObjectKey) async throws -> Secret? {
            data[key].map { Secret(metadata: ObjectMeta(name: key.name, namespace: key.namespace), data: $0) }
        }
    }

    private static let keySecret = "azN5VDBrZW4tdHNpZy0wMTIzNDU2Nzg5YWJjZGVmMDE="
    private static let client = DNSClient(group: MultiThreadedEventLoopGroup.singleton, timeout: .seconds(2))

    private static func context(_ knot: Knot) -> ProviderContext {
        let key = ObjectKey(namespace: "ns", name: "tsig")
        // A line's end behind the secret, as people leave it there.
        let data = ["secret": Base64Data(utf8: keySecret + "\n"), "bad": Base64Data(utf8: "no base64!")]
        return ProviderContext(
            secrets: Secrets(data: [key: data]), namespace: "ns",
            resolver: Resolver(servers: [.plain(knot.endpoint)], client: client), http: ScriptedTransport([]),
            time: SystemTime(), allowsAmbientCredentials: false)
    }

    private static func provider(
        _ knot: Knot, keyName: String? = "k1", dataKey: String = "secret", secret: String = "tsig",
        transport: String = "UDP"
    ) async throws -> any DNSProvider {
        var config: JSONValue = [
            "nameserver": .string(knot.endpoint.description), "protocol": .string(transport),
            "tsigAlgorithm": "hmacsha256",
        ]
        if let keyName {
            config["tsigKeyName"] = .string(keyName)
            config["tsigSecretSecretRef"] = ["name": .string(secret), "key": .string(dataKey)]
        }
        var stanza = Solver.DNS01()
        stanza.providers["rfc2136"] = config
        return try await DNSProviderRegistry.standard.provider(
            for: stanza, at: FieldPath("spec.solver.dns01"), in: context(knot))
    }

    private static func options() -> Knot.Options {
        var options = Knot.Options()
        options.keys = [Knot.Key(name: "k1", algorithm: "hmac-sha256", secret: keySecret)]
        return options
    }

    private static func texts(_ record: TXTRecord, _ knot: Knot) async throws -> [String] {
        try await client.query(record.name, .txt, at: .plain(knot.endpoint)).answers.compactMap(\.data.text).sorted()
    }

    @Test(
        "two values live under one name, each goes alone, and saying it again changes nothing (N2d)",
        arguments: ["UDP", "TCP"])
    func contract(transport: String) async throws {
        try await Knot.run(Self.options()) { knot in
            let provider = try await Self.provider(knot, transport: transport)
            let name = try DNSName("_acme-challenge.a.b.\(knot.zone)")
            let (one, two) = (TXTRecord(name: name, value: "one"), TXTRecord(name: name, value: "two"))
            for record in [one, two, one] { try await provider.present(record) }
            #expect(try await Self.texts(one, knot) == ["one", "two"])
            for _ in 0..<2 { try await provider.cleanUp(one) }
            #expect(try await Self.texts(one, knot) == ["two"])
            try await provider.cleanUp(two)
            #expect(try await Self.texts(one, knot) == [])
        }
    }

    @Test("a missing Secret, a missing key in it and bad base64 are told apart")
    func secrets() async throws {
        try await Knot.run(Self.options()) { knot in
            let key = ObjectKey(namespace: "ns", name: "tsig")
            await #expect(throws: DNSProviderError.secretLacks(key, dataKey: "other")) {
                try await Self.provider(knot, dataKey: "other")
            }
            await #expect(throws: DNSProviderError.secretNotBase64(key, dataKey: "bad")) {
                try await Self.provider(knot, dataKey: "bad")
            }
            await #expect(throws: DNSProviderError.secretMissing(ObjectKey(namespace: "ns", name: "gone"))) {
                try await Self.provider(knot, secret: "gone")
            }
        }
    }

    @Test("a key that the server does not know is an error that names it")
    func unknownKey() async throws {
        try await Knot.run(Self.options()) { knot in
            let provider = try await Self.provider(knot, keyName: "k2")
            let record = TXTRecord(name: try DNSName("_acme-challenge.\(knot.zone)"), value: "v")
            do throws(DNSProviderError) {
                try await provider.present(record)
                Issue.record("the update was accepted")
            } catch {
                #expect(error.description.contains("BADKEY"))
                #expect(error.description.contains("k2"))
                #expect(!error.isTerminal)
            }
        }
    }
}
