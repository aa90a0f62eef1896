import PKI
import Wire

/// What requests to AWS are signed with.
struct AWSCredentials: Sendable, Hashable {
    var accessKeyID: String
    var secretKey: Redacted<String>
    /// Of credentials that end.
    var sessionToken: Redacted<String>?
}

/// Signature Version 4 (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
struct AWSSignature {
    var method: String
    var path = "/"
    /// Sorted and escaped.
    var query = ""
    /// Names in lower case; `host` and `x-amz-date` are among them.
    var headers: [(name: String, value: String)]
    var body: [UInt8]
    var region: String
    var service: String

    /// The value of `Authorization`, for the time that `x-amz-date` names.
    func authorization(_ credentials: AWSCredentials) throws(PKIError) -> String {
        let sorted = headers.sorted { $0.name < $1.name }
        let names = sorted.map(\.name).joined(separator: ";")
        let time = sorted.first { $0.name == "x-amz-date" }?.value ?? ""
        let canonical = [
            method, path, query, sorted.map { "\($0.name):\($0.value)\n" }.joined(), names,
            Hex.encode(Digest.sha256(body)),
        ].joined(separator: "\n")
        let day = String(time.prefix(8))
        let scope = "\(day)/\(region)/\(service)/aws4_request"
        let text = "AWS4-HMAC-SHA256\n\(time)\n\(scope)\n" + Hex.encode(Digest.sha256(Array(canonical.utf8)))
        var key = Array("AWS4\(credentials.secretKey.reveal())".utf8)
        for part in [day, region, service, "aws4_request"] {
            key = try HMAC.sha256.authenticate(Array(part.utf8), key: key)
        }
        let signature = Hex.encode(try HMAC.sha256.authenticate(Array(text.utf8), key: key))
        return "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope), SignedHeaders=\(names), "
            + "Signature=\(signature)"
    }

    /// As `x-amz-date` has it: 20150830T123600Z.
    static func time(_ now: Timestamp) -> String {
        now.wholeSeconds.rfc3339.filter { $0 != "-" && $0 != ":" }
    }
}
