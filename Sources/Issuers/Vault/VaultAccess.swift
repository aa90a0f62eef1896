import CertificateAPI
import HTTPTransport
import HTTPTypes
import KubeModel
import Wire

extension VaultSigner {
    /// Why Vault could not be used for an issuer.
    enum Trouble: Error, Sendable {
        case credential(CredentialProblem)
        /// What was attempted, and what came of it.
        case vault(String, VaultError)
        case sentence(String)

        var sentence: String {
            switch self {
            case .credential(let problem): problem.description
            case .vault(let what, let error): "\(what): \(error)"
            case .sentence(let text): text
            }
        }

        /// The same as the answer to a request: only what Vault says against the request itself is for ever.
        func asAnswer(now: Timestamp) -> RemoteError {
            switch self {
            case .vault(_, let error) where error.isAboutRequest: .failed(reason: "SigningError", message: sentence)
            case .vault(_, let error):
                .later(reason: "VaultInitError", message: sentence, notBefore: error.retryAfter.map { now + $0 })
            case .credential(let problem):
                .later(reason: problem.requestReason(otherwise: "VaultInitError"), message: sentence)
            case .sentence: .later(reason: "VaultInitError", message: sentence)
            }
        }
    }

    /// With the roots and the client certificate that the spec names.
    func client() async throws(Trouble) -> VaultClient {
        do throws(CredentialProblem) {
            let connection = try await connection()
            return VaultClient(
                connection: connection, http: context.http, time: context.time, userAgent: context.userAgent)
        } catch {
            throw .credential(error)
        }
    }

    private func connection() async throws(CredentialProblem) -> VaultConnection {
        var trust = TLSOptions.Trust.system
        if let bundle = spec.caBundle?.bytes, !bundle.isEmpty {
            trust = .only(pem: bundle)
        } else if let reference = spec.caBundleSecretRef {
            trust = .only(pem: try await context.octets(reference.name, reference.key.nonEmpty ?? "ca.crt", of: issuer))
        }
        var identity: VaultIdentity?
        if let certificate = spec.clientCertSecretRef, let key = spec.clientKeySecretRef {
            identity = try await VaultIdentity(
                certificate: (certificate.name, certificate.key.nonEmpty ?? "tls.crt"),
                key: (key.name, key.key.nonEmpty ?? "tls.key"), issuer, context)
        }
        var server = spec.server
        while server.hasSuffix("/") { server.removeLast() }
        return VaultConnection(
            server: server, namespace: spec.namespace.nonEmpty,
            tls: TLSOptions(trust: trust, identity: identity?.transport, serverName: spec.serverName.nonEmpty))
    }

    func sessionKey(_ client: VaultClient) async throws(Trouble) -> VaultSessionKey {
        do throws(CredentialProblem) {
            let login = try await VaultLogin(spec.auth, issuer, context)
            return VaultSessionKey(connection: client.connection, login: login)
        } catch {
            throw .credential(error)
        }
    }

    /// The token that is kept, or a new one.
    func token(_ key: VaultSessionKey, _ client: VaultClient) async throws(Trouble) -> SessionToken {
        if case .token(let text) = key.login { return SessionToken(text: text) }
        if case .use(let text) = sessions.step(issuer.uid, key, now: context.time.now()) {
            return SessionToken(text: text)
        }
        do throws(Trouble) {
            let token = try await logIn(key.login, client)
            sessions.keep(token, issuer.uid, key, now: context.time.now())
            return token
        } catch {
            sessions.loginFailed(issuer.uid)
            throw error
        }
    }

    private func logIn(_ login: VaultLogin, _ client: VaultClient) async throws(Trouble) -> SessionToken {
        let (path, body, identity) = try await request(login)
        do throws(VaultError) {
            let answer = try await client.send(.post, path + "/login", body, identity: identity)
            return try SessionToken(vault: answer)
        } catch {
            throw .vault("Vault did not accept the login of spec.vault.auth.\(login.field) at \(path)", error)
        }
    }

    private func request(
        _ login: VaultLogin
    ) async throws(Trouble) -> (path: String, body: JSONValue, identity: TLSOptions.Identity?) {
        switch login {
        case .token: throw .sentence("A token needs no login")
        case .appRole(let path, let roleID, let secretID):
            return (path, ["role_id": .string(roleID), "secret_id": .string(secretID.reveal())], nil)
        case .certificate(let path, let name, let identity):
            return (path, name.map { ["name": .string($0)] } ?? [:], identity?.transport)
        case .kubernetes(let path, let role, let jwt):
            return (path, ["role": .string(role), "jwt": .string(jwt.reveal())], nil)
        case .account(let path, let role, let account):
            do throws(CredentialProblem) {
                let reference = ServiceAccountReference(name: account.name)
                let jwt = try await context.token(of: reference, audiences: account.audiences, issuer)
                return (path, ["role": .string(role), "jwt": .string(jwt.reveal())], nil)
            } catch {
                throw .credential(error)
            }
        case .aws(let path, let login): return (path, try await login.body(issuer, context), nil)
        }
    }
}
