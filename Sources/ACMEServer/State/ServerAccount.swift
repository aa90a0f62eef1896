package import ACME
package import PKI
package import Wire

/// An account as the server keeps it (RFC 8555 §7.1.2).
package struct ServerAccount: Sendable, Hashable {
    /// In its URL, for as long as it is there: changing its key leaves it.
    package let id: String
    package let issuer: IssuerName
    package var key: PublicKey
    package var isDeactivated = false
    package var contact: [String]
    /// The ``Credential`` that it was made with; what that allows now counts, not what it did then.
    package let credential: String
    package let createdAt: Timestamp
    /// What the store knows it by; nil before it is stored.
    package var version: String?

    package init(
        id: String, issuer: IssuerName, key: PublicKey, contact: [String], credential: String, createdAt: Timestamp
    ) {
        self.id = id
        self.issuer = issuer
        self.key = key
        self.contact = contact
        self.credential = credential
        self.createdAt = createdAt
    }

    /// The id that a key's first account of an issuer gets: the same wherever it is made, so that two replicas cannot make
    /// two.
    package static func id(for key: PublicKey, at issuer: IssuerName) -> String {
        String(Hex.encode(Digest.sha256(Array("\(issuer.path)\n\(key.thumbprint)".utf8))).prefix(32))
    }

    package var status: ACMEStatus { isDeactivated ? .deactivated : .valid }
}

extension ServerAccount {
    package var record: JSONValue {
        [
            "id": .string(id), "issuer": .string(issuer.path), "jwk": key.jwk, "status": .string(status.rawValue),
            "contact": .array(contact.map { .string($0) }), "credential": .string(credential),
            "createdAt": .string(createdAt.rfc3339),
        ]
    }

    /// Nil for a record that is none.
    package init?(record: JSONValue) {
        guard let id = record["id"]?.stringValue,
            let issuer = record["issuer"]?.stringValue.flatMap(IssuerName.init(path:)),
            let key = record["jwk"].flatMap({ try? PublicKey(jwk: $0) }),
            let credential = record["credential"]?.stringValue,
            let createdAt = record["createdAt"]?.stringValue.flatMap({ Timestamp(rfc3339: $0) })
        else { return nil }
        self.init(
            id: id, issuer: issuer, key: key,
            contact: record["contact"]?.arrayValue?.compactMap(\.stringValue) ?? [], credential: credential,
            createdAt: createdAt)
        isDeactivated = record["status"]?.stringValue != ACMEStatus.valid.rawValue
    }
}
