import ACME
import CertificateAPI
import KubeModel
import Wire

/// What annotations of a Certificate ask to be revoked, and how.
struct RevocationWish: Sendable, Hashable {
    enum Replacement: String, Codable, Sendable, Hashable {
        /// The certificate is replaced before it is revoked.
        case first
        /// It is revoked at once, and replaced then.
        case after
        case never
    }
    enum Signer: String, Codable, Sendable, Hashable {
        case account, certificate
    }

    /// The annotation's whole text: another text is another wish.
    var text: String
    var reason: RevocationReason
    var replacement = Replacement.first
    var signer = Signer.account

    /// Throws a sentence that says what is wrong.
    struct Problem: Error, Sendable, Hashable {
        var sentence: String
    }

    /// Nil where nothing is to be revoked.
    init?(_ annotations: [String: String]?) throws(Problem) {
        guard let text = annotations?[Names.Annotation.revoke].nonEmpty else { return nil }
        self.text = text
        reason = try Self.reason(text, Names.Annotation.revoke)
        signer = try Self.choice(annotations, Names.Annotation.revokeWith, usually: .account, "account or certificate")
        let usual: Replacement = signer == .account ? .first : .after
        replacement = try Self.choice(
            annotations, Names.Annotation.revokeReissue, usually: usual, "first, after or never")
        if signer == .certificate, replacement == .first {
            throw Problem(
                sentence:
                    "with the key of the certificate it has to be revoked before it is replaced: set the annotation "
                    + "\(Names.Annotation.revokeReissue) to after, or \(Names.Annotation.revokeWith) to account")
        }
    }

    /// What is to be done once the Certificate is deleted; nil where nothing is.
    init?(onDeletion annotations: [String: String]?) throws(Problem) {
        guard let text = annotations?[Names.Annotation.revokeOnDeletion].nonEmpty else { return nil }
        reason = try Self.reason(text, Names.Annotation.revokeOnDeletion)
        self.text = "deletion: \(text)"
        replacement = .never
    }

    /// The first word of a text is the reason, by its name or number (RFC 5280 §5.3.1); what follows makes it another wish.
    private static func reason(_ text: String, _ key: String) throws(Problem) -> RevocationReason {
        let word = text.split(separator: " ").first.map(String.init) ?? ""
        let found = RevocationReason(name: word) ?? Int64(word).flatMap { RevocationReason(rawValue: $0) }
        guard let found else {
            let names = RevocationReason.allCases.map { "\($0)" }.joined(separator: ", ")
            throw Problem(
                sentence:
                    "the annotation \(key) is \"\(ACME.Problem.presentable(word).prefix(60))\" and should begin with "
                    + "one of \(names)")
        }
        return found
    }

    private static func choice<Choice: RawRepresentable<String>>(
        _ annotations: [String: String]?, _ key: String, usually: Choice, _ wanted: String
    ) throws(Problem) -> Choice {
        guard let text = annotations?[key].nonEmpty else { return usually }
        guard let choice = Choice(rawValue: text) else {
            throw Problem(
                sentence:
                    "the annotation \(key) is \"\(ACME.Problem.presentable(text).prefix(60))\" and should be \(wanted)")
        }
        return choice
    }
}

/// How far a wish has come: kept in an annotation of the Certificate, so that a process that dies goes on with the same
/// certificate. Everything in it is public.
struct RevocationRecord: Codable, Sendable, Hashable {
    enum State: String, Codable, Sendable, Hashable {
        /// Leaves to `asking` when another certificate is in the Secret.
        case replacing
        /// Leaves to `done` or `failed` by the CA's answer.
        case asking
        case done, failed

        var isOver: Bool { self == .done || self == .failed }
    }

    /// The text of the wish that it answers.
    var wish: String
    var reason: Int64
    var replacement: RevocationWish.Replacement
    var signer: RevocationWish.Signer
    var state: State
    /// What the CA calls the certificate (RFC 9773 §4.1).
    var certificate: String?
    /// The certificate itself, base64, until it is over.
    var der: String?
    /// Why it failed.
    var detail: String?

    init(_ wish: RevocationWish, certificate: String, der: [UInt8]) {
        self.wish = wish.text
        reason = wish.reason.rawValue
        replacement = wish.replacement
        signer = wish.signer
        state = wish.replacement == .first ? .replacing : .asking
        self.certificate = certificate
        self.der = Base64.encode(der)
    }

    /// There is nothing to revoke.
    init(_ wish: RevocationWish, failed detail: String) {
        self.wish = wish.text
        reason = wish.reason.rawValue
        replacement = wish.replacement
        signer = wish.signer
        state = .failed
        self.detail = detail
    }

    /// Nil for a Certificate that has none, or one that cannot be read, which is written anew.
    init?(of certificate: Certificate) {
        guard let text = certificate.metadata.annotations?[Names.Annotation.revocation],
            let record = try? JSONValue(parsing: Array(text.utf8)).decode(RevocationRecord.self)
        else { return nil }
        self = record
    }

    var text: String {
        get throws { String(decoding: try JSONValue(encoding: self).serialized(), as: UTF8.self) }
    }

    var reasonName: String { RevocationReason(rawValue: reason).map { "\($0)" } ?? "unspecified" }

    mutating func end(_ state: State, detail: String? = nil) {
        self.state = state
        self.detail = detail
        der = nil
    }
}

/// What a revocation means to the issuing of the Certificate.
enum RevokedCertificate {
    /// The record, where it is about the certificate in the Secret.
    private static func record(_ view: CertificateView) -> RevocationRecord? {
        guard let record = RevocationRecord(of: view.certificate), let name = view.secret?.leaf.value?.renewalName,
            record.certificate == name
        else { return nil }
        return record
    }

    /// Why the certificate is to be replaced.
    static func reissue(_ view: CertificateView) -> Violation? {
        guard let record = record(view), record.replacement != .never else { return nil }
        switch record.state {
        case .replacing:
            return Violation(
                reason: "Revoking", message: "the certificate is going to be revoked (\(record.reasonName))")
        case .done: return violation(view)
        case .asking, .failed: return nil
        }
    }

    /// The certificate in the Secret is worth nothing any more.
    static func violation(_ view: CertificateView) -> Violation? {
        guard let record = record(view), record.state == .done else { return nil }
        return Violation(reason: "Revoked", message: "the certificate was revoked (\(record.reasonName))")
    }

    /// The key in the Secret, where it must not be used again, whatever the spec says.
    static func compromisedKey(_ view: CertificateView) -> Print? {
        guard let record = record(view), record.state != .failed,
            record.reason == RevocationReason.keyCompromise.rawValue
        else { return nil }
        return view.secret?.leaf.value?.publicKey
    }
}
