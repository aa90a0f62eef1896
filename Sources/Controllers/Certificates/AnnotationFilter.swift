/// Which annotations of a Certificate its CertificateRequests get, as `--copied-annotation-prefixes` says.
package struct AnnotationFilter: Sendable, Equatable {
    private var all = false
    private var included: [String] = []
    private var excluded: [String] = []

    package static let `default` = AnnotationFilter([
        "*", "-kubectl.kubernetes.io/", "-fluxcd.io/", "-argocd.argoproj.io/",
    ])

    /// Prefixes; `*` stands for all, and a leading `-` takes away.
    package init(_ prefixes: [String]) {
        for prefix in prefixes {
            if prefix == "*" {
                all = true
            } else if prefix.hasPrefix("-") {
                excluded.append(String(prefix.dropFirst()))
            } else {
                included.append(prefix)
            }
        }
    }

    package func filter(_ annotations: [String: String]?) -> [String: String] {
        (annotations ?? [:]).filter { key, _ in
            (all || included.contains { key.hasPrefix($0) }) && !excluded.contains { key.hasPrefix($0) }
        }
    }
}
