import DNSWire
import Testing

@testable import Solvers

/// The examples are those of RFC 8659 §4 and §5 and of RFC 8657 §6, and what their rules say of records that break them.
@Suite("CAA records")
struct CAAPolicyTests {
    private static let account = "https://ca1.example.net/account/1"
    private let policy = CAAPolicy(identities: ["CA1.example.net"], accountURL: account)

    private func objection(
        _ records: [CAARecord], wildcard: Bool = false, method: String? = "http-01"
    ) -> CAAPolicy.Objection? {
        policy.objection(in: records, isWildcard: wildcard, method: method)
    }
    private func issue(_ value: String) -> CAARecord { CAARecord(tag: "issue", value: value) }
    private func wild(_ value: String) -> CAARecord { CAARecord(tag: "issuewild", value: value) }

    @Test("without records, or with none about issuing, every CA may")
    func nothing() {
        #expect(objection([]) == nil)
        #expect(objection([CAARecord(tag: "iodef", value: "mailto:a@example.com")]) == nil)
        #expect(objection([wild("ca2.example.org")]) == nil)
        #expect(objection([CAARecord(isCritical: true, tag: "iodef", value: "x")]) == nil)
    }

    @Test("one record that names the CA is enough; others mean nothing")
    func named() {
        #expect(objection([issue("ca1.example.net")]) == nil)
        #expect(objection([issue("  ca1.EXAMPLE.net  ")]) == nil)
        #expect(objection([issue("ca2.example.org"), issue("ca1.example.net")]) == nil)
        #expect(objection([issue("ca2.example.org")]) == .otherCAs(["ca2.example.org"]))
        #expect(objection([issue(";")]) == .otherCAs([]))
        #expect(objection([issue("")]) == .otherCAs([]))
        #expect(objection([issue("%%%%%")]) == .otherCAs([]))
        // A parameter that cannot be read spoils the record (RFC 8659 §4.2).
        #expect(objection([issue("ca1.example.net; account")]) == .otherCAs([]))
        #expect(objection([issue("ca1.example.net; account=230123")]) == nil)
    }

    @Test("a wildcard goes by issuewild where there is one, and by issue where there is none")
    func wildcards() {
        #expect(objection([issue("ca1.example.net"), wild("ca2.example.org")]) == nil)
        #expect(
            objection([issue("ca1.example.net"), wild("ca2.example.org")], wildcard: true)
                == .otherCAs(["ca2.example.org"]))
        #expect(objection([issue("ca2.example.org"), wild("ca1.example.net")], wildcard: true) == nil)
        #expect(objection([issue("ca2.example.org")], wildcard: true) == .otherCAs(["ca2.example.org"]))
        #expect(objection([issue("ca1.example.net"), wild(";")], wildcard: true) == .otherCAs([]))
    }

    @Test("a critical property that nobody knows forbids everything")
    func critical() {
        let unknown = CAARecord(isCritical: true, tag: "TBS", value: "Unknown")
        #expect(objection([issue("ca1.example.net"), unknown]) == .critical(tag: "tbs"))
        #expect(objection([issue("ca1.example.net"), CAARecord(tag: "tbs", value: "Unknown")]) == nil)
    }

    @Test("a record may be for one account, and for some methods, alone (RFC 8657)")
    func bound() {
        func of(_ parameters: String, method: String? = "http-01") -> CAAPolicy.Objection? {
            objection([issue("ca1.example.net; \(parameters)")], method: method)
        }
        #expect(of("accounturi=\(Self.account)") == nil)
        #expect(
            of("accounturi=https://ca1.example.net/account/2") == .otherAccount("https://ca1.example.net/account/2"))
        #expect(of("validationmethods=dns-01,http-01") == nil)
        #expect(of("validationmethods=dns-01") == .otherMethods(["dns-01"], wanted: "http-01"))
        #expect(of("validationmethods=dns-01", method: nil) == nil)
        #expect(of("accounturi=a; accounturi=b") == .unsatisfiable("accounturi is there more than once"))
        // Any record that fits is enough.
        #expect(
            objection([
                issue("ca1.example.net; validationmethods=dns-01"),
                issue("ca1.example.net; validationmethods=http-01; accounturi=\(Self.account)"),
            ]) == nil)
    }

    @Test("octets that are no CAA record are one that no CA knows")
    func malformed() throws {
        let name = try DNSName("a.example")
        func record(_ octets: [UInt8]) -> ResourceRecord {
            ResourceRecord(name: name, type: .caa, ttlSeconds: 1, data: .other(octets))
        }
        let good = CAARecord(record([0x80, 5] + Array("iSSueca1".utf8)))
        #expect(good == CAARecord(isCritical: true, tag: "issue", value: "ca1"))
        for octets: [UInt8] in [[], [0], [0, 0], [0, 9, 0x61], [0, 1, 0x2D, 0x61]] {
            #expect(CAARecord(record(octets)) == nil)
            var message = DNSMessage(id: 1)
            message.answers = [record(octets)]
            #expect(try message.authorizations(of: name).map(\.isCritical) == [true])
        }
    }

    @Test("the closest name with records counts, aliases included; a failure on the way counts as one")
    func climb() throws {
        var climb = CAAClimb()
        let name = try DNSName("x.y.example.com")
        #expect(CAAClimb.path(from: name).map(\.text) == ["x.y.example.com", "y.example.com", "example.com", "com"])
        climb.found[try DNSName("x.y.example.com")] = .success([])
        climb.found[try DNSName("y.example.com")] = .success([issue("ca1")])
        climb.found[try DNSName("example.com")] = .failure(.noServers)
        #expect(try climb.relevant(to: name).get().owner.text == "y.example.com")
        climb.found[try DNSName("y.example.com")] = .success([])
        #expect(throws: DNSError.noServers) { try climb.relevant(to: name).get() }
    }
}
