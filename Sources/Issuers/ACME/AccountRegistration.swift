package import ACME
package import CertificateAPI
package import KubeModel
package import PKI
import Wire

/// Asks an ACME server for an issuer's account.
package struct AccountRegistration: Sendable {
    private let server: ACMEServer
    private let key: PrivateKey
    private let email: String?
    private let lastEmail: String?
    private let binding: ACME.ExternalAccountBinding?

    package init(
        _ issuer: ACMEIssuer, status: IssuerStatus?, server: ACMEServer, key: PrivateKey,
        binding: ACME.ExternalAccountBinding?
    ) {
        self.server = server
        self.key = key
        self.binding = binding
        email = issuer.email.nonEmpty
        lastEmail = status?.acme?.lastRegisteredEmail.nonEmpty
    }

    /// Finds the account by its key, and registers one only when there is none: a binding is never sent again for an
    /// account that exists, because CAs let it be used once.
    package func ask() async -> AccountAnswer {
        let account: ACMEAccount
        do {
            account = try await existingOrNew()
        } catch {
            return .refused(error, whileUpdating: false)
        }
        guard !account.isNew, account.status == .valid, needsUpdate(account) else { return .account(account) }
        do {
            let client = ACMEClient(server: server, accountURL: account.url, key: key)
            return .account(try await client.updateContact(contact))
        } catch {
            return .refused(error, whileUpdating: true)
        }
    }

    private func existingOrNew() async throws(ACMEError) -> ACMEAccount {
        if let account = try await server.existingAccount(of: key) { return account }
        // An issuer that names the server stands for agreement to its terms, as in cert-manager, whose API we serve and
        // which has no field for it.
        let new = NewACMEAccount(contact: contact, agreesToTermsOfService: true, binding: binding)
        return try await server.newAccount(new, key: key)
    }

    private var contact: [String] { email.map { ["mailto:\($0)"] } ?? [] }

    /// Some CAs no longer tell contacts; then what was registered last counts.
    private func needsUpdate(_ account: ACMEAccount) -> Bool {
        let wanted = Set(contact.map { $0.lowercased() })
        return wanted != Set(account.contact.map { $0.lowercased() }) && email?.lowercased() != lastEmail?.lowercased()
    }
}

extension ACMEIssuer {
    /// The binding that `externalAccountBinding` describes, read from its Secret; nil when there is none to make.
    package func binding(
        in secret: Secret?, _ name: ObjectKey
    ) -> Result<ACME.ExternalAccountBinding?, BindingProblem> {
        guard let binding = externalAccountBinding else { return .success(nil) }
        guard let secret else { return .failure(BindingProblem("Secret \(name) with its key does not exist")) }
        let dataKey = binding.keySecretRef.key.nonEmpty ?? ""
        guard let text = secret[dataKey], !text.isEmpty else {
            return .failure(BindingProblem("Secret \(name) has no data under \"\(dataKey)\""))
        }
        do {
            // `keyAlgorithm` is deprecated and read by nobody: HS256 always.
            return .success(try ACME.ExternalAccountBinding(keyID: binding.keyID, encodedKey: text))
        } catch {
            return .failure(BindingProblem("\(error), in Secret \(name) under \"\(dataKey)\""))
        }
    }
}
