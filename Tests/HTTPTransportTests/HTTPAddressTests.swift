import HTTPTransport
import Testing

@Suite struct HTTPAddressTests {
    @Test(
        "host and port come out of a URL as written, in lower case",
        arguments: [
            ("https://Example.COM/a?b", "example.com", 443), ("http://a", "a", 80), ("HTTP://a:8080#x", "a", 8080),
            ("https://[2001:DB8::1]:6443/", "2001:db8::1", 6443), ("https://[::1]", "::1", 443),
            ("http://a:/", "a", 80), ("http://a?x=http://b:1/", "a", 80),
        ])
    func parts(url: String, host: String, port: Int) throws {
        let address = try #require(HTTPAddress(url: url))
        #expect(address.host == host)
        #expect(address.port == port)
    }

    @Test(
        "what is not an absolute http URL with a plain host is refused",
        arguments: [
            "", "a", "ftp://a/", "https:///x", "https://user:secret@a/", "https://a b/", "https://a\r\nHost: b/",
            "https://a:0/", "https://a:65536/", "https://a:1:2/", "https://[::1/", "https://[::1]x/", "https://[a]/",
            "file:///etc/passwd", "https:/a", "https://a\\@b/", "https://:80/",
        ])
    func refused(url: String) {
        #expect(HTTPAddress(url: url) == nil)
    }
}
