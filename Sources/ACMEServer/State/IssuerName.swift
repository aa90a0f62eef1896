package import CertificateAPI
package import KubeModel

/// Whose directory it is: an Issuer with its namespace, or a ClusterIssuer.
package struct IssuerName: Sendable, Hashable, CustomStringConvertible {
    /// Nil for a ClusterIssuer.
    package let namespace: String?
    package let name: String

    package init(namespace: String?, name: String) {
        self.namespace = namespace
        self.name = name
    }

    /// `issuer/NAMESPACE/NAME` or `clusterissuer/NAME`, as it stands in URLs.
    package var path: String { namespace.map { "issuer/\($0)/\(name)" } ?? "clusterissuer/\(name)" }

    /// Reads ``path``.
    package init?(path: String) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        switch parts.first {
        case "clusterissuer" where parts.count == 2 && Self.isName(parts[1]): self.init(namespace: nil, name: parts[1])
        case "issuer" where parts.count == 3 && Self.isName(parts[1]) && Self.isName(parts[2]):
            self.init(namespace: parts[1], name: parts[2])
        default: return nil
        }
    }

    /// As the API server takes names (RFC 1123 subdomains), so that none leads elsewhere in a path.
    private static func isName(_ text: String) -> Bool {
        (1...253).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2D || byte == 0x2E
            } && text.first != "." && text.first != "-"
    }

    package var reference: IssuerReference {
        IssuerReference(name: name, kind: namespace == nil ? "ClusterIssuer" : "Issuer", group: Names.group)
    }

    package var key: ObjectKey { ObjectKey(namespace: namespace ?? "", name: name) }

    package var description: String { namespace.map { "Issuer \($0)/\(name)" } ?? "ClusterIssuer \(name)" }
}
