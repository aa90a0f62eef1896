import HTTPTransport
import Testing
import Wire

@Suite struct TLSOptionsTests {
    static func options(key: String = "key", name: String? = nil) -> TLSOptions {
        let identity = TLSOptions.Identity(certificatePEM: Array("cert".utf8), keyPEM: Redacted(Array(key.utf8)))
        return TLSOptions(trust: .only(pem: Array("ca".utf8)), identity: identity, serverName: name)
    }

    @Test("equality looks at the content, also where the storage differs")
    func equality() {
        #expect(Self.options() == Self.options())
        #expect(Self.options().hashValue == Self.options().hashValue)
        #expect(Self.options() != Self.options(key: "other"))
        #expect(Self.options() != Self.options(name: "kubernetes"))
    }

    @Test("a description never shows the key")
    func redacted() {
        var text = ""
        dump(Self.options(key: "4242"), to: &text)
        // as text and as octets; an address in memory may hold any two digits
        for shown in [text, "\(Self.options(key: "4242"))"] {
            #expect(!shown.contains("4242") && !shown.contains("- 52\n") && !shown.contains("52, 50"))
        }
    }
}
