import CertificateAPI
import HTTPTransport
import HTTPTypes
import KubeModel
import PKI
import Wire

/// Signs through the PKI secrets engine of Vault or OpenBao.
///
/// Least privilege: a policy with `path "<spec.vault.path>" { capabilities = ["create", "update"] }`, and what policy
/// `default` gives (looking at and renewing one's own token).
struct VaultSigner: RemoteIssuer {
    let spec: VaultIssuer
    let issuer: IssuerIdentity
    let context: IssuerContext
    let sessions: Sessions<VaultSessionKey>

    init(_ spec: VaultIssuer, _ issuer: IssuerIdentity, _ context: IssuerContext, sessions: Sessions<VaultSessionKey>) {
        self.spec = spec
        self.issuer = issuer
        self.context = context
        self.sessions = sessions
    }

    var lane: String { spec.server }

    /// The path that signs, from the root of the server.
    private var signPath: String { "/v1/" + spec.path }

    // MARK: Readiness

    func check() async -> IssuerReadiness {
        do throws(Trouble) {
            let client = try await client()
            try await checkHealth(client)
            let key = try await sessionKey(client)
            let lookAgain = try await checkAccess(client, key)
            return IssuerReadiness(
                isReady: true, reason: "VaultVerified", message: "Vault verified", lookAgain: lookAgain)
        } catch {
            return IssuerReadiness(isReady: false, reason: "VaultError", message: error.sentence)
        }
    }

    /// Answers when to look again.
    private func checkAccess(
        _ client: VaultClient, _ key: VaultSessionKey
    ) async throws(Trouble) -> Timestamp? {
        // A kept token may have been revoked meanwhile: the second time it is a new one.
        for isLast in [!key.login.makesTokens, true] {
            let token = try await token(key, client)
            let lookAgain = try await lookAfter(token, key, client)
            if try await probe(client, token, key, isLast: isLast) { return lookAgain }
        }
        return nil
    }

    private func checkHealth(_ client: VaultClient) async throws(Trouble) {
        let health: VaultClient.Health
        do throws(VaultError) { health = try await client.health() } catch {
            throw .vault("Vault at \(spec.server) cannot be used", error)
        }
        switch health {
        case .usable: return
        case .sealed: throw .sentence("Vault at \(spec.server) is sealed; unseal it")
        case .notInitialized: throw .sentence("Vault at \(spec.server) is not initialized; initialize and unseal it")
        case .other(let status):
            throw .sentence(
                "\(spec.server)/v1/sys/health answered \(status), which no Vault or OpenBao does; check spec.vault.server"
            )
        }
    }

    /// A token that somebody else has made is renewed before it ends, where Vault allows that. Answers when to look again.
    private func lookAfter(
        _ token: SessionToken, _ key: VaultSessionKey, _ client: VaultClient
    ) async throws(Trouble) -> Timestamp? {
        let hour = context.time.now() + .seconds(3600)
        guard case .token = key.login else { return hour }
        let found: JSONValue
        do throws(VaultError) {
            found = try await client.send(.get, "/v1/auth/token/lookup-self", token: token.text)
        } catch {
            // A token without policy `default` may not look at itself; whether it is good, signing will tell.
            if error.isDenied { return hour }
            throw .vault("The token of spec.vault.auth.tokenSecretRef could not be looked at", error)
        }
        let left = found["data"]?["ttl"]?.intValue ?? 0
        guard left > 0 else { return hour }  // a root token, or one without end
        let whole = found["data"]?["creation_ttl"]?.intValue ?? left
        let isRenewable = found["data"]?["renewable"]?.boolValue ?? false
        guard isRenewable, left <= whole / 2 else { return min(hour, context.time.now() + .seconds(max(left / 2, 1))) }
        do throws(VaultError) {
            let renewed = try await client.send(
                .post, "/v1/auth/token/renew-self", ["increment": .string("\(whole)s")], token: token.text)
            let seconds = renewed["auth"]?["lease_duration"]?.intValue ?? left
            return min(hour, context.time.now() + .seconds(max(seconds / 2, 1)))
        } catch {
            // It is still good; the next look tries again.
            return min(hour, context.time.now() + .seconds(max(left / 2, 1)))
        }
    }

    /// Asks for a signature without a request to sign: what comes back tells whether the token may, and whether the
    /// engine and the role are there, and nothing is signed.
    ///
    /// False where the token is not accepted and another may be.
    private func probe(
        _ client: VaultClient, _ token: SessionToken, _ key: VaultSessionKey, isLast: Bool
    ) async throws(Trouble) -> Bool {
        // Of another path than those of the engine nobody knows what an empty request does.
        guard spec.path.split(separator: "/").contains(where: { $0.hasPrefix("sign") }), token.uses == nil else {
            return true
        }
        do throws(VaultError) {
            _ = try await client.send(.post, signPath, [:], token: token.text)
            return true
        } catch {
            switch error {
            case .refused(403, _, _):
                sessions.refused(token.text, issuer.uid)
                guard isLast else { return false }
                throw await denied(client, token, key)
            case .refused(404, _, _):
                throw .vault("spec.vault.path \"\(spec.path)\" leads nowhere; is the PKI engine enabled there?", error)
            case .refused(400, let errors, _) where errors.contains(where: { $0.hasPrefix("unknown role") }):
                throw .vault("The role of spec.vault.path \"\(spec.path)\" does not exist; create it", error)
            case .refused(400..<500, _, _): return true  // as expected: there is nothing to sign
            case .refused, .unreachable, .unreadable:
                throw .vault("Vault at \(spec.server) cannot be used", error)
            }
        }
    }

    /// Why a token may not sign: it is good and lacks the right, or it is not good.
    private func denied(
        _ client: VaultClient, _ token: SessionToken, _ key: VaultSessionKey
    ) async -> Trouble {
        let policy = "path \"\(spec.path)\" { capabilities = [\"create\", \"update\"] }"
        do throws(VaultError) {
            _ = try await client.send(.get, "/v1/auth/token/lookup-self", token: token.text)
            return .sentence(
                "Vault denies signing at \"\(spec.path)\" to what spec.vault.auth.\(key.login.field) logs in as; give it "
                    + "a policy with \(policy)")
        } catch {
            guard case .token = key.login else {
                return .sentence("Vault denies signing at \"\(spec.path)\"; the policy must have \(policy)")
            }
            return .sentence(
                "Vault refuses the token of spec.vault.auth.tokenSecretRef: it has ended, was revoked, or its policies "
                    + "lack \(policy). Put a good one into the Secret")
        }
    }

    // MARK: Signing

    func sign(_ request: RemoteRequest) async throws(RemoteError) -> RemoteAnswer {
        let parameters = Self.parameters(request.wanted)
        let answer: JSONValue
        do throws(Trouble) {
            answer = try await signed(parameters)
        } catch {
            throw error.asAnswer(now: context.time.now())
        }
        do {
            let now = context.time.now()
            return .issued(try request.wanted.issued(try Self.certificates(answer), now: now))
        } catch {
            throw .failed(reason: "SigningError", message: "Vault has signed, but not what was asked for: \(error)")
        }
    }

    private func signed(_ parameters: JSONValue) async throws(Trouble) -> JSONValue {
        let client = try await client()
        let key = try await sessionKey(client)
        // A kept token may have been revoked meanwhile: the second time it is a new one.
        for isLast in [false, true] {
            let token = try await token(key, client)
            do throws(VaultError) {
                return try await client.send(.post, signPath, parameters, token: token.text)
            } catch {
                guard error.isDenied else { throw .vault("Vault has not signed", error) }
                sessions.refused(token.text, issuer.uid)
                if isLast || !key.login.makesTokens { throw await denied(client, token, key) }
            }
        }
        throw .sentence("Vault has not signed")
    }

    /// https://developer.hashicorp.com/vault/api-docs/secret/pki#sign-certificate
    static func parameters(_ wanted: IssuanceRequest) -> JSONValue {
        let names = wanted.request.extensions.names
        func list(_ pick: (GeneralName) -> String?) -> JSONValue {
            .string(names.compactMap(pick).joined(separator: ","))
        }
        var parameters: JSONValue = [
            "csr": .string(wanted.request.pem),
            "common_name": .string(wanted.request.subject.commonName ?? ""),
            "alt_names": list { name in
                switch name {
                case .dns(let text), .email(let text): text
                case .ip, .uri, .other, .unknown: nil
                }
            },
            "ip_sans": list { if case .ip(let address) = $0 { address.text } else { nil } },
            "uri_sans": list { if case .uri(let text) = $0 { text } else { nil } },
            "ttl": .string("\(wanted.lifetime.components.seconds)s"),
            "exclude_cn_from_sans": "true",
        ]
        let others = list { if case .other(let oid, let text) = $0 { "\(oid);UTF8:\(text)" } else { nil } }
        if others != "" { parameters["other_sans"] = others }
        return parameters
    }

    /// The certificate and all above it that came along.
    static func certificates(_ answer: JSONValue) throws -> [X509Certificate] {
        guard let data = answer["data"], let leaf = data["certificate"]?.stringValue else {
            throw WrongCertificate(description: "The answer has no certificate")
        }
        let chain = data["ca_chain"]?.arrayValue?.compactMap(\.stringValue) ?? []
        let above = chain.isEmpty ? [data["issuing_ca"]?.stringValue].compactMap(\.self) : chain
        var certificates = try Chain.parse(pem: Array(leaf.utf8))
        for pem in above where !pem.isEmpty { certificates += try Chain.parse(pem: Array(pem.utf8)) }
        return certificates
    }
}

extension VaultLogin {
    /// Whether logging in again brings another token.
    fileprivate var makesTokens: Bool { if case .token = self { false } else { true } }
}
