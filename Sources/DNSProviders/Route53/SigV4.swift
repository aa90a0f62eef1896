import HTTPTransport
import HTTPTypes
import PKI
import Wire

/// Signs requests as AWS asks for it (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
struct SigV4: Sendable {
    struct Credentials: Sendable, Hashable {
        var accessKeyID: String
        var secretAccessKey: Redacted<String>
        var sessionToken: Redacted<String>?
    }

    var service: String
    var region: String

    /// Adds the fields that carry the signature. The path and the query of the URL must be in their escaped form; the query is
    /// sorted for the signature.
    func sign(_ request: inout TransportRequest, with credentials: Credentials, at time: Timestamp) throws(PKIError) {
        let stamp = Self.stamp(time)
        request.headers[.amzDate] = stamp
        if let token = credentials.sessionToken { request.headers[.amzSecurityToken] = token.reveal() }
        let address = Self.split(request.url)
        var fields = request.headers.map { (name: $0.name.canonicalName, value: $0.value) }
        fields = fields.filter { ["x-amz-date", "x-amz-security-token", "content-type"].contains($0.name) }
        fields.append((name: "host", value: address.host))
        fields.sort { $0.name < $1.name }
        let signed = fields.map(\.name).joined(separator: ";")
        let canonical = [
            request.method.rawValue, address.path, address.query,
            fields.map { "\($0.name):\(Self.trimmed($0.value))\n" }.joined(), signed,
            Hex.encode(Digest.sha256(request.body ?? [])),
        ].joined(separator: "\n")
        let scope = "\(stamp.prefix(8))/\(region)/\(service)/aws4_request"
        let toSign = ["AWS4-HMAC-SHA256", stamp, scope, Hex.encode(Digest.sha256(Array(canonical.utf8)))]
            .joined(separator: "\n")
        let key = try signingKey(credentials.secretAccessKey.reveal(), date: String(stamp.prefix(8)))
        let signature = Hex.encode(try HMAC.sha256.authenticate(Array(toSign.utf8), key: key))
        request.headers[.authorization] =
            "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope), SignedHeaders=\(signed), Signature=\(signature)"
    }

    private func signingKey(_ secret: String, date: String) throws(PKIError) -> [UInt8] {
        var key = Array("AWS4\(secret)".utf8)
        for part in [date, region, service, "aws4_request"] {
            key = try HMAC.sha256.authenticate(Array(part.utf8), key: key)
        }
        return key
    }

    /// "20150830T123600Z".
    static func stamp(_ time: Timestamp) -> String { time.wholeSeconds.rfc3339.filter { $0 != "-" && $0 != ":" } }

    private static func trimmed(_ value: String) -> String {
        value.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
    }

    private static func split(_ url: String) -> (host: String, path: String, query: String) {
        let rest = url.firstRange(of: "://").map { url[$0.upperBound...] } ?? url[...]
        let host = rest.prefix { $0 != "/" && $0 != "?" }
        let target = rest.dropFirst(host.count)
        let path = target.prefix { $0 != "?" }
        let query = target.dropFirst(path.count + 1).split(separator: "&").map { $0.contains("=") ? "\($0)" : "\($0)=" }
        return (String(host).lowercased(), path.isEmpty ? "/" : String(path), query.sorted().joined(separator: "&"))
    }
}

extension HTTPField.Name {
    static let amzDate = HTTPField.Name("X-Amz-Date")!  // a legal field name
    static let amzSecurityToken = HTTPField.Name("X-Amz-Security-Token")!  // a legal field name
}
