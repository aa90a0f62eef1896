import HTTPTransport
import HTTPTypes
import PKI
import Wire

/// Signs requests as Akamai asks for it (techdocs.akamai.com/developer/docs/authenticate-with-edgegrid).
struct EdgeGrid: Sendable {
    var clientToken: Redacted<String>
    var clientSecret: Redacted<String>
    var accessToken: Redacted<String>

    /// Only the body of a POST is signed, and of that the first 131,072 octets.
    private static let signedBytes = 131_072

    func sign(_ request: inout TransportRequest, at time: Timestamp, nonce: String) throws(PKIError) {
        let stamp = Self.stamp(time)
        let start =
            "EG1-HMAC-SHA256 client_token=\(clientToken.reveal());access_token=\(accessToken.reveal());"
            + "timestamp=\(stamp);nonce=\(nonce);"
        let body = request.method == .post ? Array((request.body ?? []).prefix(Self.signedBytes)) : []
        let rest = request.url.firstRange(of: "://").map { request.url[$0.upperBound...] } ?? request.url[...]
        let host = rest.prefix { $0 != "/" }
        let text = [
            request.method.rawValue, "https", host.lowercased(), String(rest.dropFirst(host.count)), "",
            body.isEmpty ? "" : Base64.encode(Digest.sha256(body)), start,
        ].joined(separator: "\t")
        let key = try HMAC.sha256.authenticate(Array(stamp.utf8), key: Array(clientSecret.reveal().utf8))
        let signature = try HMAC.sha256.authenticate(Array(text.utf8), key: Array(Base64.encode(key).utf8))
        request.headers[.authorization] = "\(start)signature=\(Base64.encode(signature))"
    }

    /// "20140321T19:34:21+0000".
    static func stamp(_ time: Timestamp) -> String {
        time.wholeSeconds.rfc3339.filter { $0 != "-" && $0 != "Z" } + "+0000"
    }

    static func nonce() -> String {
        Hex.encode((0..<16).map { _ in UInt8.random(in: 0...255) })
    }
}
