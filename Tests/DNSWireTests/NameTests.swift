import DNSWire
import Testing

@Suite("DNS names")
struct NameTests {
    @Test(
        "a name is read and written back",
        arguments: [
            ("example.com", "example.com."), ("Example.COM.", "example.com."), (".", "."), ("a", "a."),
            ("a\\.b.c", "a\\.b.c."), ("\\097b.c", "ab.c."), ("\\000.c", "\\000.c."),
            ("_acme-challenge.x", "_acme-challenge.x."),
            ("*.x", "*.x."),
        ])
    func roundTrip(text: String, canonical: String) throws {
        #expect(try DNSName(text).description == canonical)
        #expect(try DNSName(DNSName(text).description) == DNSName(text))
    }

    @Test(
        "text that is no name is refused",
        arguments: [
            ("", DNSNameError.emptyLabel), ("a..b", .emptyLabel), (".a", .emptyLabel), ("a\\", .badEscape),
            ("a\\25", .badEscape), ("a\\256", .badEscape),
        ])
    func refused(text: String, error: DNSNameError) {
        #expect(throws: error) { try DNSName(text) }
    }

    @Test("labels end at 63 octets and names at 255")
    func lengths() throws {
        let label = String(repeating: "a", count: 63)
        #expect(throws: DNSNameError.longLabel(64)) { try DNSName(label + "a") }
        // Three labels of 64 octets, one of 62 and the root make 255.
        let longest = [label, label, label, String(repeating: "b", count: 61)].joined(separator: ".")
        #expect(try DNSName(longest).wire.count == 255)
        #expect(throws: DNSNameError.longName(256)) { try DNSName(longest + "b") }
    }

    @Test("a name knows what it lies within")
    func within() throws {
        let name = try DNSName("a.b.example.com")
        #expect(name.isWithin(try DNSName("example.com")))
        #expect(name.isWithin(name))
        #expect(name.isWithin(.root))
        #expect(!name.isWithin(try DNSName("ample.com")))
        #expect(!(try DNSName("com").isWithin(name)))
        #expect(name.parent == (try DNSName("b.example.com")))
        #expect(DNSName.root.parent == nil)
    }
}

@Suite("DNS servers as people write them")
struct EndpointTests {
    @Test(
        "an address or a host is read, with a port or without",
        arguments: [
            ("192.0.2.1", "192.0.2.1:53"), ("192.0.2.1:5353", "192.0.2.1:5353"),
            ("ns.example.com", "ns.example.com:53"),
            ("ns.example.com:54", "ns.example.com:54"), ("[2001:db8::1]:5353", "[2001:db8::1]:5353"),
            ("[2001:db8::1]", "[2001:db8::1]:53"), ("2001:db8::1", "[2001:db8::1]:53"),
        ])
    func reads(text: String, expected: String) {
        #expect(Endpoint(text)?.description == expected)
    }

    @Test(
        "what is no address and no host is refused",
        arguments: [
            "", ":53", "a b", "[192.0.2.1]:53", "[::1", "host:0", "host:65536", "host:53x", "host:", "1:2:3", "[::1]x",
            "http://x",
        ])
    func refuses(text: String) {
        #expect(Endpoint(text) == nil)
    }

    @Test("a server is an address, or the URL of one that speaks HTTPS")
    func servers() {
        #expect(DNSServer("https://dns.example/dns-query") == .https(url: "https://dns.example/dns-query"))
        #expect(DNSServer("8.8.8.8") == .plain(Endpoint(host: "8.8.8.8", port: 53)))
        #expect(DNSServer("https://") == nil)
        #expect(DNSServer("https://a b") == nil)
    }

    @Test("resolv.conf names servers, and what else it says is passed over")
    func resolvConf() {
        let conf = ResolvConf(
            parsing: """
                # comment
                search example.com
                nameserver 192.0.2.1
                nameserver   fe80::1%eth0
                nameserver not/an/address
                nameserver
                options ndots:5
                """)
        #expect(conf.servers.map(\.description) == ["192.0.2.1:53", "[fe80::1]:53"])
        #expect(ResolvConf.system(path: "/nonexistent") == .fallback)
    }
}
