package import Wire

/// What a server said went wrong (RFC 7807, RFC 8555 §6.7), kept whole.
package struct Problem: Sendable, Hashable {
    /// Every member as it was sent, known to us or not.
    package let document: JSONObject

    package init(document: JSONObject) {
        self.document = document
    }

    /// A problem for an answer that carried no document (an HTML page of a load balancer, say).
    package init(type: ProblemType = .blank, detail: String, status: Int? = nil) {
        var document: JSONObject = ["type": .string(type.rawValue), "detail": .string(detail)]
        if let status { document["status"] = .integer(Int64(status)) }
        self.init(document: document)
    }

    /// Absent means `about:blank` (RFC 7807 §3.1).
    package var type: ProblemType { document["type"]?.stringValue.map(ProblemType.init(rawValue:)) ?? .blank }
    package var title: String? { document["title"]?.stringValue }
    package var detail: String? { document["detail"]?.stringValue }
    package var status: Int? { document["status"]?.intValue.map { Int($0) } }
    /// Where a human should go, when the type is `userActionRequired` (RFC 8555 §7.3.3).
    package var instance: String? { document["instance"]?.stringValue }
    /// What the server would accept, when the type is `badSignatureAlgorithm` (RFC 8555 §6.2).
    package var algorithms: [String] { document["algorithms"]?.arrayValue?.compactMap(\.stringValue) ?? [] }

    /// One problem for each identifier concerned (RFC 8555 §6.7.1).
    package var subproblems: [Subproblem] {
        (document["subproblems"]?.arrayValue ?? []).compactMap { value in
            value.objectValue.map { Subproblem(problem: Problem(document: $0)) }
        }
    }

    package struct Subproblem: Sendable, Hashable {
        package let problem: Problem
        /// Only a subproblem may name an identifier (RFC 8555 §6.7.1).
        package var identifier: ACMEIdentifier? { problem.document["identifier"].flatMap(ACMEIdentifier.init) }
    }
}

extension Problem: CustomStringConvertible {
    /// A text for conditions, events and `status.reason`: bounded, and without the tokens that some details carry.
    package var description: String {
        var text = "\(type)"
        if let words = detail ?? title { text += ": \(words)" }
        for sub in subproblems.prefix(10) {
            text += "; \(sub.identifier.map { "\($0): " } ?? "")\(sub.problem.detail ?? "\(sub.problem.type)")"
        }
        if let instance { text += " (see \(instance))" }
        return Problem.presentable(text)
    }

    /// Removes control characters and `jwt=` values, and cuts at 1,000 characters.
    package static func presentable(_ text: String) -> String {
        let printable = String(
            String.UnicodeScalarView(text.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }))
        var pieces = printable.split(separator: "jwt=", omittingEmptySubsequences: false).map(String.init)
        for index in pieces.indices.dropFirst() {
            pieces[index] = "redacted" + pieces[index].drop { $0.isLetter || $0.isNumber || "-_.~%".contains($0) }
        }
        let cleaned = pieces.joined(separator: "jwt=")
        return cleaned.count <= 1000 ? cleaned : cleaned.prefix(999) + "…"
    }
}

/// The type of a problem: an open value, since servers add their own.
package struct ProblemType: RawRepresentable, Sendable, Hashable {
    package let rawValue: String

    package init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// The last part of the URN, by which types are compared: some servers vary the case or the prefix.
    package var name: String {
        String(rawValue.split(separator: ":").last ?? Substring(rawValue)).lowercased()
    }

    package static func == (left: Self, right: Self) -> Bool { left.name == right.name }
    package func hash(into hasher: inout Hasher) { hasher.combine(name) }

    private init(acme name: String) { self.init(rawValue: "urn:ietf:params:acme:error:" + name) }

    package static let blank = ProblemType(rawValue: "about:blank")
    package static let accountDoesNotExist = ProblemType(acme: "accountDoesNotExist")
    /// Not of the RFC: what older Pebbles say of an account whose owner has not agreed to the terms.
    package static let agreementRequired = ProblemType(acme: "agreementRequired")
    package static let alreadyReplaced = ProblemType(acme: "alreadyReplaced")
    package static let alreadyRevoked = ProblemType(acme: "alreadyRevoked")
    package static let badCSR = ProblemType(acme: "badCSR")
    package static let badNonce = ProblemType(acme: "badNonce")
    package static let badPublicKey = ProblemType(acme: "badPublicKey")
    package static let badRevocationReason = ProblemType(acme: "badRevocationReason")
    package static let badSignatureAlgorithm = ProblemType(acme: "badSignatureAlgorithm")
    package static let caa = ProblemType(acme: "caa")
    package static let compound = ProblemType(acme: "compound")
    /// Boulder's own, for a key that has an account already.
    package static let conflict = ProblemType(acme: "conflict")
    package static let connection = ProblemType(acme: "connection")
    package static let dns = ProblemType(acme: "dns")
    package static let externalAccountRequired = ProblemType(acme: "externalAccountRequired")
    package static let incorrectResponse = ProblemType(acme: "incorrectResponse")
    package static let invalidContact = ProblemType(acme: "invalidContact")
    package static let invalidProfile = ProblemType(acme: "invalidProfile")
    package static let malformed = ProblemType(acme: "malformed")
    package static let orderNotReady = ProblemType(acme: "orderNotReady")
    package static let rateLimited = ProblemType(acme: "rateLimited")
    package static let rejectedIdentifier = ProblemType(acme: "rejectedIdentifier")
    package static let serverInternal = ProblemType(acme: "serverInternal")
    package static let tls = ProblemType(acme: "tls")
    package static let unauthorized = ProblemType(acme: "unauthorized")
    package static let unsupportedContact = ProblemType(acme: "unsupportedContact")
    package static let unsupportedIdentifier = ProblemType(acme: "unsupportedIdentifier")
    package static let userActionRequired = ProblemType(acme: "userActionRequired")

    /// Those that have a name here.
    static let known: Set<ProblemType> = [
        .accountDoesNotExist, .agreementRequired, .alreadyReplaced, .alreadyRevoked, .badCSR, .badNonce, .badPublicKey,
        .badRevocationReason, .badSignatureAlgorithm, .caa, .compound, .conflict, .connection, .dns,
        .externalAccountRequired, .incorrectResponse, .invalidContact, .invalidProfile, .malformed, .orderNotReady,
        .rateLimited, .rejectedIdentifier, .serverInternal, .tls, .unauthorized, .unsupportedContact,
        .unsupportedIdentifier, .userActionRequired,
    ]
}

extension ProblemType: CustomStringConvertible {
    package var description: String { rawValue }
}
