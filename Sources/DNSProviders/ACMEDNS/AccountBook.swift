import CertificateAPI
import DNSWire
import KubeModel
import Wire

extension ACMEDNS {
    /// What registering gives (README, "Register endpoint").
    struct Account: Sendable {
        var username: Redacted<String>
        var password: Redacted<String>
        var fullDomain: String
        var subdomain: String
        /// As it came, with what nobody here reads.
        fileprivate var json: JSONValue

        init?(_ json: JSONValue) {
            guard let username = json["username"]?.stringValue.flatMap(Self.headerText),
                let password = json["password"]?.stringValue.flatMap(Self.headerText),
                let subdomain = json["subdomain"]?.stringValue, !subdomain.isEmpty
            else { return nil }
            self.username = Redacted(username)
            self.password = Redacted(password)
            self.subdomain = subdomain
            fullDomain = json["fulldomain"]?.stringValue ?? ""
            self.json = json
        }

        /// What may stand in a header field.
        private static func headerText(_ text: String) -> String? {
            !text.isEmpty && text.utf8.allSatisfy { (0x21...0x7E).contains($0) } ? text : nil
        }
    }

    /// The accounts in the Secret, by domain.
    struct AccountBook: Sendable {
        private var accounts: JSONObject = [:]
        /// What stands in the Secret; nil for nothing.
        private var octets: [UInt8]?
        private let reference: SecretKeySelector

        static func read(
            _ reference: SecretKeySelector, in context: ProviderContext
        ) async throws(DNSProviderError) -> AccountBook {
            var book = AccountBook(reference: reference)
            let octets: [UInt8]
            do throws(DNSProviderError) {
                octets = try await context.value(of: reference, at: context.path["accountSecretRef"]).reveal()
            } catch .secretLacks {
                return book  // the first domain is registered
            }
            let key = ObjectKey(namespace: context.namespace, name: reference.name)
            guard let object = (try? JSONValue(parsing: octets))?.objectValue else {
                throw .secretMalformed(
                    key, dataKey: reference.key ?? "", detail: "it is not a JSON object of accounts by domain")
            }
            book.accounts = object
            book.octets = octets
            return book
        }

        private init(reference: SecretKeySelector) { self.reference = reference }

        /// The account of the domain; else the one whose name the alias leads to.
        func find(_ domain: String, target: DNSName?) -> Account? {
            if let account = accounts[domain].flatMap(Account.init) { return account }
            guard let target else { return nil }
            return accounts.lazy.compactMap { Account($0.value) }.first { (try? DNSName($0.fullDomain)) == target }
        }

        func add(_ account: Account, for domain: String, in context: ProviderContext) async throws(DNSProviderError) {
            var all = accounts
            all[domain] = account.json
            let key = ObjectKey(namespace: context.namespace, name: reference.name)
            do throws(ClusterFailure) {
                let isWritten = try await context.cluster.replace(
                    reference.key ?? "", of: key, octets, with: JSONValue.object(all).serialized(pretty: true))
                if !isWritten { throw ClusterFailure(status: 409, detail: "the Secret changed meanwhile") }
            } catch {
                throw .secretUnreadable(key, detail: "the account of \(domain) could not be written: \(error.detail)")
            }
        }
    }
}
