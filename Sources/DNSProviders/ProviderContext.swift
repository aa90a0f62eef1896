package import CertificateAPI
package import DNSWire
package import HTTPTransport
package import KubeModel
package import Wire

/// What a provider may use of the world.
package struct ProviderContext: Sendable {
    package var secrets: any SecretSource
    /// Where the Secrets and ServiceAccounts live that the configuration names.
    package var namespace: String
    /// Asks recursive servers.
    package var resolver: Resolver
    package var http: any HTTPTransport
    package var time: any TimeSource
    /// Whether the credentials that the machine itself has may be used.
    package var allowsAmbientCredentials: Bool
    /// What this process knows of zones, tokens and limits; one for all providers.
    package var memory: ProviderMemory
    package var machine: any MachineSource
    package var cluster: any ClusterSource
    /// The configuration's own, such as `spec.solver.dns01.cloudflare`, for errors that name a field.
    package var path = FieldPath("dns01")
    /// The challenge that is worked on.
    package var challenge = ChallengeFacts()

    package init(
        secrets: any SecretSource, namespace: String, resolver: Resolver, http: any HTTPTransport,
        time: any TimeSource, allowsAmbientCredentials: Bool, memory: ProviderMemory = ProviderMemory(),
        machine: any MachineSource = BareMachine(), cluster: any ClusterSource = NoCluster()
    ) {
        self.secrets = secrets
        self.namespace = namespace
        self.resolver = resolver
        self.http = http
        self.time = time
        self.allowsAmbientCredentials = allowsAmbientCredentials
        self.memory = memory
        self.machine = machine
        self.cluster = cluster
    }
}

/// What interfaces want to know of a challenge beside its record.
package struct ChallengeFacts: Sendable, Hashable {
    /// The name to be proven, without a wildcard; empty where nobody said it.
    package var dnsName = ""
    package var uid = ""

    package init(dnsName: String = "", uid: String = "") {
        self.dnsName = dnsName
        self.uid = uid
    }
}

/// Reads Secrets for providers; the room above knows the cache and the client.
package protocol SecretSource: Sendable {
    /// Nil when the cluster has none of that name. Throws when that cannot be told.
    func secret(_ key: ObjectKey) async throws -> Secret?
}

/// The environment and the files of the process: where clouds leave the credentials of a machine or a pod.
package protocol MachineSource: Sendable {
    func variable(_ name: String) -> String?
    /// At most a megabyte. Nil where there is no such file that can be read.
    func file(_ path: String) -> [UInt8]?
}

/// A machine that has neither.
package struct BareMachine: MachineSource {
    package init() {}
    package func variable(_ name: String) -> String? { nil }
    package func file(_ path: String) -> [UInt8]? { nil }
}

/// What providers ask of the API server.
package protocol ClusterSource: Sendable {
    /// Sends `body` and reads the answer of an aggregated API.
    func post(_ path: String, _ body: JSONValue) async throws(ClusterFailure) -> JSONValue
    /// A token of a ServiceAccount (`TokenRequest`).
    func token(
        of account: ObjectKey, audiences: [String], seconds: Int
    ) async throws(ClusterFailure) -> Redacted<String>
    /// Puts `octets` under a key of a Secret, provided that what stands there is still `old` (nil for nothing).
    /// False where it is not, or the Secret changed meanwhile.
    func replace(
        _ dataKey: String, of secret: ObjectKey, _ old: [UInt8]?, with octets: [UInt8]
    ) async throws(ClusterFailure) -> Bool
}

/// Why the API server did not do it. `status` is nil where there was no answer; `detail` is a sentence.
package struct ClusterFailure: Error, Sendable, Hashable {
    package var status: Int?
    package var detail: String

    package init(status: Int?, detail: String) {
        self.status = status
        self.detail = detail
    }
}

/// Where there is no API server to ask.
package struct NoCluster: ClusterSource {
    package init() {}
    package func post(_ path: String, _ body: JSONValue) async throws(ClusterFailure) -> JSONValue {
        throw ClusterFailure(status: nil, detail: "there is no API server here")
    }
    package func token(
        of account: ObjectKey, audiences: [String], seconds: Int
    ) async throws(ClusterFailure) -> Redacted<String> {
        throw ClusterFailure(status: nil, detail: "there is no API server here")
    }
    package func replace(
        _ dataKey: String, of secret: ObjectKey, _ old: [UInt8]?, with octets: [UInt8]
    ) async throws(ClusterFailure) -> Bool {
        throw ClusterFailure(status: nil, detail: "there is no API server here")
    }
}

extension ProviderContext {
    /// The octets that a reference in the configuration names. `path` is the reference's own, for the error.
    package func value(
        of reference: SecretKeySelector, at path: FieldPath
    ) async throws(DNSProviderError) -> Redacted<[UInt8]> {
        guard let dataKey = reference.key.nonEmpty else { throw .invalid([.required(path["key"])]) }
        let key = ObjectKey(namespace: namespace, name: reference.name)
        let secret: Secret?
        do {
            secret = try await secrets.secret(key)
        } catch {
            throw .secretUnreadable(key, detail: "\(error)")
        }
        guard let secret else { throw .secretMissing(key) }
        guard let octets = secret[dataKey], !octets.isEmpty else { throw .secretLacks(key, dataKey: dataKey) }
        return Redacted(octets)
    }

    /// A token or password: text without the space and line ends that people leave around it.
    ///
    /// Text that could not stand in a header field is refused here, so that no transport ever quotes it.
    package func text(
        of reference: SecretKeySelector, at path: FieldPath
    ) async throws(DNSProviderError) -> Redacted<String> {
        let octets = try await value(of: reference, at: path).reveal()
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
        let trimmed = octets.drop(while: isSpace).reversed().drop(while: isSpace).reversed()
        let key = ObjectKey(namespace: namespace, name: reference.name)
        let dataKey = reference.key ?? ""
        guard !trimmed.isEmpty else { throw .secretLacks(key, dataKey: dataKey) }
        guard trimmed.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw .secretMalformed(key, dataKey: dataKey, detail: "it is not one line of ASCII text")
        }
        return Redacted(String(decoding: trimmed, as: UTF8.self))
    }

    /// The same for a field `name` of the configuration.
    package func text(
        of reference: SecretKeySelector?, in name: String
    ) async throws(DNSProviderError) -> Redacted<String> {
        guard let reference else { throw .invalid([.required(path[name])]) }
        return try await text(of: reference, at: path[name])
    }
}
