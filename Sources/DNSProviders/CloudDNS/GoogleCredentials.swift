import CertificateAPI
import HTTPTransport
import HTTPTypes
import KubeModel
import PKI
import Wire

/// Access tokens of Google: for a service account's key (developers.google.com/identity/protocols/oauth2/service-account#httprest),
/// for a token of another identity provider (`GoogleFederation`), or from the metadata server, where GKE's workload identity leaves them (cloud.google.com/compute/docs/access/authenticate-workloads).
struct GoogleCredentials: Sendable {
    static let provider = "Google Cloud DNS"
    private static let scope = "https://www.googleapis.com/auth/ndev.clouddns.readwrite"

    let context: ProviderContext

    func token(key reference: SecretKeySelector?) async throws(DNSProviderError) -> Redacted<String> {
        guard let reference else { return try await ambient() }
        let octets = try await context.value(of: reference, at: context.path["serviceAccountSecretRef"]).reveal()
        let secret = ObjectKey(namespace: context.namespace, name: reference.name)
        let file: GoogleFile
        do {
            file = try GoogleFile(octets)
        } catch {
            throw .secretMalformed(secret, dataKey: reference.key ?? "", detail: error.sentence)
        }
        return try await token(of: file, octets)
    }

    private func token(of file: GoogleFile, _ octets: [UInt8]) async throws(DNSProviderError) -> Redacted<String> {
        let digest = Hex.encode(Digest.sha256(octets))
        let account: Account
        switch file {
        case .account(let found): account = found
        case .federation(let federation):
            let kept = AccountKey("Google federation", [federation.audience, digest])
            return try await context.memory.token(for: kept, at: context.time) { () async throws(DNSProviderError) in
                try await federation.token(scope: Self.scope, in: context)
            }
        }
        let kept = AccountKey("Google", [account.email, account.keyID, account.tokenURL, digest])
        return try await context.memory.token(for: kept, at: context.time) { () async throws(DNSProviderError) in
            let assertion = try await assertion(of: account)
            return try await OAuth(provider: Self.provider, context: context, secrets: [assertion]).token(
                from: account.tokenURL,
                [
                    ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion.reveal()),
                ])
        }
    }

    private func ambient() async throws(DNSProviderError) -> Redacted<String> {
        guard context.allowsAmbientCredentials else {
            throw .noCredentials(
                provider: Self.provider,
                detail:
                    "serviceAccountSecretRef is not set, and credentials of the machine are for ClusterIssuers only,"
                    + " unless --issuer-ambient-credentials is set")
        }
        if let path = context.machine.variable("GOOGLE_APPLICATION_CREDENTIALS").nonEmpty {
            return try await token(ofFile: path)
        }
        let host = context.machine.variable("GCE_METADATA_HOST").nonEmpty ?? "metadata.google.internal"
        return try await context.memory.token(for: AccountKey("Google metadata", [host]), at: context.time) {
            () async throws(DNSProviderError) in
            var request = TransportRequest(
                url: "http://\(host)/computeMetadata/v1/instance/service-accounts/default/token?scopes="
                    + Self.scope.escapedForPath, proxy: .none)
            request.headers[.metadataFlavor] = "Google"
            do throws(DNSProviderError) {
                return try await OAuth(provider: Self.provider, context: context, secrets: []).token(request)
            } catch .unreachable(_, let detail) {
                throw .noCredentials(
                    provider: Self.provider,
                    detail: "serviceAccountSecretRef is not set, and there is no metadata server to ask: \(detail)")
            }
        }
    }

    /// Of the file that Google's own libraries look for first (cloud.google.com/docs/authentication/application-default-credentials).
    private func token(ofFile path: String) async throws(DNSProviderError) -> Redacted<String> {
        guard let octets = context.machine.file(path) else {
            throw .noCredentials(
                provider: Self.provider, detail: "GOOGLE_APPLICATION_CREDENTIALS names \(path), which cannot be read")
        }
        let file: GoogleFile
        do {
            file = try GoogleFile(octets)
        } catch {
            throw .noCredentials(
                provider: Self.provider,
                detail: "\(path), which GOOGLE_APPLICATION_CREDENTIALS names, cannot be used: \(error.sentence)")
        }
        return try await token(of: file, octets)
    }

    /// A JWT that the key signs (RFC 7523).
    private func assertion(of account: Account) async throws(DNSProviderError) -> Redacted<String> {
        let now = context.time.now().secondsSince1970
        let header: JSONValue = ["alg": "RS256", "typ": "JWT", "kid": .string(account.keyID)]
        let claims: JSONValue = [
            "iss": .string(account.email), "scope": .string(Self.scope), "aud": .string(account.tokenURL),
            "iat": .integer(now), "exp": .integer(now + 3600),
        ]
        let text = "\(Base64.encodeURL(header.serialized())).\(Base64.encodeURL(claims.serialized()))"
        do {
            let signature = try await account.key.sign(Array(text.utf8), .sha256WithRSA)
            return Redacted("\(text).\(Base64.encodeURL(signature))")
        } catch {
            throw .refused(provider: Self.provider, detail: "the token request could not be signed: \(error)")
        }
    }

    /// What the file of a service account's key says.
    struct Account: Sendable {
        typealias Malformed = GoogleFile.Malformed

        let email: String
        let keyID: String
        let key: PrivateKey
        let tokenURL: String

        init(_ json: JSONValue) throws(Malformed) {
            guard let email = json["client_email"]?.stringValue.nonEmpty,
                let pem = json["private_key"]?.stringValue.nonEmpty
            else { throw Malformed(sentence: "client_email and private_key must be in it") }
            let url = json["token_uri"]?.stringValue.nonEmpty ?? "https://oauth2.googleapis.com/token"
            guard HTTPAddress(url: url)?.scheme == .https else {
                throw Malformed(sentence: "its token_uri is no https URL")
            }
            do {
                key = try PrivateKey(pem: Array(pem.utf8))
            } catch {
                throw Malformed(sentence: "its private_key cannot be read")
            }
            guard case .rsa = key.algorithm else { throw Malformed(sentence: "its private_key is not an RSA key") }
            self.email = email
            keyID = json["private_key_id"]?.stringValue ?? ""
            tokenURL = url
        }
    }
}

extension HTTPField.Name {
    fileprivate static let metadataFlavor = HTTPField.Name("Metadata-Flavor")!  // a legal field name
}
