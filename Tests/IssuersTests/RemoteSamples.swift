import CertificateAPI
import DNSProviders
import HTTPTransport
import Issuers
import KubeModel
import PKI
import Synchronization
import TestSupport
import Wire

/// Secrets and service accounts as the cluster would have them.
final class RemoteWorld: SecretSource, ServiceAccountTokens {
    struct NoSuchAccount: Error, CustomStringConvertible {
        let description = "serviceaccounts \"vault\" not found"
    }
    private let secrets = Mutex<[ObjectKey: [String: String]]>([:])
    private let answers = Mutex<[ObjectKey: String]>([:])
    private let asked = Mutex<[[String]]>([])

    static let namespace = "ns"
    static let identity = IssuerIdentity(uid: "uid", name: "vault", namespace: "ns", resourceNamespace: "ns")

    func set(_ name: String, _ data: [String: String]?) {
        secrets.withLock { $0[ObjectKey(namespace: Self.namespace, name: name)] = data }
    }
    func setToken(_ account: String, _ token: String) {
        answers.withLock { $0[ObjectKey(namespace: Self.namespace, name: account)] = token }
    }
    /// The audiences of every token asked for.
    var audiences: [[String]] { asked.withLock { $0 } }

    func secret(_ key: ObjectKey) async throws -> Secret? {
        guard let data = secrets.withLock({ $0[key] }) else { return nil }
        return Secret(
            metadata: ObjectMeta(name: key.name, namespace: key.namespace),
            data: data.mapValues { Base64Data(utf8: $0) })
    }

    func token(of account: ObjectKey, audiences: [String], lifetimeSeconds: Int64) async throws -> Redacted<String> {
        asked.withLock { $0.append(audiences) }
        guard let token = answers.withLock({ $0[account] }) else { throw NoSuchAccount() }
        return Redacted(token)
    }

    func context(
        over http: any HTTPTransport, time: any TimeSource = SystemTime(), machine: any MachineSource = BareMachine()
    ) -> IssuerContext {
        IssuerContext(
            secrets: self, accounts: self, http: http, time: time, userAgent: "certwright-tests", machine: machine)
    }
}

enum RemoteSamples {
    /// A request for a server's certificate.
    static func request(
        _ names: [String] = ["site.example.com"], commonName: String? = nil, duration: String? = "24h",
        usages: [String]? = nil, customFields: [String] = [], pickupID: String? = nil
    ) async throws -> RemoteRequest {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var extensions = CertificateExtensions()
        extensions.names = names.map { .dns($0) }
        let csr = try await SigningRequest.make(
            subject: try DistinguishedName(commonName: commonName), extensions: extensions, key: key)
        var spec = CertificateRequest.Spec(
            request: Base64Data(utf8: csr.pem), issuerRef: IssuerReference(name: "issuer"))
        spec.duration = duration
        spec.usages = usages
        return RemoteRequest(
            wanted: try IssuanceRequest(spec), name: ObjectKey(namespace: "ns", name: "site-1"),
            customFields: customFields, pickupID: pickupID)
    }
}

extension RemoteIssuer {
    /// What `sign` comes to.
    func outcome(_ request: RemoteRequest) async -> Result<RemoteAnswer, RemoteError> {
        do throws(RemoteError) { return .success(try await sign(request)) } catch { return .failure(error) }
    }
}
