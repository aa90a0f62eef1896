import ACME
import ArgumentParser
import CertificateAPI
import Diagnosis
import HTTPTransport
import Issuers
import KubeClient
import KubeModel
import PKI
import Wire

/// `kubectl cert revoke NAME`.
struct RevokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Has an ACME CA revoke the certificate in a Certificate's Secret.",
        discussion: """
            First another certificate is issued and waited for, so that nothing is served that is revoked; then the CA is \
            asked, with the issuer's account key from the cluster or, with --with-certificate-key, with the certificate's \
            own. A revocation cannot be undone, and so needs --yes.
            """)

    @Argument(help: "The Certificate's name.", completion: .certificates) var name: String
    @Option(help: "unspecified, keyCompromise, affiliationChanged, superseded or cessationOfOperation.")
    var reason = "unspecified"
    @Flag(help: "Sign with the certificate's own key, which needs no account.") var withCertificateKey = false
    @Flag(inversion: .prefixedNo, help: "Have another certificate issued first.") var renew = true
    @Flag(help: "Do it.") var yes = false
    @Option(help: "How long to wait for the other certificate.", transform: ListCommand.span)
    var timeout = Duration.seconds(600)
    @OptionGroup var place: NamespaceFlags
    @OptionGroup(title: "Cluster") var connection: ConnectionFlags

    func validate() throws {
        let names = ["unspecified", "keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation"]
        guard names.contains(where: { $0.lowercased() == reason.lowercased() }) else {
            throw ValidationError("--reason must be one of \(names.joined(separator: ", ")).")
        }
    }

    func run() async throws {
        let command = self
        try await Session.run(connection, namespace: place.namespace) { session in
            let certificate = try await session.object(Certificate.self, command.name)
            let secret = try await session.object(Secret.self, certificate.spec.secretName)
            guard let leaf = SecretLook(secret).leaf else {
                throw CommandFailure("Secret \(secret.key) holds no certificate to revoke")
            }
            let issuer = try await command.issuer(certificate, session)
            guard let acme = issuer.spec.acme else {
                throw CommandFailure("\(issuer.title) is no ACME issuer: only an ACME CA can be asked to revoke")
            }
            let what =
                "certificate \(Hex.encode(leaf.serial)) of \(certificate.key), valid until \(leaf.notAfter.rfc3339)"
            guard command.yes else {
                throw CommandFailure(
                    "This would have \(acme.server) revoke \(what). Say --yes to do it; it cannot be undone.")
            }
            // Read before the renewal, which replaces it.
            let signer = try await command.signer(acme, issuer, secret, session)
            if command.renew { try await command.replace(certificate, session) }
            try await command.revoke(leaf, acme, issuer, signer, session)
            Console.write("Revoked \(what)\n")
        }
    }

    private func issuer(_ certificate: Certificate, _ session: Session) async throws -> IssuerLook {
        let places = await ControllerLook(client: session.client).place()
        let tree = try await TreeLook(session: session).tree(of: certificate, now: session.time.now(), places)
        guard case .found(let issuer) = tree.issuer else {
            throw CommandFailure(
                "The issuer \(certificate.spec.issuerRef.name) of Certificate \(certificate.key) cannot be found")
        }
        return issuer
    }

    /// The key that signs: the account's, or the certificate's own.
    private func signer(
        _ acme: ACMEIssuer, _ issuer: IssuerLook, _ secret: Secret, _ session: Session
    ) async throws -> PrivateKey {
        if withCertificateKey {
            guard let pem = secret[Names.SecretKey.privateKey] else {
                throw CommandFailure("Secret \(secret.key) holds no private key")
            }
            return try PrivateKey(pem: pem)
        }
        let selector = acme.privateKeySecretRef
        let namespaces: [String]
        if let own = issuer.metadata.namespace {
            namespaces = [own]
        } else {
            namespaces = await ControllerLook(client: session.client).place()
        }
        for namespace in namespaces {
            let key = ObjectKey(namespace: namespace, name: selector.name)
            guard let found = try await session.client.find(Secret.self, key) else { continue }
            guard let pem = found[selector.key.nonEmpty ?? Names.SecretKey.privateKey] else {
                throw CommandFailure("Secret \(key) holds no account key")
            }
            return try PrivateKey(pem: pem)
        }
        throw CommandFailure(
            "The Secret \(selector.name) with the account key is not in \(namespaces.joined(separator: ", "));"
                + " --with-certificate-key does without it")
    }

    private func replace(_ certificate: Certificate, _ session: Session) async throws {
        let now = await session.clusterTime().now
        if case .patch(let patch) = ManualRenewal.decide(certificate, now: now) {
            _ = try await session.client.mergePatch(patch, of: Certificate.self, certificate.key, subresource: "status")
        }
        let renewal = Renewal(
            key: certificate.key, revision: certificate.status?.revision ?? 0, since: now, wasUnderWay: false)
        let console = Console(try OutputFlags.parse([]))
        guard try await RenewalWait(session: session, console: console, limit: timeout).wait([renewal]) == 0 else {
            throw CommandFailure(
                "No other certificate could be had, and nothing was revoked. --no-renew revokes all the same.")
        }
    }

    private func revoke(
        _ leaf: X509Certificate, _ acme: ACMEIssuer, _ issuer: IssuerLook, _ signer: PrivateKey, _ session: Session
    ) async throws {
        let clients = ACMEClients(transport: session.transport, userAgent: Version.userAgent, time: session.time)
        let server = clients.server(for: acme)
        let reason = RevocationReason(name: reason) ?? .unspecified
        do throws(ACMEError) {
            if withCertificateKey {
                try await server.revoke(leaf, withItsKey: signer, reason: reason)
            } else {
                guard let uri = issuer.status?.acme?.uri.nonEmpty else {
                    throw ACMEError.configuration("\(issuer.title) has no account")
                }
                try await ACMEClient(server: server, accountURL: uri, key: signer).revoke(leaf, reason: reason)
            }
        } catch {
            throw CommandFailure("The CA did not revoke it: \(error)")
        }
    }
}
