import CertificateAPI
import HTTPTransport
import HTTPTypes
import KubeModel
import Wire

/// Where the credentials of AWS come from: the configuration, or what the pod and the machine have.
///
/// The order is that of the AWS SDKs: keys, keys of the environment, web identity (IRSA), container (Pod Identity and ECS),
/// instance metadata (IMDSv2).
struct AWSCredentialSource: Sendable {
    typealias Credentials = SigV4.Credentials
    static let provider = "Route 53"

    let config: Route53.Config
    let context: ProviderContext
    let partition: AWSPartition

    /// The credentials to sign with, the role of the configuration taken on.
    func credentials() async throws(DNSProviderError) -> Credentials {
        if let account = config.auth?.kubernetes.serviceAccountRef { return try await kubernetes(account) }
        let own = try await unassumed()
        guard let role = config.role.nonEmpty else { return own }
        let key = AccountKey("AWS role", [role, own.accessKeyID, own.sessionToken?.reveal() ?? ""])
        return try await kept(key) { () async throws(DNSProviderError) in
            try await SecurityTokens(context: context, partition: partition).assume(role, as: own)
        }
    }

    private func unassumed() async throws(DNSProviderError) -> Credentials {
        if config.accessKeyID.nonEmpty != nil || config.accessKeyIDSecretRef != nil
            || config.secretAccessKeySecretRef != nil
        {
            return try await fromSecrets()
        }
        guard context.allowsAmbientCredentials else {
            throw .noCredentials(
                provider: Self.provider,
                detail: "the issuer names no keys, and credentials of the machine are for ClusterIssuers only, unless"
                    + " --issuer-ambient-credentials is set")
        }
        return try await ambient()
    }

    private func fromSecrets() async throws(DNSProviderError) -> Credentials {
        var id = config.accessKeyID ?? ""
        if let reference = config.accessKeyIDSecretRef {
            id = try await context.text(of: reference, at: context.path["accessKeyIDSecretRef"]).reveal()
        }
        guard !id.isEmpty else { throw .invalid([.required(context.path["accessKeyID"])]) }
        let secret = try await context.text(of: config.secretAccessKeySecretRef, in: "secretAccessKeySecretRef")
        return Credentials(accessKeyID: id, secretAccessKey: secret)
    }

    /// A token of the ServiceAccount that the configuration names, exchanged for the role.
    private func kubernetes(
        _ account: Route53.ServiceAccountReference
    ) async throws(DNSProviderError) -> Credentials {
        guard let role = config.role.nonEmpty else {
            throw .invalid([.required(context.path["role"], "must be set along with auth.kubernetes")])
        }
        let audiences = account.audiences?.isEmpty == false ? account.audiences ?? [] : ["sts.amazonaws.com"]
        let name = ObjectKey(namespace: context.namespace, name: account.name)
        let key = AccountKey("AWS service account", [role, "\(name)"] + audiences)
        return try await kept(key) { () async throws(DNSProviderError) in
            let token: Redacted<String>
            do throws(ClusterFailure) {
                token = try await context.cluster.token(of: name, audiences: audiences, seconds: 600)
            } catch {
                throw .noCredentials(
                    provider: Self.provider,
                    detail: "no token of the ServiceAccount \(name) could be had: \(error.detail)")
            }
            return try await SecurityTokens(context: context, partition: partition).exchange(token, for: role)
        }
    }

    private func ambient() async throws(DNSProviderError) -> Credentials {
        let machine = context.machine
        if let id = machine.variable("AWS_ACCESS_KEY_ID").nonEmpty,
            let secret = machine.variable("AWS_SECRET_ACCESS_KEY")
        {
            let session = machine.variable("AWS_SESSION_TOKEN").nonEmpty.map { Redacted($0) }
            return Credentials(accessKeyID: id, secretAccessKey: Redacted(secret), sessionToken: session)
        }
        if let role = machine.variable("AWS_ROLE_ARN").nonEmpty,
            let path = machine.variable("AWS_WEB_IDENTITY_TOKEN_FILE").nonEmpty
        {
            return try await kept(AccountKey("AWS web identity", [role, path])) { () async throws(DNSProviderError) in
                let token = try file(path)
                return try await SecurityTokens(context: context, partition: partition).exchange(token, for: role)
            }
        }
        let metadata = MachineCredentials(context: context)
        if let container = try metadata.containerRequest(reading: file) {
            return try await kept(AccountKey("AWS container", [container.url])) { () async throws(DNSProviderError) in
                try await metadata.container(container)
            }
        }
        return try await kept(AccountKey("AWS instance", [])) { () async throws(DNSProviderError) in
            try await metadata.instance()
        }
    }

    private func file(_ path: String) throws(DNSProviderError) -> Redacted<String> {
        guard let octets = context.machine.file(path) else {
            throw .noCredentials(provider: Self.provider, detail: "the token file \(path) cannot be read")
        }
        let text = String(decoding: octets, as: UTF8.self).filter { !$0.isWhitespace }
        return Redacted(text)
    }

    /// Kept in memory until shortly before they end.
    private func kept(
        _ key: AccountKey, _ fetch: () async throws(DNSProviderError) -> TemporaryCredentials
    ) async throws(DNSProviderError) -> Credentials {
        let text = try await context.memory.token(for: key, at: context.time) { () async throws(DNSProviderError) in
            let temporary = try await fetch()
            return IssuedToken(token: temporary.packed, lifetime: max(.zero, temporary.end - context.time.now()))
        }
        guard let credentials = TemporaryCredentials.unpacked(text) else {
            throw .malformedAnswer(provider: Self.provider, detail: "credentials that cannot be read")
        }
        return credentials
    }
}

/// Credentials that end.
struct TemporaryCredentials: Sendable {
    var credentials: SigV4.Credentials
    var end: Timestamp

    /// The three parts as one secret; none of them holds a line's end.
    var packed: Redacted<String> {
        Redacted(
            [
                credentials.accessKeyID, credentials.secretAccessKey.reveal(), credentials.sessionToken?.reveal() ?? "",
            ].joined(separator: "\n"))
    }

    static func unpacked(_ text: Redacted<String>) -> SigV4.Credentials? {
        let parts = text.reveal().split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3 else { return nil }
        return SigV4.Credentials(
            accessKeyID: parts[0], secretAccessKey: Redacted(parts[1]),
            sessionToken: parts[2].isEmpty ? nil : Redacted(parts[2]))
    }

    /// The JSON of the metadata services.
    init?(json: JSONValue, tokenKey: String) {
        guard let id = json["AccessKeyId"]?.stringValue, let secret = json["SecretAccessKey"]?.stringValue,
            let end = json["Expiration"]?.stringValue.flatMap({ Timestamp(rfc3339: $0) }), !id.contains("\n")
        else { return nil }
        credentials = SigV4.Credentials(
            accessKeyID: id, secretAccessKey: Redacted(secret),
            sessionToken: json[tokenKey]?.stringValue.map { Redacted($0) })
        self.end = end
    }

    /// The XML of the token service.
    init?(xml: XMLElement) {
        guard let element = xml.first("Credentials"), let id = element["AccessKeyId"]?.text,
            let secret = element["SecretAccessKey"]?.text, let token = element["SessionToken"]?.text,
            let end = (element["Expiration"]?.text).flatMap({ Timestamp(rfc3339: $0) })
        else { return nil }
        credentials = SigV4.Credentials(
            accessKeyID: id, secretAccessKey: Redacted(secret),
            sessionToken: Redacted(token.filter { !$0.isWhitespace }))
        self.end = end
    }
}
