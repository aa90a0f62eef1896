import PKI
import Testing
import Wire

@testable import ACME

@Suite("dns-account-01 and dns-persist-01")
struct PersistTests {
    private static let accountURL = "https://ca.example/acct/123"
    private static let thumbprint = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    private static let now = Timestamp(secondsSince1970: 1_790_000_000)

    // MARK: dns-account-01

    @Test("the account's label is the draft's, of the URL exactly as it is (C1, C2, C3)")
    func label() throws {
        // The example of draft-ietf-acme-dns-account-label §3.2.
        let url = "https://example.com/acme/acct/ExampleAccount"
        #expect(AccountLabel(accountURL: url).text == "_ujmmovf2vn55tgye")
        for other in [url + "/", url.uppercased(), "http" + url.dropFirst(5), url + ":443"] {
            #expect(AccountLabel(accountURL: other) != AccountLabel(accountURL: url))
        }
        #expect(AccountLabel("_ujmmovf2vn55tgye")?.text == "_ujmmovf2vn55tgye")
        for text in [
            "ujmmovf2vn55tgye", "_ujmmovf2vn55tgy", "_ujmmovf2vn55tgy1", "_UJMMOVF2VN55TGYE", "_a.b.c.d.e.f.g.h.", "",
        ] {
            #expect(AccountLabel(text) == nil, "\(text)")
        }
    }

    // MARK: Offers

    private func directory(_ meta: JSONObject = [:]) throws -> ACMEDirectory {
        try ACMEDirectory([
            "newNonce": "n", "newAccount": "a", "newOrder": "o", "meta": .object(meta),
        ])
    }

    private func offer(
        _ members: JSONObject, _ directory: ACMEDirectory? = nil
    ) throws(PersistError) -> PersistOffer {
        var challenge = members
        challenge["type"] = "dns-persist-01"
        return try PersistOffer(
            PersistOffer.text(of: .object(challenge)) ?? "", accountURL: Self.accountURL, directory: directory)
    }

    @Test("the generation follows from what the server says, and a second one without its prefix is refused (P0)")
    func generation() throws {
        #expect(try offer(["issuer-domain-names": ["ca.example"]]).generation == .plain)
        let second = try directory(["accountHashPrefix": "https://ca.example/h/"])
        let prefix = PersistOffer.Generation.hashed(prefix: "https://ca.example/h/")
        #expect(try offer(["issuerDomainNames": ["ca.example"]], second).generation == prefix)
        #expect(try offer(["issuer-domain-names": ["ca.example"]], second).generation == prefix)
        #expect(
            try offer(["issuer-domain-names": ["a"], "issuerDomainNames": ["ca.example"]], second).issuerNames == [
                "ca.example"
            ])
        #expect(throws: PersistError.hashPrefix) { try offer(["issuerDomainNames": ["ca.example"]]) }
        let bad = try directory(["accountHashPrefix": "a;b"])
        #expect(throws: PersistError.hashPrefix) { try offer(["issuerDomainNames": ["ca.example"]], bad) }
        #expect(PersistOffer.text(of: ["type": "dns-01", "issuer-domain-names": ["a"]]) == nil)
    }

    @Test(
        "issuer names are one to ten, in lower case and without the root's dot (P1)",
        arguments: [
            [], ["CA.example"], ["ca.example."], [""], ["a b"], ["ü.example"], [7],
            .array((0...10).map { .string("ca\($0).example") }), [.string(String(repeating: "a", count: 254))],
        ] as [JSONValue])
    func names(list: JSONValue) {
        #expect(throws: PersistError.self) { try offer(["issuer-domain-names": list]) }
    }

    @Test("in the second generation the directory's names and CAA identities have a say (P1)")
    func secondNames() throws {
        var meta: JSONObject = ["accountHashPrefix": "https://ca.example/h/", "issuerDomainNames": ["ca.example"]]
        #expect(try offer(["issuerDomainNames": ["b.example", "ca.example"]], directory(meta)).issuerNames.count == 2)
        #expect(throws: PersistError.self) { try offer(["issuerDomainNames": ["b.example"]], directory(meta)) }
        meta["caaIdentities"] = ["ca.example"]
        #expect(throws: PersistError.self) {
            try offer(["issuerDomainNames": ["b.example", "ca.example"]], directory(meta))
        }
        #expect(throws: PersistError.unreadable) {
            try PersistOffer("[", accountURL: Self.accountURL, directory: nil)
        }
    }

    @Test("an offer for another account is refused (P4)")
    func foreign() throws {
        let ours: JSONValue = .string(Self.accountURL)
        #expect(throws: Never.self) { try offer(["issuer-domain-names": ["ca.example"], "accounturi": ours]) }
        #expect(throws: PersistError.foreignAccount("https://ca.example/acct/9")) {
            try offer(["issuer-domain-names": ["ca.example"], "accounturi": "https://ca.example/acct/9"])
        }
    }

    // MARK: Records

    @Test("the digest is the draft's (P5)")
    func digest() throws {
        // Vectors of draft-ietf-acme-dns-persist-02.
        func uri(_ domain: String) throws -> String {
            try PersistentRecord.hashedURI(
                prefix: "p/", domain: domain, thumbprint: Self.thumbprint, accountURL: Self.accountURL)
        }
        #expect(try uri("example.com") == "p/sha-256/5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw")
        #expect(try uri("*") == "p/sha-256/NpDnSwUthQK8zCgFdefYxAdAVPnygMLbs9US6oO-5ug")
        for domain in ["Example.com", "example.com.", "", String(repeating: "a", count: 254)] {
            #expect(throws: PersistError.domain(domain)) { try uri(domain) }
        }
    }

    private func record(_ isWildcard: Bool = false, allowed: Bool = true, hashed: Bool = false) async throws
        -> PersistentRecord
    {
        let key = try await PrivateKey.generate(.ecdsa(.p256)).publicKey
        let meta: JSONObject = hashed ? ["accountHashPrefix": "https://ca.example/h/"] : [:]
        return try PersistentRecord(
            for: offer(["issuer-domain-names": ["ca.example", "b.example"]], directory(meta)), domain: "example.com",
            isWildcard: isWildcard, allowsWildcard: allowed, accountURL: Self.accountURL, accountKey: key)
    }

    @Test("the record names the CA and the account, and wildcards only where that is wanted (P2, P6)")
    func text() async throws {
        #expect(try await record().text == "ca.example; accounturi=https://ca.example/acct/123")
        #expect(
            try await record(true).text == "ca.example; accounturi=https://ca.example/acct/123; policy=wildcard")
        await #expect(throws: PersistError.wildcardNotAllowed) { try await record(true, allowed: false) }
        let hashed = try await record(hashed: true).text
        #expect(hashed.hasPrefix("ca.example; accounturi=https://ca.example/h/sha-256/"))
        var ending = try await record()
        ending.until = Timestamp(secondsSince1970: 1_800_000_000)
        #expect(ending.text.hasSuffix("; persistUntil=1800000000"))
        #expect(PersistentRecord(ending.text) == ending)
    }

    @Test(
        "what a CA would call malformed is none (P2)",
        arguments: [
            "", "ca.example", "ca.example;", "ca.example; accounturi=u;", "ca.example; accounturi=",
            "; accounturi=u", "ca.example; accounturi=u; accounturi=v", "ca.example; accounturi=u; ACCOUNTURI=u",
            "ca.example; accounturi=u; policy", "ca.example; accounturi=u; persistUntil=x",
            "ca.example; accounturi=u; persistUntil=-1", "ca.example; accounturi=ü", "v=spf1 -all",
        ])
    func malformed(text: String) {
        #expect(PersistentRecord(text) == nil)
    }

    @Test("tags and the wildcard's word are read in any case, and what is unknown is passed over (P2)")
    func lenient() {
        let read = PersistentRecord(
            "CA.example.;AccountURI=u ;Policy=WildCard; other=1; persistUntil=99999999999999999")
        #expect(read == PersistentRecord(issuerName: "ca.example", accountURI: "u", coversWildcard: true))
    }

    @Test("a record that is there serves when it does what ours would, until shortly before its end (P7, P8)")
    func serving() {
        let wanted = PersistentRecord(issuerName: "ca.example", accountURI: "u", coversWildcard: false)
        func serves(_ text: String, _ wanted: PersistentRecord) -> Bool {
            PersistentRecord(text)?.serves(wanted, issuerNames: ["ca.example", "b.example"], at: Self.now) ?? false
        }
        #expect(serves("ca.example; accounturi=u", wanted))
        #expect(serves("b.example; accounturi=u; policy=wildcard", wanted))
        #expect(!serves("c.example; accounturi=u", wanted))
        #expect(!serves("ca.example; accounturi=v", wanted))
        var wild = wanted
        wild.coversWildcard = true
        #expect(!serves("ca.example; accounturi=u", wild))
        let end = Self.now.secondsSince1970 + 3600
        #expect(!serves("ca.example; accounturi=u; persistUntil=\(end)", wanted))
        #expect(serves("ca.example; accounturi=u; persistUntil=\(end + 1)", wanted))
    }
}
