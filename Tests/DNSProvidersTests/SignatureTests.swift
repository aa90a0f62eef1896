import HTTPTransport
import HTTPTypes
import Testing
import Wire

@testable import DNSProviders

@Suite("Signed requests")
struct SignatureTests {
    /// AWS's Signature Version 4 test suite (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-test-suite.html, formerly in
    /// aws-sig-v4-test-suite.zip): get-vanilla, get-vanilla-query-order-key-case, post-x-www-form-urlencoded, post-vanilla and
    /// get-vanilla with a session token.
    @Test(
        "Signature Version 4 gives the signatures that AWS published",
        arguments: [
            (
                "GET", "/", nil, nil, "host;x-amz-date",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
            ),
            (
                "GET", "/?Param2=value2&Param1=value1", nil, nil, "host;x-amz-date",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
            ),
            (
                "POST", "/", "Param1=value1", "application/x-www-form-urlencoded", "content-type;host;x-amz-date",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
            ),
            (
                "POST", "/", nil, nil, "host;x-amz-date",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
            ),
        ] as [(String, String, String?, String?, String, String)])
    func signatureV4(
        method: String, target: String, body: String?, type: String?, signed: String, signature: String
    ) throws {
        var request = TransportRequest(
            url: "https://example.amazonaws.com\(target)", method: try #require(.init(rawValue: method)),
            body: body.map { Array($0.utf8) })
        if let type { request.headers[.contentType] = type }
        let time = try #require(Timestamp(rfc3339: "2015-08-30T12:36:00Z"))
        try SigV4(service: "service", region: "us-east-1").sign(
            &request,
            with: .init(
                accessKeyID: "AKIDEXAMPLE", secretAccessKey: Redacted("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")),
            at: time)
        #expect(
            request.headers[.authorization]
                == "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                + "SignedHeaders=\(signed), Signature=\(signature)")
        #expect(request.headers[.amzDate] == "20150830T123600Z")
    }

    /// github.com/akamai/AkamaiOPEN-edgegrid-golang, pkg/edgegrid (its testdata, shared by Akamai's libraries of all languages):
    /// the cases "simple GET" and "POST inside limit".
    @Test(
        "EdgeGrid gives the signatures of Akamai's own libraries",
        arguments: [
            ("GET", "/", nil, "tL+y4hxyHxgWVD30X3pWnGKHcPzmrIF+LThiAOhMxYU="),
            (
                "POST", "/testapi/v1/t3", "datadatadatadatadatadatadatadata",
                "hXm4iCxtpN22m4cbZb4lVLW5rhX8Ca82vCFqXzSTPe4="
            ),
        ] as [(String, String, String?, String)])
    func edgeGrid(method: String, target: String, body: String?, signature: String) throws {
        var request = TransportRequest(
            url: "https://akaa-baseurl-xxxxxxxxxxx-xxxxxxxxxxxxx.luna.akamaiapis.net\(target)",
            method: try #require(.init(rawValue: method)), body: body.map { Array($0.utf8) })
        let time = try #require(Timestamp(rfc3339: "2014-03-21T19:34:21Z"))
        try EdgeGrid(
            clientToken: Redacted("akab-client-token-xxx-xxxxxxxxxxxxxxxx"),
            clientSecret: Redacted("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx="),
            accessToken: Redacted("akab-access-token-xxx-xxxxxxxxxxxxxxxx")
        ).sign(&request, at: time, nonce: "nonce-xx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
        #expect(
            request.headers[.authorization]
                == "EG1-HMAC-SHA256 client_token=akab-client-token-xxx-xxxxxxxxxxxxxxxx;"
                + "access_token=akab-access-token-xxx-xxxxxxxxxxxxxxxx;timestamp=20140321T19:34:21+0000;"
                + "nonce=nonce-xx-xxxx-xxxx-xxxx-xxxxxxxxxxxx;signature=\(signature)")
    }
}
