package import CertificateAPI
package import DNSWire
package import KubeModel
package import Wire

/// Why a challenge record could not be written or removed. Texts stay the same while the cause does, for they reach
/// the status of objects; they hold no credential and no request id.
package enum DNSProviderError: Error, Sendable, Hashable, CustomStringConvertible {
    case invalid([FieldProblem])
    /// `key` is a provider that the API has and this program has not.
    case unsupported(FieldPath, key: String, supported: [String])
    case secretMissing(ObjectKey)
    case secretLacks(ObjectKey, dataKey: String)
    case secretNotBase64(ObjectKey, dataKey: String)
    case secretUnreadable(ObjectKey, detail: String)
    /// The data is there and is not what the provider needs; `detail` is a sentence without the data.
    case secretMalformed(ObjectKey, dataKey: String, detail: String)
    /// The configuration names no credentials, and those of the machine do not serve; `detail` is a sentence that says why.
    case noCredentials(provider: String, detail: String)
    case dns(DNSError)
    /// The service does not know the credentials, or does not accept them any more.
    case wrongCredentials(provider: String, detail: String)
    /// The service knows the credentials and does not let them do what was tried; `needs` names the right to give.
    case missingPermission(provider: String, doing: String, needs: String, detail: String)
    /// `needs` is what the credentials must have to see the zone.
    case zoneNotFound(provider: String, name: DNSName, needs: String)
    /// The challenge's name does not lead to the provider yet: its owner has to make an alias.
    case aliasMissing(provider: String, name: DNSName, target: DNSName)
    /// Others change the same records at the same time.
    case conflict(provider: String, detail: String)
    /// Too many requests: the next one is worth it at `until`.
    case rateLimited(provider: String, until: Timestamp)
    /// The service answered, and said no; `detail` is a sentence without request ids.
    case refused(provider: String, detail: String)
    /// No answer, or one that says that the service is out of order.
    case unreachable(provider: String, detail: String)
    /// An answer that cannot be read.
    case malformedAnswer(provider: String, detail: String)

    package var description: String {
        switch self {
        case .invalid(let problems): problems.map(\.description).joined(separator: "; ")
        case .unsupported(let path, _, let supported):
            "\(path): this DNS provider is not supported yet; supported are \(supported.joined(separator: ", "))"
        case .secretMissing(let key): "the Secret \(key) does not exist"
        case .secretLacks(let key, let dataKey): "the Secret \(key) has no data under the key \"\(dataKey)\""
        case .secretNotBase64(let key, let dataKey): "the Secret \(key) has no base64 text under the key \"\(dataKey)\""
        case .secretUnreadable(let key, let detail): "the Secret \(key) could not be read: \(detail)"
        case .secretMalformed(let key, let dataKey, let detail):
            "the Secret \(key) cannot be used, under the key \"\(dataKey)\": \(detail)"
        case .noCredentials(let provider, let detail): "\(provider): there are no credentials to use: \(detail)"
        case .dns(let error): error.description
        case .wrongCredentials(let provider, let detail):
            "\(provider) does not accept the credentials\(Self.tail(detail)); "
                + "put valid ones into the Secret that the issuer names"
        case .missingPermission(let provider, let doing, let needs, let detail):
            "\(provider) does not let these credentials \(doing)\(Self.tail(detail)); they need \(needs)"
        case .zoneNotFound(let provider, let name, let needs):
            "\(provider) has no zone for \(name.text) that these credentials can see; where it has one, they need \(needs)"
        case .aliasMissing(let provider, let name, let target):
            "\(provider) keeps the record of \(name.text) under another name: create the DNS record "
                + "\(name) CNAME \(target)"
        case .conflict(let provider, let detail):
            "\(provider): the records were changed by others meanwhile\(Self.tail(detail))"
        case .rateLimited(let provider, _): "\(provider) takes no more requests for now; trying again when it does"
        case .refused(let provider, let detail): "\(provider) refused: \(detail)"
        case .unreachable(let provider, let detail): "\(provider) cannot be reached: \(detail)"
        case .malformedAnswer(let provider, let detail): "\(provider) answered with what cannot be read: \(detail)"
        }
    }

    private static func tail(_ detail: String) -> String { detail.isEmpty ? "" : " (\(detail))" }

    /// Whether only a change of the Issuer can help.
    package var isTerminal: Bool {
        switch self {
        case .invalid, .unsupported: true
        default: false
        }
    }

    /// Whether the credentials are gone, or not what they should be, so that only a changed Secret helps.
    package var isAboutSecret: Bool {
        switch self {
        case .secretMissing, .secretLacks, .secretNotBase64, .secretMalformed: true
        default: false
        }
    }
}
