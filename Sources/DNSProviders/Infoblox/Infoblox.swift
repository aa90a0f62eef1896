package import CertificateAPI
import DNSWire
import HTTPTransport
import HTTPTypes
import KubeModel
import PKI
package import Wire

/// Infoblox NIOS through its Web API (the WAPI documentation that each grid serves at /wapidoc; docs.infoblox.com, "RESTful API").
///
/// Least privilege: an admin group with access to the API alone, and the permission Read/Write on "All TXT records" of the
/// challenge's zone in one view.
package struct Infoblox: OwnDNSProvider {
    package static let key = "infoblox"
    package static let fields = [
        "host", "port", "version", "view", "usernameSecretRef", "passwordSecretRef", "caBundle",
    ]

    /// The fields of `config`.
    package struct Config: Decodable, Sendable, Hashable {
        /// The grid master's name or address.
        package var host: String
        package var port: Int?
        /// Of the Web API, such as "2.10".
        package var version: String?
        /// The DNS view; "default" where it is left out.
        package var view: String?
        package var usernameSecretRef: SecretKeySelector
        package var passwordSecretRef: SecretKeySelector
        /// PEM certificates that the grid is verified with; without them the system's.
        package var caBundle: Base64Data?
    }

    private static let ttlSeconds = 60
    private static let right = "Read/Write on TXT records of the zone in the view"

    private let api: ProviderAPI
    private let view: String

    package static func problems(in config: Config, at path: FieldPath) -> [FieldProblem] {
        var problems = config.usernameSecretRef.problems(at: path["usernameSecretRef"])
        problems += config.passwordSecretRef.problems(at: path["passwordSecretRef"])
        if config.host.isEmpty {
            problems.append(.required(path["host"]))
        } else if HTTPAddress(url: "https://\(config.host)/")?.port != 443 || config.host.contains("/") {
            problems.append(.invalid(path["host"], config.host, "must be a host name or an IP address, without a port"))
        }
        if let port = config.port, !(1...65535).contains(port) {
            problems.append(.invalid(path["port"], port, "must be from 1 to 65535"))
        }
        if let version = config.version.nonEmpty,
            !version.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") })
        {
            problems.append(.invalid(path["version"], version, "must be a version such as 2.10"))
        }
        if let bundle = config.caBundle, (try? Chain.parse(pem: bundle.bytes)) == nil {
            problems.append(.invalid(path["caBundle"], "<snip>", "must hold PEM certificates"))
        }
        return problems
    }

    package init(_ config: Config, in context: ProviderContext) async throws(DNSProviderError) {
        let user = try await context.text(of: config.usernameSecretRef, in: "usernameSecretRef")
        let password = try await context.text(of: config.passwordSecretRef, in: "passwordSecretRef")
        view = config.view.nonEmpty ?? "default"
        let pair = Base64.encode(Array("\(user.reveal()):\(password.reveal())".utf8))
        let port = config.port.map { ":\($0)" } ?? ""
        api = ProviderAPI(
            "Infoblox", base: "https://\(config.host)\(port)/wapi/v\(config.version.nonEmpty ?? "2.10")", in: context,
            secrets: [password, user], scope: [view],
            tls: config.caBundle.map { TLSOptions(trust: .only(pem: $0.bytes)) } ?? .system
        ) { $0.headers[.authorization] = "Basic \(pair)" }
    }

    /// The grid finds the zone itself: the longest that it has in the view.
    package func present(_ record: TXTRecord) async throws(DNSProviderError) {
        guard try await references(of: record).isEmpty else { return }
        let body: JSONValue = [
            "name": .string(record.name.text), "text": .string(TXTText.quoted(record.value)), "view": .string(view),
            "ttl": .integer(Int64(Self.ttlSeconds)), "use_ttl": true,
        ]
        let purpose = ProviderAPI.Purpose("create a record", needs: Self.right)
        let answer = try await api.call(.post, "/record:txt", body, for: purpose, accepting: [400])
        guard answer.status == 400 else { return }
        let said = answer.message ?? ""
        if said.contains("parent was not found") {
            throw .zoneNotFound(provider: api.provider, name: record.name, needs: Self.right)
        }
        // Written by somebody else between the two.
        if said.contains("already exists") { return }
        throw api.failure(answer, for: purpose)
    }

    package func cleanUp(_ record: TXTRecord) async throws(DNSProviderError) {
        for reference in try await references(of: record) {
            // What stands behind the second colon is for people: record:txt/ID:NAME/VIEW.
            let kind = "record:txt/"
            guard reference.hasPrefix(kind) else { throw api.malformed("a reference of another kind") }
            let id = String(reference.dropFirst(kind.count).prefix { $0 != ":" })
            _ = try await api.call(
                .delete, "/\(kind)\(id.escapedForPath)", for: .init("delete a record", needs: Self.right),
                accepting: [404])
        }
    }

    /// Of the records with this very value: all pages of the name's.
    private func references(of record: TXTRecord) async throws(DNSProviderError) -> [String] {
        let target =
            "/record:txt?_paging=1&_return_as_object=1&_max_results=100&_return_fields=text&name="
            + "\(record.name.text.escapedForPath)&view=\(view.escapedForPath)"
        let found = try await api.pages(from: "") { cursor throws(DNSProviderError) in
            let answer = try await api.call(
                .get, target + (cursor.isEmpty ? "" : "&_page_id=\(cursor.escapedForPath)"),
                for: .init("list the records", needs: Self.right))
            let json = try answer.json()
            return (try api.need(json["result"]?.arrayValue, "result"), json["next_page_id"]?.stringValue)
        }
        return found.compactMap { item in
            guard let text = item["text"]?.stringValue, TXTText.unquoted(text) == record.value else { return nil }
            return item["_ref"]?.stringValue
        }
    }
}
