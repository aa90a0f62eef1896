package import Wire

/// Why nothing can be made of an offer of dns-persist-01, as the end of a sentence.
package enum PersistError: Error, Sendable, Hashable, CustomStringConvertible {
    case unreadable
    case names(String)
    /// The server names another account than ours: a record for that one would give it our domain.
    case foreignAccount(String)
    case hashPrefix
    case wildcardNotAllowed
    case domain(String)

    package var description: String {
        switch self {
        case .unreadable: "the CA's offer of dns-persist-01 cannot be read"
        case .names(let detail): "the CA's offer of dns-persist-01 is malformed: \(detail)"
        case .foreignAccount(let uri):
            "the CA's offer of dns-persist-01 is for the account \(Problem.presentable(uri).prefix(200)), which is not ours; "
                + "a record for it would let that account have certificates for the name"
        case .hashPrefix:
            "the CA offers dns-persist-01 with hashed account URLs and its directory has no usable accountHashPrefix"
        case .wildcardNotAllowed:
            "a record for a wildcard lets the account have certificates for every name below it, for as long as the record "
                + "stands"
        case .domain(let name): "\(Problem.presentable(name).prefix(260)) is no name that such a record can stand for"
        }
    }
}

/// What a server says with a dns-persist-01 challenge. There are two generations of the draft, and what a record must say
/// differs between them.
package struct PersistOffer: Sendable, Hashable {
    package enum Generation: Sendable, Hashable {
        /// draft-ietf-acme-dns-persist-00 and -01: the record holds the account's URL.
        case plain
        /// -02: it holds a digest of the account's URL, its key and the domain.
        case hashed(prefix: String)
    }

    package let generation: Generation
    /// In the server's order; any one of them may stand in the record.
    package let issuerNames: [String]

    /// The members that count, of a challenge as the server wrote it, as JSON: what is kept where other challenges have
    /// their token. Nil for a challenge of another type, and for one that names nobody: nothing could be made of it.
    package static func text(of challenge: JSONValue) -> String? {
        guard challenge["type"]?.stringValue == "dns-persist-01" else { return nil }
        var kept: JSONObject = [:]
        for member in ["issuer-domain-names", "issuerDomainNames", "accounturi"] {
            if let value = challenge[member] { kept[member] = value }
        }
        guard kept["issuer-domain-names"] != nil || kept["issuerDomainNames"] != nil else { return nil }
        return String(decoding: JSONValue.object(kept).serialized(), as: UTF8.self)
    }

    /// - Parameters:
    ///   - text: as ``text(of:)`` made it.
    ///   - accountURL: ours.
    ///   - directory: the server's, which tells of the generation too.
    package init(_ text: String, accountURL: String, directory: ACMEDirectory?) throws(PersistError) {
        guard text.utf8.count <= 16 << 10, let json = try? JSONValue(parsing: text), json.objectValue != nil else {
            throw .unreadable
        }
        let second = json["issuerDomainNames"]
        let isHashed = second != nil || directory?.accountHashPrefix != nil
        guard let list = (second ?? json["issuer-domain-names"])?.arrayValue else {
            throw .names("it has no list of issuer domain names")
        }
        let names = list.compactMap(\.stringValue)
        guard names.count == list.count, (1...10).contains(names.count) else {
            throw .names("there must be one to ten issuer domain names")
        }
        for name in names where !Self.isCanonical(name) {
            throw .names("\"\(Problem.presentable(name).prefix(80))\" is no issuer domain name in lower case")
        }
        issuerNames = names
        if isHashed {
            try Self.check(names, against: directory)
            guard let prefix = directory?.accountHashPrefix, Self.isValue(prefix), !prefix.isEmpty else {
                throw .hashPrefix
            }
            generation = .hashed(prefix: prefix)
        } else {
            if let uri = json["accounturi"]?.stringValue, uri != accountURL { throw .foreignAccount(uri) }
            generation = .plain
        }
    }

    /// The names in a text that ``text(of:)`` made, unchecked.
    package static func listedNames(in text: String) -> [String] {
        // In what cannot be read there is no name.
        guard text.utf8.count <= 16 << 10, let json = try? JSONValue(parsing: text) else { return [] }
        return (json["issuerDomainNames"] ?? json["issuer-domain-names"])?.arrayValue?.compactMap(\.stringValue) ?? []
    }

    /// draft -02 §3.2: every name of the directory is among the challenge's, and each of those is a CAA identity.
    private static func check(_ names: [String], against directory: ACMEDirectory?) throws(PersistError) {
        guard let directory else { return }
        if let missing = directory.issuerDomainNames.first(where: { !names.contains($0) }) {
            throw .names(
                "\(Problem.presentable(missing).prefix(80)), which the directory names, is not among its names")
        }
        guard !directory.caaIdentities.isEmpty else { return }
        if let extra = names.first(where: { !directory.caaIdentities.contains($0) }) {
            throw .names("\(extra) is none of the CA's identities for CAA records")
        }
    }

    /// Lower-case A-labels without the root's dot, at most 253 octets.
    private static func isCanonical(_ name: String) -> Bool {
        (1...253).contains(name.utf8.count)
            && name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
                (1...63).contains(label.utf8.count)
                    && label.utf8.allSatisfy { byte in
                        switch byte {
                        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                            UInt8(ascii: "-"), UInt8(ascii: "_"):
                            true
                        default: false
                        }
                    }
            }
    }

    /// Printable ASCII without what separates the parts of a record.
    static func isValue(_ text: String) -> Bool {
        text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ";") }
    }
}
