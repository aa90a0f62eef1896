package import PKI
import Wire

/// What a new account says about itself.
package struct NewACMEAccount: Sendable {
    /// `mailto:` URLs; none is legal.
    package var contact: [String]
    /// Set only when the person who runs the issuer has agreed (RFC 8555 §7.3.3).
    package var agreesToTermsOfService: Bool
    package var binding: ExternalAccountBinding?

    package init(
        contact: [String] = [], agreesToTermsOfService: Bool = false, binding: ExternalAccountBinding? = nil
    ) {
        self.contact = contact
        self.agreesToTermsOfService = agreesToTermsOfService
        self.binding = binding
    }
}

extension ACMEServer {
    /// The account of this key; nil when the server has none (RFC 8555 §7.3.1).
    package func existingAccount(of key: PrivateKey) async throws(ACMEError) -> ACMEAccount? {
        // step-ca wants this member to be the only one.
        do { return try await postAccount(["onlyReturnExisting": true], key: key) } catch {
            if error.refusal?.problem.type == .accountDoesNotExist { return nil }
            throw error
        }
    }

    /// Registers the key, or finds the account it already has (RFC 8555 §7.3). A found account is as it was: contacts
    /// that differ are the caller's to update.
    package func newAccount(_ account: NewACMEAccount, key: PrivateKey) async throws(ACMEError) -> ACMEAccount {
        let directory = try await directory()
        if directory.externalAccountRequired, account.binding == nil {
            throw .configuration(
                "the ACME server requires an external account binding: set externalAccountBinding to the key it gave you"
            )
        }
        var payload: JSONObject = [:]
        if !account.contact.isEmpty {
            payload["contact"] = .array(try account.contact.map(ContactURL.checked).map { .string($0) })
        }
        if account.agreesToTermsOfService { payload["termsOfServiceAgreed"] = true }
        if let binding = account.binding {
            payload["externalAccountBinding"] = try binding.json(
                for: key.publicKey, newAccountURL: directory.newAccount)
        }
        return try await postAccount(payload, key: key)
    }

    private func postAccount(_ payload: JSONObject, key: PrivateKey) async throws(ACMEError) -> ACMEAccount {
        let url = try await directory().newAccount
        let answer = try await post(
            JSONValue.object(payload).serialized(), to: url, as: .registerAccount, signer: .jwk, key: key)
        guard let location = answer.location else { throw .malformed("a new account has no URL") }
        return try ACMEAccount(answer, url: location)
    }
}

extension ACMEClient {
    /// The account as the server has it now.
    package func account() async throws(ACMEError) -> ACMEAccount {
        try ACMEAccount(try await post([], to: accountURL, as: .getRegistration), url: accountURL)
    }

    /// URLs of this account's orders, where the server tells of them (RFC 8555 §7.1.2.1); empty where it does not. It may
    /// leave out those that failed, and says nothing of their sequence.
    ///
    /// - Parameter pageLimit: how many pages are read.
    package func orderURLs(pageLimit: Int = 5) async throws(ACMEError) -> [String] {
        let answer = try await post([], to: accountURL, as: .getRegistration)
        var next = try answer.json()["orders"]?.stringValue.flatMap { LinkHeader.resolve($0, base: answer.url) }
        var urls: [String] = []
        for _ in 0..<pageLimit {
            guard let page = next else { break }
            let answer = try await post([], to: page, as: .listOrders)
            urls += (try answer.json()["orders"]?.arrayValue ?? []).compactMap(\.stringValue)
            next = answer.links("next").first
        }
        return urls
    }

    /// Replaces the contacts, and nothing else (RFC 8555 §7.3.2).
    package func updateContact(_ contact: [String]) async throws(ACMEError) -> ACMEAccount {
        let urls = try contact.map(ContactURL.checked)
        let payload: JSONValue = ["contact": .array(urls.map { .string($0) })]
        let answer = try await post(payload.serialized(), to: accountURL, as: .updateRegistration)
        return try ACMEAccount(answer, url: accountURL)
    }
}

extension ACMEAccount {
    init(_ answer: ACMEAnswer, url: String) throws(ACMEError) {
        let json = try answer.json()
        self.init(
            url: url, status: ACMEStatus(rawValue: json["status"]?.stringValue ?? "valid"),
            contact: json["contact"]?.arrayValue?.compactMap(\.stringValue) ?? [], isNew: answer.status == 201)
    }
}

/// The rule of RFC 8555 §7.3 for contacts: one ASCII address, no header fields.
enum ContactURL {
    static func checked(_ url: String) throws(ACMEError) -> String {
        guard url.lowercased().hasPrefix("mailto:") else { return url }
        let address = url.dropFirst("mailto:".count)
        guard address.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), !address.contains(where: { "?,".contains($0) }),
            address.split(separator: "@", omittingEmptySubsequences: false).count == 2,
            !address.hasPrefix("@"), !address.hasSuffix("@")
        else { throw .configuration("“\(address)” is not an e-mail address that an ACME server can take") }
        return url
    }
}
