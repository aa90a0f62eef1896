import CertificateAPI
package import DNSProviders
package import HTTPTransport
package import KubeModel
package import Wire

/// What a remote issuer may use of the world.
package struct IssuerContext: Sendable {
    package var secrets: any SecretSource
    package var accounts: any ServiceAccountTokens
    package var http: any HTTPTransport
    package var time: any TimeSource
    /// Names this program and its HTTP library, with their versions.
    package var userAgent: String
    package var ambient: AmbientCredentials
    package var machine: any MachineSource
    package var venafi: VenafiObserver
    /// Credentials of the machine that are good for a while.
    let memory = ProviderMemory()

    package init(
        secrets: any SecretSource, accounts: any ServiceAccountTokens, http: any HTTPTransport, time: any TimeSource,
        userAgent: String, ambient: AmbientCredentials = AmbientCredentials(),
        machine: any MachineSource = BareMachine(), venafi: @escaping VenafiObserver = { _ in }
    ) {
        self.secrets = secrets
        self.accounts = accounts
        self.http = http
        self.time = time
        self.userAgent = userAgent
        self.ambient = ambient
        self.machine = machine
        self.venafi = venafi
    }
}

/// Which issuers may use credentials that the program itself was started with.
package struct AmbientCredentials: Sendable, Hashable {
    package var issuers: Bool
    package var clusterIssuers: Bool

    package init(issuers: Bool = false, clusterIssuers: Bool = true) {
        self.issuers = issuers
        self.clusterIssuers = clusterIssuers
    }

    package func allows(_ issuer: IssuerIdentity) -> Bool { issuer.namespace == nil ? clusterIssuers : issuers }
}

/// Has tokens of service accounts made; the room above knows the client.
package protocol ServiceAccountTokens: Sendable {
    /// Throws a sentence's worth of error: the account is not there, or the right to ask for its tokens is missing.
    func token(of account: ObjectKey, audiences: [String], lifetimeSeconds: Int64) async throws -> Redacted<String>
}

/// Why a Secret or a service account that an issuer names is of no use.
package enum CredentialProblem: Error, Sendable, Hashable, CustomStringConvertible {
    case secretMissing(ObjectKey)
    case secretLacks(ObjectKey, dataKey: String)
    case secretUnreadable(ObjectKey, detail: String)
    case unusable(ObjectKey, dataKey: String, detail: String)
    case noToken(ObjectKey, detail: String)

    package var description: String {
        switch self {
        case .secretMissing(let key): "Secret \(key) does not exist; create it"
        case .secretLacks(let key, let dataKey): "Secret \(key) has no data under \"\(dataKey)\""
        case .secretUnreadable(let key, let detail): "Secret \(key) could not be read: \(detail)"
        case .unusable(let key, let dataKey, let detail): "\(dataKey) in Secret \(key) cannot be used: \(detail)"
        case .noToken(let account, let detail):
            "No token of service account \(account) could be had: \(detail). The controller needs the right to create "
                + "serviceaccounts/token for that account, which you grant with a Role in its namespace"
        }
    }

    /// For the event of a request that waits; `otherwise` is the issuer's own word.
    package func requestReason(otherwise: String) -> String {
        switch self {
        case .secretMissing, .secretLacks: "SecretMissing"
        case .secretUnreadable, .unusable, .noToken: otherwise
        }
    }
}

extension IssuerContext {
    func secret(_ name: ObjectKey) async throws(CredentialProblem) -> Secret {
        let secret: Secret?
        do {
            secret = try await secrets.secret(name)
        } catch {
            throw .secretUnreadable(name, detail: "\(error)")
        }
        guard let secret else { throw .secretMissing(name) }
        return secret
    }

    /// The octets that a reference names.
    func octets(
        _ name: String, _ dataKey: String, of issuer: IssuerIdentity
    ) async throws(CredentialProblem) -> [UInt8] {
        let key = ObjectKey(namespace: issuer.resourceNamespace, name: name)
        guard let octets = try await secret(key)[dataKey], !octets.isEmpty else {
            throw .secretLacks(key, dataKey: dataKey)
        }
        return octets
    }

    /// The text that a reference names, without the blanks and line ends that editors leave around it.
    func text(
        _ reference: SecretKeySelector, default dataKey: String, of issuer: IssuerIdentity
    ) async throws(CredentialProblem) -> Redacted<String> {
        try await text(reference.name, reference.key.nonEmpty ?? dataKey, of: issuer)
    }

    func text(
        _ name: String, _ dataKey: String, of issuer: IssuerIdentity
    ) async throws(CredentialProblem) -> Redacted<String> {
        let octets = try await octets(name, dataKey, of: issuer)
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }
        let trimmed = octets.drop(while: isBlank).reversed().drop(while: isBlank).reversed()
        let key = ObjectKey(namespace: issuer.resourceNamespace, name: name)
        guard let text = String(validating: trimmed, as: UTF8.self), !text.isEmpty else {
            throw .unusable(key, dataKey: dataKey, detail: "it is not a text")
        }
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw .unusable(key, dataKey: dataKey, detail: "it holds control characters")
        }
        return Redacted(text)
    }

    func token(
        of account: ServiceAccountReference, audiences: [String], _ issuer: IssuerIdentity
    ) async throws(CredentialProblem) -> Redacted<String> {
        let key = ObjectKey(namespace: issuer.resourceNamespace, name: account.name)
        do {
            return try await accounts.token(of: key, audiences: audiences, lifetimeSeconds: 600)
        } catch {
            throw .noToken(key, detail: "\(error)")
        }
    }
}
