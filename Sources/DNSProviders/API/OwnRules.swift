import CertificateAPI
import HTTPTransport

/// Rules that the configurations of our own providers have in common.
enum OwnRules {
    /// A base URL without query; its last slash is left away.
    static func base(_ url: String) -> String? {
        guard HTTPAddress(url: url) != nil, !url.contains("?"), !url.contains("#") else { return nil }
        return url.hasSuffix("/") ? String(url.dropLast()) : url
    }

    static func urlProblems(_ url: String, at path: FieldPath) -> [FieldProblem] {
        base(url) == nil ? [.invalid(path, url, "must be an http or https URL without a query")] : []
    }

    /// What to trust, beside the system's roots, of a server with a CA of its own.
    static func tls(_ caBundle: String?) -> TLSOptions {
        caBundle.nonEmpty.map { TLSOptions(trust: .systemAnd(pem: Array($0.utf8))) } ?? .system
    }
}
