import CertificateAPI
package import KubeModel

/// Whose CA a target asks for by its annotations.
package enum CAWish: Sendable, Hashable {
    case secret(ObjectKey)
    /// The CA in the Secret of a Certificate.
    case certificate(ObjectKey)
    /// The CA that this program itself trusts the API server by.
    case apiServer

    /// The wish that counts: a Secret goes before a Certificate, and that before the API server. Nil where there is none.
    package static func read(_ annotations: [String: String]) -> Result<CAWish, InjectionProblem>? {
        if let text = annotations[Names.Annotation.injectCAFromSecret] {
            return key(text, Names.Annotation.injectCAFromSecret, "Secret").map { .secret($0) }
        }
        if let text = annotations[Names.Annotation.injectCAFrom] {
            return key(text, Names.Annotation.injectCAFrom, "Certificate").map { .certificate($0) }
        }
        switch annotations[Names.Annotation.injectAPIServerCA] {
        case nil, "false"?: return nil
        case "true"?: return .success(.apiServer)
        case let other?:
            return .failure(
                .badAnnotation(
                    "The annotation \(Names.Annotation.injectAPIServerCA) must be \"true\" or \"false\"; it is \"\(other)\"."
                ))
        }
    }

    static func isAsked(by annotations: [String: String]) -> Bool { read(annotations) != nil }

    /// Where the namespace is not fixed, any is possible.
    var namespace: String? {
        switch self {
        case .secret(let key), .certificate(let key): key.namespace
        case .apiServer: nil
        }
    }

    private static func key(
        _ text: String, _ annotation: String, _ kind: String
    ) -> Result<ObjectKey, InjectionProblem> {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ isName($0) }) else {
            return .failure(
                .badAnnotation(
                    "The annotation \(annotation) must name a \(kind) as namespace/name; it is \"\(text)\"."))
        }
        return .success(ObjectKey(namespace: String(parts[0]), name: String(parts[1])))
    }

    /// Whether it can be the name of an object in a path: RFC 1123 characters, and neither "." nor "..".
    private static func isName(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, first != UInt8(ascii: "."), text.utf8.count <= 253 else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                UInt8(ascii: "."):
                true
            default: false
            }
        }
    }
}
