package import ACME
import HTTPTypes
package import PKI
package import Wire

/// What a new account says (RFC 8555 §7.3).
package struct NewAccountPayload: Sendable {
    package var contact: [String]
    package var agreesToTerms: Bool
    package var onlyReturnExisting: Bool
    package var binding: JSONValue?

    package init(_ members: JSONObject, limits: RequestLimits = RequestLimits()) throws(ServerProblem) {
        contact = try Contacts.read(members["contact"], limits: limits) ?? []
        agreesToTerms = members["termsOfServiceAgreed"]?.boolValue ?? false
        onlyReturnExisting = members["onlyReturnExisting"]?.boolValue ?? false
        binding = members["externalAccountBinding"]
    }
}

/// What changes of an account, or what ends it (RFC 8555 §7.3.2, §7.3.6).
package struct AccountUpdatePayload: Sendable {
    package var contact: [String]?
    package var deactivates: Bool

    package init(_ members: JSONObject, limits: RequestLimits = RequestLimits()) throws(ServerProblem) {
        contact = try Contacts.read(members["contact"], limits: limits)
        switch members["status"]?.stringValue {
        case nil, "valid": deactivates = false
        case "deactivated": deactivates = true
        default: throw .malformed("The status of an account can be changed to deactivated only.")
        }
    }
}

enum Contacts {
    /// Nil where the member is not there. Only `mailto:` with one address and no header fields (RFC 8555 §7.3).
    static func read(_ member: JSONValue?, limits: RequestLimits) throws(ServerProblem) -> [String]? {
        guard let member else { return nil }
        guard let values = member.arrayValue else { throw .malformed("The contacts are no list.") }
        guard values.count <= limits.contacts else {
            throw ServerProblem(.invalidContact, .badRequest, "There may be \(limits.contacts) contacts at most.")
        }
        var contacts: [String] = []
        for value in values {
            guard let text = value.stringValue else { throw .malformed("A contact is no text.") }
            guard text.lowercased().hasPrefix("mailto:") else {
                throw ServerProblem(.unsupportedContact, .badRequest, "Contacts must be mailto: addresses.")
            }
            let address = text.dropFirst("mailto:".count)
            guard (3...254).contains(address.utf8.count),
                address.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
                !address.contains(where: { "?,<>".contains($0) }),
                address.split(separator: "@", omittingEmptySubsequences: false).count == 2,
                !address.hasPrefix("@"), !address.hasSuffix("@")
            else { throw ServerProblem(.invalidContact, .badRequest, "A contact is no e-mail address.") }
            contacts.append("mailto:\(address)")
        }
        return contacts
    }
}

/// Proof that whoever makes an account was given a credential (RFC 8555 §7.3.4).
package struct BindingPayload: Sendable {
    package let keyID: String
    private let object: SignedObject

    /// Reads it and holds it against the request that it came in; its MAC is checked by ``isMade(with:)``.
    package init(
        _ json: JSONValue, for key: PublicKey, url: String, limits: RequestLimits = RequestLimits()
    ) throws(ServerProblem) {
        object = try SignedObject(json, limits: limits)
        guard SignedObject.macs[object.algorithm] != nil else {
            var problem = ServerProblem(
                .badSignatureAlgorithm, .badRequest, "The external account binding must be an HMAC.")
            problem.algorithms = SignedObject.macs.keys.sorted()
            throw problem
        }
        guard object.header["nonce"] == nil else { throw .malformed("The external account binding has a nonce.") }
        guard object.url == url else { throw .malformed("The external account binding is for another URL.") }
        guard let keyID = object.header["kid"]?.stringValue else {
            throw .malformed("The external account binding names no kid.")
        }
        let bound = try AccountKey.read(try SignedObject.json(object.payload, "The external account binding", limits))
        guard bound == key else { throw .malformed("The external account binding is of another account key.") }
        self.keyID = keyID
    }

    package func isMade(with credential: Credential) -> Bool {
        object.isAuthenticated(with: credential.hmacKey.reveal())
    }
}

/// The names of an order (RFC 8555 §7.4).
package struct NewOrderPayload: Sendable {
    package let identifiers: [ACMEIdentifier]
    /// The certificate that is renewed (RFC 9773 §5).
    package let replaces: RenewalIdentifier?

    package init(_ members: JSONObject, limits: RequestLimits = RequestLimits()) throws(ServerProblem) {
        guard let values = members["identifiers"]?.arrayValue, !values.isEmpty else {
            throw .malformed("An order needs identifiers.")
        }
        guard values.count <= limits.identifiers else {
            throw .malformed("An order may have \(limits.identifiers) identifiers at most.")
        }
        guard members["notBefore"] == nil, members["notAfter"] == nil else {
            throw .malformed("The times of a certificate are the issuer's to set: leave notBefore and notAfter out.")
        }
        if members["profile"] != nil {
            throw ServerProblem(.invalidProfile, .badRequest, "This server has no profiles.")
        }
        replaces = try Self.replaced(members["replaces"])
        var read: [ACMEIdentifier] = []
        for value in values {
            let identifier = try Self.identifier(value)
            if !read.contains(identifier) { read.append(identifier) }
        }
        identifiers = read
    }

    private static func replaced(_ value: JSONValue?) throws(ServerProblem) -> RenewalIdentifier? {
        guard let value else { return nil }
        guard let id = value.stringValue.flatMap(RenewalIdentifier.init(reading:)) else {
            throw .malformed("What the order replaces names no certificate (RFC 9773 4.1).")
        }
        return id
    }

    private static func identifier(_ value: JSONValue) throws(ServerProblem) -> ACMEIdentifier {
        guard let type = value["type"]?.stringValue, let text = value["value"]?.stringValue else {
            throw .malformed("An identifier has no type or no value.")
        }
        guard type == "dns" || type == "ip" else {
            throw ServerProblem(
                .unsupportedIdentifier, .badRequest, "Identifiers of the types dns and ip can be had, and no others.")
        }
        do throws(IdentifierError) {
            // RFC 8555 §7.1.4: international names come as A-labels.
            guard text.utf8.allSatisfy({ $0 < 0x80 }) else { throw .character(text) }
            return type == "dns" ? try ACMEIdentifier(dns: text) : try ACMEIdentifier(ip: text)
        } catch {
            throw .malformed("An identifier is unusable: \(error).")
        }
    }
}

/// The signing request of an order (RFC 8555 §7.4).
package struct FinalizePayload: Sendable {
    package let request: SigningRequest

    package init(_ members: JSONObject) throws(ServerProblem) {
        guard let der = members["csr"]?.stringValue.flatMap({ Base64.decodeURL($0) }) else {
            throw .malformed("The request holds no csr in base64url.")
        }
        do throws(PKIError) {
            request = try SigningRequest(der: der)
        } catch {
            throw ServerProblem(.badCSR, .badRequest, "The signing request cannot be used: \(error).")
        }
    }
}

/// Which certificate is revoked, and why (RFC 8555 §7.6).
package struct RevocationPayload: Sendable {
    package let certificate: X509Certificate
    package let reason: RevocationReason

    package init(_ members: JSONObject) throws(ServerProblem) {
        guard let der = members["certificate"]?.stringValue.flatMap({ Base64.decodeURL($0) }) else {
            throw .malformed("The request holds no certificate in base64url.")
        }
        do throws(PKIError) {
            certificate = try X509Certificate(der: der)
        } catch {
            throw .malformed("The certificate cannot be read: \(error).")
        }
        guard let number = members["reason"] else {
            reason = .unspecified
            return
        }
        // Those that say something of the CA itself, or undo a hold, are not its holder's to give.
        let allowed: Set<RevocationReason> = [
            .unspecified, .keyCompromise, .affiliationChanged, .superseded, .cessationOfOperation,
        ]
        guard let reason = number.intValue.flatMap(RevocationReason.init(rawValue:)), allowed.contains(reason) else {
            throw ServerProblem(.badRevocationReason, .badRequest, "The reason must be 0, 1, 3, 4 or 5.")
        }
        self.reason = reason
    }
}

/// Another key for an account (RFC 8555 §7.3.5): signed by it, and inside of what the old key signs.
package struct KeyChangePayload: Sendable {
    package let newKey: PublicKey

    package init(
        _ payload: [UInt8], account url: String, oldKey: PublicKey, keyChangeURL: String,
        limits: RequestLimits = RequestLimits()
    ) throws(ServerProblem) {
        let inner = try SignedObject(payload, limits: limits)
        guard inner.header["nonce"] == nil, inner.header["kid"] == nil, let key = try inner.carriedKey() else {
            throw .malformed("The inner request must have the new key as jwk, and neither kid nor nonce.")
        }
        guard inner.url == keyChangeURL else { throw .malformed("The inner request is for another URL.") }
        try inner.check(signedBy: key)
        let members = try SignedObject.json(inner.payload, "The inner payload", limits)
        guard members["account"]?.stringValue == url else {
            throw .malformed("The inner request names another account.")
        }
        guard let old = members["oldKey"], try AccountKey.read(old) == oldKey else {
            throw .malformed("The inner request names another old key.")
        }
        guard key != oldKey else { throw .malformed("The new key is the old one.") }
        newKey = key
    }
}
