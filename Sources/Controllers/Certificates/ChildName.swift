import PKI
import Wire

/// Names of objects made for another object: the same each time, and never longer than the API server takes.
enum ChildName {
    private static let maximumLength = 253

    /// `parent-suffix`, the parent shortened and made unique again by its digest where that is too long.
    static func make(_ parent: String, suffix: String) -> String {
        let plain = "\(parent)-\(suffix)"
        guard plain.utf8.count > maximumLength else { return plain }
        return "\(head(parent, maximumLength - suffix.utf8.count - 18))-\(digest(parent))-\(suffix)"
    }

    /// The name of a request: `certificate-revision`, and for names of more than 233 octets the form that cert-manager
    /// gives them.
    static func request(_ certificate: String, revision: Int) -> String {
        guard certificate.utf8.count > 233 else { return "\(certificate)-\(revision)" }
        let digest = Hex.encode(Digest.sha256(Array(certificate.utf8)))
        return "\(head(certificate, 168))-\(digest)-\(revision)"
    }

    /// Sixteen hexadecimal digits.
    static func digest(_ text: String) -> String {
        String(Hex.encode(Digest.sha256(Array(text.utf8))).prefix(16))
    }

    /// The first octets of a name, ending where a name may end.
    private static func head(_ name: String, _ length: Int) -> String {
        var head = name.prefix(max(length, 1))
        while let last = head.last, last == "-" || last == "." { head.removeLast() }
        return String(head)
    }
}
