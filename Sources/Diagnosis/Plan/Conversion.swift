import CertificateAPI
package import Wire

/// Rewrites manifests of older versions of our kinds as `v1`.
///
/// What changed from version to version stands in cert-manager's release notes for 0.16 (v1beta1) and 1.0 (v1): fields
/// were moved and renamed, none was lost.
package enum Conversion {
    package static let versions = ["v1alpha2", "v1alpha3", "v1beta1", "v1"]

    package enum Outcome: Sendable, Equatable {
        case converted(JSONValue)
        /// Of another group, or of v1 already.
        case unchanged(JSONValue)
        /// A version that nobody knows the way from.
        case unknown(String)
    }

    package static func convert(_ manifest: JSONValue) -> Outcome {
        guard let apiVersion = manifest["apiVersion"]?.stringValue else { return .unchanged(manifest) }
        let parts = apiVersion.split(separator: "/").map(String.init)
        guard parts.count == 2, [Names.group, Names.acmeGroup].contains(parts[0]) else { return .unchanged(manifest) }
        guard versions.contains(parts[1]) else { return .unknown(apiVersion) }
        if parts[1] == Names.version { return .unchanged(manifest) }
        var result = manifest
        result["apiVersion"] = .string("\(parts[0])/\(Names.version)")
        if var spec = manifest["spec"] {
            switch manifest["kind"]?.stringValue {
            case "Certificate": certificate(&spec)
            case "CertificateRequest", "Order": rename("csr", "request", in: &spec)
            case "Issuer", "ClusterIssuer": issuer(&spec)
            default: break
            }
            result["spec"] = spec
        }
        // What the controller wrote in the old form it writes anew.
        result["status"] = nil
        return .converted(result)
    }

    private static func rename(_ old: String, _ new: String, in value: inout JSONValue) {
        guard let moved = value[old] else { return }
        value[old] = nil
        if value[new] == nil { value[new] = moved }
    }

    private static func certificate(_ spec: inout JSONValue) {
        rename("uriSANs", "uris", in: &spec)
        rename("emailSANs", "emailAddresses", in: &spec)
        if let organizations = spec["organization"] {
            spec["organization"] = nil
            set(organizations, "organizations", below: "subject", in: &spec)
        }
        let words = [
            "rsa": "RSA", "ecdsa": "ECDSA", "ed25519": "Ed25519", "pkcs1": "PKCS1", "pkcs8": "PKCS8",
        ]
        for (old, new) in [("keyAlgorithm", "algorithm"), ("keySize", "size"), ("keyEncoding", "encoding")] {
            guard let value = spec[old] else { continue }
            spec[old] = nil
            let word = value.stringValue.map { JSONValue.string(words[$0.lowercased()] ?? $0) }
            set(word ?? value, new, below: "privateKey", in: &spec)
        }
    }

    /// A value that the newer place has already stays.
    private static func set(_ value: JSONValue, _ field: String, below parent: String, in spec: inout JSONValue) {
        var place = spec[parent] ?? [:]
        if place[field] == nil { place[field] = value }
        spec[parent] = place
    }

    private static func issuer(_ spec: inout JSONValue) {
        guard var acme = spec["acme"], let solvers = acme["solvers"]?.arrayValue else { return }
        acme["solvers"] = .array(
            solvers.map { solver in
                var solver = solver
                guard var dns01 = solver["dns01"] else { return solver }
                for (old, new) in [("clouddns", "cloudDNS"), ("azuredns", "azureDNS"), ("acmedns", "acmeDNS")] {
                    rename(old, new, in: &dns01)
                }
                solver["dns01"] = dns01
                return solver
            })
        spec["acme"] = acme
    }
}
