import PKI
import TestSupport
import Testing

@testable import PKI

@Suite("Names")
struct NameTests {
    @Test("a literal subject keeps its order, reversed in the certificate as RFC 4514 says")
    func literalSubject() async throws {
        let name = try DistinguishedName(rfc4514: "CN=foo.example.com, OU=Büro+O=Acme\\, Inc.,C=DE,1.2.3.4=\\41b")
        #expect(name.attributes.map(\.text) == ["Ab", "DE", "Büro", "Acme, Inc.", "foo.example.com"])
        #expect(name.attributes.map(\.group) == [0, 1, 2, 2, 3])
        #expect(name.description == "CN=foo.example.com,OU=Büro+O=Acme\\, Inc.,C=DE,1.2.3.4=Ab")
        #expect(try DistinguishedName(rfc4514: name.description) == name)
        let key = try await PrivateKey.generate(.ed25519)
        let request = try await SigningRequest.make(subject: name, extensions: .init(), key: key)
        let tool = try await OpenSSLTool.run(
            ["req", "-noout", "-subject", "-nameopt", "RFC2253,utf8,-esc_msb"], input: Array(request.pem.utf8))
        #expect(
            tool.output.contains("CN=foo.example.com,O=Acme\\, Inc.+OU=Büro,C=DE,1.2.3.4=#13024162"), "\(tool.output)")
    }

    @Test(
        "literal subjects that cannot be read say why",
        arguments: [
            (
                "C=O,UNKNOWN=blah,CN=foo",
                "Literal subject contains unrecognized key with value [blah]: UNKNOWN is neither one of CN, C, O, OU, L,"
                    + " ST, STREET, DC, UID, SERIALNUMBER, POSTALCODE, EMAILADDRESS nor an object identifier"
            ),
            ("CN", "Literal subject has no value for key [CN]"), ("CN=", "Literal subject has no value for key [CN]"),
            ("CN=a,", "Literal subject ends with a separator"),
            ("CN=a\\", "Literal subject has a malformed escape for key [CN]"),
            ("CN=a\\zz", "Literal subject has a malformed escape for key [CN]"),
            ("CN=\\ff", "Literal subject has a value that is not UTF-8 for key [CN]"),
            ("CN=a\"b", "Literal subject has an unescaped special character for key [CN]"),
            ("CN=#zz", "Literal subject has a \"#\" value that is not DER for key [CN]"),
            ("CN=#0403", "Literal subject has a \"#\" value that is not DER for key [CN]"),
        ])
    func badLiterals(text: String, sentence: String) {
        let error = #expect(throws: PKIError.self) { try DistinguishedName(rfc4514: text) }
        #expect(error?.description == sentence)
    }

    @Test("blanks at the edges of a value are cut unless escaped, and come back escaped")
    func blanks() throws {
        #expect(try DistinguishedName(rfc4514: "  CN =  a b  ").commonName == "a b")
        let kept = try DistinguishedName(rfc4514: "CN=\\ a\\ ")
        #expect(kept.commonName == " a ")
        #expect(try DistinguishedName(rfc4514: kept.description) == kept)
        #expect(try DistinguishedName(rfc4514: "cn=\\#a").commonName == "#a")
        let marked = try DistinguishedName(rfc4514: "cn=\\#a")
        #expect(try DistinguishedName(rfc4514: marked.description) == marked)
        let empty = try DistinguishedName(rfc4514: "O=#0C00")
        #expect(try DistinguishedName(rfc4514: empty.description) == empty)
        // a UTF8String that is not UTF-8
        #expect(throws: PKIError.self) { try DistinguishedName(rfc4514: "CN=#0C01DE") }
        #expect(throws: PKIError.self) { try DistinguishedName(rfc4514: "CN=#0C0100") }
        #expect(try DistinguishedName(rfc4514: "").isEmpty)
    }

    @Test("structured subjects have the RDNs of Go's pkix.Name")
    func structured() throws {
        let name = try Samples.fullSubject()
        #expect(
            name.description
                == "SERIALNUMBER=42,CN=example.com,POSTALCODE=10115,STREET=Street 1,ST=BE,L=Berlin,OU=Unit,"
                + "O=Second+O=Übung GmbH,C=DE")
        #expect(throws: PKIError.self) { try DistinguishedName(commonName: "a\0b") }
    }

    @Test(
        "IP addresses are read strictly and written as RFC 5952 says",
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("::", "::"), ("::1", "::1"),
            ("1::", "1::"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("::ffff:192.0.2.1", "192.0.2.1"),
            ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ])
    func addresses(text: String, canonical: String) {
        #expect(IPAddress(text)?.text == canonical)
    }

    @Test(
        "texts that are no IP address are refused",
        arguments: [
            "", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.0.0.1", "1.2.3.-4", "+1.2.3.4", ":", ":::", "1::2::3",
            "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "fe80::1%eth0", "12345::", "g::", "::1.2.3",
            "1.2.3.4::", "1:2:3:4:5:6:7:1.2.3.4", " 1.2.3.4", "٣.2.3.4",
        ])
    func noAddresses(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("address ranges")
    func ranges() {
        #expect(IPRange("10.1.2.3/8")?.description == "10.0.0.0/8")
        #expect(IPRange("2001:db8::ffff/33")?.description == "2001:db8::/33")
        #expect(IPRange("0.0.0.0/0")?.constraintBytes == [0, 0, 0, 0, 0, 0, 0, 0])
        for text in ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "/8", "10.0.0.0/8/8"] {
            #expect(IPRange(text) == nil)
        }
    }

    @Test("object identifiers, up to the size of a UUID")
    func oids() {
        for text in ["1.2.840.113549", "2.999.1", "0.0", "2.25.340282366920938463463374607431768211455", "1.39"] {
            #expect(OID(text)?.dotted == text)
        }
        for text in ["", "1", "3.1", "1.40", "1..2", "1.2.", "01.2", "1.-2", "BAD_OID", "1.2.x", "1.2.٣"] {
            #expect(OID(text) == nil)
        }
        #expect(OID("2.999")?.content == [0x88, 0x37])  // X.690 §8.19.5
    }

    @Test(
        "RFC 3492 §7.1: Punycode samples",
        arguments: [
            ("ليهمابتكلموشعربي؟", "egbpdaj6bu4bxfgehfvwxn"), ("他们为什么不说中文", "ihqwcrb4cv8a8dqg056pqjye"),
            ("Pročprostěnemluvíčesky", "Proprostnemluvesky-uyb24dma41a"), ("3年B組金八先生", "3B-ww4c5e180e575a65lsy2b"),
            ("そのスピードで", "d9juau41awczczp"), ("-> $1.00 <-", "-> $1.00 <--"),
        ])
    func punycode(text: String, encoded: String) {
        #expect(Punycode.encode(Array(text.unicodeScalars)) == encoded)
    }

    @Test(
        "international names become ASCII",
        arguments: [
            ("Example.COM", "example.com"), ("bücher.example", "xn--bcher-kva.example"),
            ("BU\u{308}CHER.example", "xn--bcher-kva.example"), ("*.münchen.de", "*.xn--mnchen-3ya.de"),
            ("例え。テスト", "xn--r8jz45g.xn--zckzah"), ("example.com.", "example.com."), ("_acme.example", "_acme.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"), ("faß.de", "xn--fa-hia.de"),
        ])
    func idna(name: String, ascii: String) {
        #expect(InternationalDomainName.toASCII(name) == ascii)
    }

    @Test(
        "names that cannot become ASCII are refused",
        arguments: [
            "", ".", "a..b", "-a.example", "a-.example", "a b", "a.*.b", "ü b", "☃.example", "a\u{0}ü", "\u{301}a",
            String(repeating: "a", count: 64), String(repeating: "ü", count: 70), "aa--ü",
        ])
    func noIDNA(name: String) {
        #expect(InternationalDomainName.toASCII(name) == nil)
    }
}
