package import Wire

/// Where a server keeps its resources (RFC 8555 §7.1.1). Members we do not know are ignored: servers add some on
/// purpose.
package struct ACMEDirectory: Sendable, Hashable {
    package let newNonce: String
    package let newAccount: String
    package let newOrder: String
    package let newAuthz: String?
    package let revokeCert: String?
    package let keyChange: String?
    /// RFC 9773; without the slash that some servers end it with.
    package let renewalInfo: String?
    package let termsOfService: String?
    package let website: String?
    package let caaIdentities: [String]
    /// Of dns-persist-01 in its second generation; see ``PersistOffer``.
    package let accountHashPrefix: String?
    package let issuerDomainNames: [String]
    package let externalAccountRequired: Bool
    /// Profile names and what the server says about each, in its order.
    package let profiles: [Profile]

    package struct Profile: Sendable, Hashable {
        package let name: String
        package let text: String
    }

    package init(_ json: JSONValue) throws(ACMEError) {
        func required(_ name: String) throws(ACMEError) -> String {
            guard let url = json[name]?.stringValue, !url.isEmpty else {
                throw .malformed("the directory names no \(name)")
            }
            return url
        }
        newNonce = try required("newNonce")
        newAccount = try required("newAccount")
        newOrder = try required("newOrder")
        newAuthz = json["newAuthz"]?.stringValue
        revokeCert = json["revokeCert"]?.stringValue
        keyChange = json["keyChange"]?.stringValue
        renewalInfo = json["renewalInfo"]?.stringValue.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
        let meta = json["meta"]
        termsOfService = meta?["termsOfService"]?.stringValue
        website = meta?["website"]?.stringValue
        caaIdentities = meta?["caaIdentities"]?.arrayValue?.compactMap(\.stringValue) ?? []
        accountHashPrefix = meta?["accountHashPrefix"]?.stringValue
        issuerDomainNames = meta?["issuerDomainNames"]?.arrayValue?.compactMap(\.stringValue) ?? []
        externalAccountRequired = meta?["externalAccountRequired"]?.boolValue ?? false
        profiles =
            (meta?["profiles"]?.objectValue).map { object in
                object.map { Profile(name: $0.key, text: $0.value.stringValue ?? "") }
            } ?? []
    }
}

/// Decides when the directory is fetched: once for all who ask, and again when it has grown old.
struct DirectoryCache: Sendable {
    static let lifetime = Duration.seconds(4 * 3600)

    enum Answer: Sendable, Equatable {
        case use(ACMEDirectory)
        /// Nothing usable is known; every caller fetches.
        case fetch
        /// This caller fetches; the others use what is known meanwhile, which this caller may fall back on.
        case refresh(ACMEDirectory)
    }

    private var known: (directory: ACMEDirectory, fetchedAt: Timestamp)?
    private var refreshStartedAt: Timestamp?

    var latest: ACMEDirectory? { known?.directory }

    mutating func wanted(at now: Timestamp) -> Answer {
        guard let known else { return .fetch }
        if now < known.fetchedAt + DirectoryCache.lifetime { return .use(known.directory) }
        // A refresh that never reported back (its task was cancelled) is given up after a minute.
        if let started = refreshStartedAt, now < started + .seconds(60) { return .use(known.directory) }
        refreshStartedAt = now
        return .refresh(known.directory)
    }

    mutating func fetched(_ directory: ACMEDirectory, at now: Timestamp) {
        known = (directory, now)
        refreshStartedAt = nil
    }

    /// The server did not know this URL: if the directory names it, the next request fetches the directory anew.
    mutating func forget(ifNaming url: String) {
        guard let directory = known?.directory,
            [directory.newNonce, directory.newAccount, directory.newOrder].contains(url)
        else { return }
        known = nil
        refreshStartedAt = nil
    }
}
