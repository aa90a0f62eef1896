import CertificateAPI
import HTTPTransport
import KubeModel
import PKI
import Wire

/// Has Venafi (CyberArk) servers sign: requests a certificate, keeps what the server calls it, and asks for it until it is
/// there. How long it is valid is the zone's to say.
struct VenafiSigner: RemoteIssuer {
    let spec: VenafiIssuer
    let issuer: IssuerIdentity
    let context: IssuerContext
    let sessions: VenafiSessions

    init(_ spec: VenafiIssuer, _ issuer: IssuerIdentity, _ context: IssuerContext, sessions: VenafiSessions) {
        self.spec = spec
        self.issuer = issuer
        self.context = context
        self.sessions = sessions
    }

    var lane: String {
        spec.tpp?.url ?? spec.cloud.map { $0.url.nonEmpty ?? VenafiCloud.cloudURL }
            ?? spec.ngts?.url.nonEmpty ?? VenafiCloud.trustSecurityURL
    }

    func check() async -> IssuerReadiness {
        do throws(VenafiError) {
            try await server().check()
            let sentence = "Certificate Manager issuer started"
            return IssuerReadiness(isReady: true, reason: sentence, message: sentence)
        } catch {
            return IssuerReadiness(
                isReady: false, reason: error.isAuthentication ? "AuthFailed" : "ErrorSetup",
                message: error.isAuthentication
                    ? "\(error). Check the credentials that spec.venafi names" : "\(error)")
        }
    }

    func sign(_ request: RemoteRequest) async throws(RemoteError) -> RemoteAnswer {
        let fields: [VenafiCustomField]
        do throws(VenafiCustomField.Malformed) { fields = try VenafiCustomField.parse(request.customFields) } catch {
            throw .failed(reason: "CustomFieldsError", message: error.sentence)
        }
        let server: any VenafiServer
        do throws(VenafiError) { server = try await self.server() } catch { throw later(error) }
        guard let pickupID = request.pickupID else {
            do throws(VenafiError) {
                let id = try await server.request(request, fields)
                return .pending(
                    pickupID: id, message: "The server has taken the request as \(id)", until: context.time.now())
            } catch {
                if case .configuration = error, !fields.isEmpty {
                    throw .failed(reason: "CustomFieldsError", message: "\(error)")
                }
                throw error.isAboutRequest ? .failed(reason: "RequestError", message: "\(error)") : later(error)
            }
        }
        return try await pickUp(pickupID, request, server)
    }

    private func pickUp(
        _ id: String, _ request: RemoteRequest, _ server: any VenafiServer
    ) async throws(RemoteError) -> RemoteAnswer {
        let pickup: VenafiPickup
        do throws(VenafiError) { pickup = try await server.retrieve(id) } catch {
            throw error.isAboutRequest ? .failed(reason: "RetrieveError", message: "\(error)") : later(error)
        }
        switch pickup {
        case .pending(let message): return .pending(pickupID: id, message: message, until: context.time.now())
        case .rejected(let message):
            throw .failed(reason: "RetrieveError", message: "The certificate was not issued: \(message)")
        case .certificate(let pem):
            do {
                let certificates = try Chain.parse(pem: pem)
                return .issued(try request.wanted.issued(certificates, now: context.time.now(), isLifetimeFree: true))
            } catch {
                throw .failed(reason: "ParseError", message: "What the server sent cannot be used: \(error)")
            }
        }
    }

    private func later(_ error: VenafiError) -> RemoteError {
        var reason = "VenafiInitError"
        if case .credential(let problem) = error { reason = problem.requestReason(otherwise: reason) }
        return .later(
            reason: reason, message: "\(error)", notBefore: error.retryAfter.map { context.time.now() + $0 })
    }

    // MARK: Servers

    private func server() async throws(VenafiError) -> any VenafiServer {
        ObservedVenafiServer(inner: try await quietServer(), time: context.time, observer: context.venafi)
    }

    private func quietServer() async throws(VenafiError) -> any VenafiServer {
        do throws(CredentialProblem) {
            if let tpp = spec.tpp { return try await platform(tpp) }
            if let cloud = spec.cloud { return try await self.cloud(cloud) }
            if let ngts = spec.ngts { return try await trustSecurity(ngts) }
        } catch {
            throw .credential(error)
        }
        throw .configuration("spec.venafi must have exactly one of tpp, cloud and ngts")
    }

    private func api(_ base: String, _ trust: TLSOptions.Trust = .system) -> VenafiAPI {
        VenafiAPI(
            base: base, tls: TLSOptions(trust: trust), http: context.http, time: context.time,
            userAgent: context.userAgent, observer: context.venafi)
    }

    private func platform(_ tpp: VenafiIssuer.TPP) async throws(CredentialProblem) -> any VenafiServer {
        var trust = TLSOptions.Trust.system
        if let bundle = tpp.caBundle?.bytes, !bundle.isEmpty {
            trust = .only(pem: bundle)
        } else if let reference = tpp.caBundleSecretRef {
            trust = .only(pem: try await context.octets(reference.name, reference.key.nonEmpty ?? "ca.crt", of: issuer))
        }
        let name = tpp.credentialsRef.name
        let secret = try await context.secret(ObjectKey(namespace: issuer.resourceNamespace, name: name))
        let login: TrustProtectionPlatform.Login
        if !(secret["access-token"] ?? []).isEmpty || (secret["username"] ?? []).isEmpty {
            login = .token(try await context.text(name, "access-token", of: issuer))
        } else {
            let hasClient = !(secret["client-id"] ?? []).isEmpty
            login = .password(
                user: try await context.text(name, "username", of: issuer),
                password: try await context.text(name, "password", of: issuer),
                clientID: hasClient ? try await context.text(name, "client-id", of: issuer).reveal() : "cert-manager.io"
            )
        }
        return TrustProtectionPlatform(
            api: api(TrustProtectionPlatform.base(tpp.url), trust), zone: spec.zone, login: login,
            sessions: sessions.platform, issuer: issuer)
    }

    private func cloud(_ cloud: VenafiIssuer.Cloud) async throws(CredentialProblem) -> any VenafiServer {
        let key = try await context.text(cloud.apiTokenSecretRef, default: "api-key", of: issuer)
        return VenafiCloud(
            api: api(VenafiCloud.base(cloud.url.nonEmpty ?? VenafiCloud.cloudURL)), zone: spec.zone, login: .key(key),
            sessions: sessions.cloud, issuer: issuer)
    }

    private func trustSecurity(_ ngts: VenafiIssuer.NGTS) async throws(CredentialProblem) -> any VenafiServer {
        let login = VenafiCloud.Login.client(
            id: try await context.text(ngts.credentialsRef.name, "client-id", of: issuer),
            secret: try await context.text(ngts.credentialsRef.name, "client-secret", of: issuer), tenant: ngts.tsgID,
            endpoint: ngts.tokenEndpoint.nonEmpty ?? VenafiCloud.tokenEndpoint)
        return VenafiCloud(
            api: api(VenafiCloud.base(ngts.url.nonEmpty ?? VenafiCloud.trustSecurityURL)), zone: spec.zone,
            login: login,
            sessions: sessions.cloud, issuer: issuer)
    }
}

/// The tokens in use, by issuer.
struct VenafiSessions: Sendable {
    let platform = Sessions<TrustProtectionPlatform.SessionKey>()
    let cloud = Sessions<VenafiCloud.SessionKey>()

    func drop(issuer uid: String) {
        platform.drop(issuer: uid)
        cloud.drop(issuer: uid)
    }
}
