import DNSWire
import Testing

@testable import DNSProviders

@Suite("Route 53")
struct Route53Tests {
    static func set(_ values: [String], ttl: Int = 60, extra: String = "") -> String {
        let records = values.map { "<ResourceRecord><Value>&quot;\($0)&quot;</Value></ResourceRecord>" }.joined()
        return "<ResourceRecordSet><Name>a.example.com.</Name><Type>TXT</Type>\(extra)<TTL>\(ttl)</TTL>"
            + "<ResourceRecords>\(records)</ResourceRecords></ResourceRecordSet>"
    }
    static func multivalue(_ value: String, ttl: Int = 10) -> String {
        set(
            [value], ttl: ttl,
            extra: "<SetIdentifier>&quot;\(value)&quot;</SetIdentifier><MultiValueAnswer>true</MultiValueAnswer>")
    }

    @Test("a plain set is deleted as it is and created anew, in one batch")
    func plain() throws {
        let name = try DNSName("a.example.com")
        #expect(Route53.changes(from: .empty, to: ["1"], at: name) == [.init(action: "CREATE", set: Self.set(["1"]))])
        let old = RecordSet(values: ["1"], ttlSeconds: 300, version: "s" + Self.set(["1"], ttl: 300))
        #expect(
            Route53.changes(from: old, to: ["1", "2"], at: name) == [
                .init(action: "DELETE", set: Self.set(["1"], ttl: 300)),
                .init(action: "CREATE", set: Self.set(["1", "2"], ttl: 300)),
            ])
        #expect(
            Route53.changes(from: old, to: [], at: name) == [.init(action: "DELETE", set: Self.set(["1"], ttl: 300))])
    }

    @Test("beside multivalue records of cert-manager one more of their kind is made, and only it goes")
    func multivalues() throws {
        let name = try DNSName("a.example.com")
        let old = RecordSet(values: ["1"], ttlSeconds: 10, version: "m" + Self.multivalue("1"))
        #expect(
            Route53.changes(from: old, to: ["1", "2"], at: name) == [.init(action: "CREATE", set: Self.multivalue("2"))]
        )
        let both = RecordSet(
            values: ["1", "2"], ttlSeconds: 10, version: "m" + Self.multivalue("1") + "\n" + Self.multivalue("2"))
        #expect(
            Route53.changes(from: both, to: ["1"], at: name) == [.init(action: "DELETE", set: Self.multivalue("2"))])
    }
}
