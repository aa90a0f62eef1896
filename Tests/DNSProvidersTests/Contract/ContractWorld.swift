import CertificateAPI
import DNSProviders
import DNSWire
import HTTPTransport
import KubeModel
import NIOPosix
import Synchronization
import TestSupport
import Testing
import Wire

/// Secrets that a test changes under the provider.
final class SecretBox: SecretSource {
    private let data: Mutex<[String: [String: String]]>

    init(_ data: [String: [String: String]]) { self.data = Mutex(data) }

    func replace(_ data: [String: [String: String]]) { self.data.withLock { $0 = data } }

    func text(_ name: String, _ dataKey: String) -> String? { data.withLock { $0[name]?[dataKey] } }

    /// As the API server does it for `ClusterSource`.
    func replace(_ dataKey: String, of name: String, _ old: [UInt8]?, with octets: [UInt8]) -> Bool {
        data.withLock { data in
            guard data[name] != nil, data[name]?[dataKey].map({ Array($0.utf8) }) == old else { return false }
            data[name]?[dataKey] = String(decoding: octets, as: UTF8.self)
            return true
        }
    }

    func secret(_ key: ObjectKey) async throws -> Secret? {
        data.withLock { $0[key.name] }.map { values in
            Secret(
                metadata: ObjectMeta(name: key.name, namespace: key.namespace),
                data: values.mapValues { Base64Data(utf8: $0) })
        }
    }
}

struct ScriptedMachine: MachineSource {
    var variables: [String: String]
    var files: [String: String]

    func variable(_ name: String) -> String? { variables[name] }
    func file(_ path: String) -> [UInt8]? { files[path].map { Array($0.utf8) } }
}

/// A provider before its service. Errors are kept, so that they can be searched for credentials.
final class ContractWorld: Sendable {
    static let zone = "example.com"
    static let subzone = "sub.example.com"
    /// The two zones of the tests stand behind so many others that no first page holds them.
    static let zones = (1...230).map { "filler\($0).example.net" } + [zone, subzone]

    let subject: ContractSubject
    let time: LeapingTime
    let server: any ContractServer
    let network: FaultyTransport
    let secrets: SecretBox
    private let memory: Mutex<ProviderMemory>
    private let heard = Mutex<[String]>([])
    private let cluster: any ClusterSource
    private let clock: any TimeSource

    /// `clock`: what the provider goes by, where that is not the time of the fake.
    init(
        _ subject: ContractSubject, time: LeapingTime = LeapingTime(), server: (any ContractServer)? = nil,
        cluster: any ClusterSource = NoCluster(), clock: (any TimeSource)? = nil
    ) {
        self.clock = clock ?? time
        self.subject = subject
        self.time = time
        self.server = server ?? subject.serve(Self.zones, time)
        network = FaultyTransport(self.server.transport)
        secrets = SecretBox(subject.secrets)
        memory = Mutex(ProviderMemory())
        self.cluster = cluster
    }

    /// The process is started anew: nothing is remembered.
    func restart() { memory.withLock { $0 = ProviderMemory() } }

    func context(_ own: ProviderMemory? = nil) -> ProviderContext {
        ProviderContext(
            secrets: secrets, namespace: "ns",
            resolver: Resolver(
                servers: [], client: DNSClient(group: MultiThreadedEventLoopGroup.singleton, timeout: .seconds(1))),
            http: network, time: clock, allowsAmbientCredentials: !subject.machine.isEmpty,
            memory: own ?? memory.withLock { $0 },
            machine: ScriptedMachine(variables: subject.machine, files: subject.files), cluster: cluster)
    }

    /// As the solver does it: a provider for each errand. `own`: the memory of another replica.
    func present(_ value: String, at name: String, own: ProviderMemory? = nil) async throws {
        try await errand(own) { try await $0.present(TXTRecord(name: try DNSName(name), value: value)) }
    }

    func cleanUp(_ value: String, at name: String, own: ProviderMemory? = nil) async throws {
        try await errand(own) { try await $0.cleanUp(TXTRecord(name: try DNSName(name), value: value)) }
    }

    private func errand(_ own: ProviderMemory?, _ work: (any DNSProvider) async throws -> Void) async throws {
        do {
            let provider = try await DNSProviderRegistry.standard.provider(
                for: subject.stanza, at: FieldPath("spec.solver.dns01"), in: context(own))
            try await work(provider)
        } catch {
            hear(error)
            throw error
        }
    }

    /// The error of what must fail.
    func failure(_ work: () async throws -> Void) async -> DNSProviderError? {
        do {
            try await work()
            Issue.record("nothing failed")
            return nil
        } catch {
            guard let error = error as? DNSProviderError else {
                Issue.record("an error of another kind: \(error)")
                return nil
            }
            return error
        }
    }

    /// No credential stands in any error of this test, in any of the forms in which they travel.
    func expectNoCredentialWasHeard() {
        let everything = heard.withLock { $0.joined(separator: "\n") }
        let sets = [subject.secrets, subject.wrongSecrets, subject.restrictedSecrets]
        for secret in sets.flatMap({ Array($0.values) }) {
            for value in secret.values {
                for line in value.split(separator: "\n").map(String.init) where line.utf8.count >= 6 {
                    #expect(!everything.contains(line), "a credential was heard")
                    #expect(!everything.contains(Base64.encode(Array(line.utf8))), "a credential was heard")
                }
            }
        }
    }

    /// Keeps an error to be searched for credentials.
    func hear(_ error: any Error) { heard.withLock { $0 += ["\(error)", String(reflecting: error)] } }

    /// How often replicas race: less where each request goes to a real server.
    var rounds: Int { server is FakeServer ? 12 : 2 }

    func expectValues(
        _ values: [String], at name: String, seed: Int? = nil, location: SourceLocation = #_sourceLocation
    ) async throws {
        let comment: Comment? = seed.map { "round \($0)" }
        #expect(try await server.values(at: name) == values.sorted(), comment, sourceLocation: location)
    }
}
