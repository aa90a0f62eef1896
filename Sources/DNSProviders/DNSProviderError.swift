package import CertificateAPI
package import DNSWire
package import KubeModel

/// Why a challenge record could not be written or removed. Texts stay the same while the cause does, for they reach
/// the status of objects.
package enum DNSProviderError: Error, Sendable, Hashable, CustomStringConvertible {
    case invalid([FieldProblem])
    /// `key` is a provider that the API has and this program has not.
    case unsupported(FieldPath, key: String, supported: [String])
    case secretMissing(ObjectKey)
    case secretLacks(ObjectKey, dataKey: String)
    case secretNotBase64(ObjectKey, dataKey: String)
    case secretUnreadable(ObjectKey, detail: String)
    case dns(DNSError)
    /// The service answered, and said no; `detail` is a sentence without request ids.
    case refused(provider: String, detail: String)

    package var description: String {
        switch self {
        case .invalid(let problems): problems.map(\.description).joined(separator: "; ")
        case .unsupported(let path, _, let supported):
            "\(path): this DNS provider is not supported yet; supported are \(supported.joined(separator: ", "))"
        case .secretMissing(let key): "the Secret \(key) does not exist"
        case .secretLacks(let key, let dataKey): "the Secret \(key) has no data under the key \"\(dataKey)\""
        case .secretNotBase64(let key, let dataKey): "the Secret \(key) has no base64 text under the key \"\(dataKey)\""
        case .secretUnreadable(let key, let detail): "the Secret \(key) could not be read: \(detail)"
        case .dns(let error): error.description
        case .refused(let provider, let detail): "\(provider) refused: \(detail)"
        }
    }

    /// Whether only a change of the Issuer can help.
    package var isTerminal: Bool {
        switch self {
        case .invalid, .unsupported: true
        case .secretMissing, .secretLacks, .secretNotBase64, .secretUnreadable, .dns, .refused: false
        }
    }
}
