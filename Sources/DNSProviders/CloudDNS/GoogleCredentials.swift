import CertificateAPI
import HTTPTransport
import HTTPTypes
import KubeModel
import PKI
import Wire

/// Access tokens of Google: for a service account's key (developers.google.com/identity/protocols/oauth2/service-account#httprest),
/// or from the metadata server, where GKE's workload identity leaves them (cloud.google.com/compute/docs/access/authenticate-workloads).
struct GoogleCredentials: Sendable {
    static let provider = "Google Cloud DNS"
    private static let scope = "https://www.googleapis.com/auth/ndev.clouddns.readwrite"

    let context: ProviderContext

    func token(key reference: SecretKeySelector?) async throws(DNSProviderError) -> Redacted<String> {
        guard let reference else { return try await ambient() }
        let octets = try await context.value(of: reference, at: context.path["serviceAccountSecretRef"]).reveal()
        let secret = ObjectKey(namespace: context.namespace, name: reference.name)
        let account: Account
        do {
            account = try Account(octets)
        } catch {
            throw .secretMalformed(secret, dataKey: reference.key ?? "", detail: error.sentence)
        }
        let kept = AccountKey(
            "Google", [account.email, account.keyID, account.tokenURL, Hex.encode(Digest.sha256(octets))])
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
        struct Malformed: Error {
            var sentence: String
        }

        let email: String
        let keyID: String
        let key: PrivateKey
        let tokenURL: String

        init(_ octets: [UInt8]) throws(Malformed) {
            guard let json = try? JSONValue(parsing: octets), case .object = json else {
                throw Malformed(sentence: "it is not JSON")
            }
            guard json["type"]?.stringValue == "service_account" else {
                throw Malformed(
                    sentence: "it is not the key of a service account: its \"type\" must be service_account")
            }
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
