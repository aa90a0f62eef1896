import HTTPTransport
import Testing
import Wire

@Suite struct RetryAfterTests {
    /// Fri, 31 Dec 1999 23:59:59 GMT, the date of RFC 9110 §10.2.3, less one minute.
    static let now = Timestamp(secondsSince1970: 946_684_799 - 60, nanoseconds: 0)

    @Test(
        "both forms are read, and no wait is negative or endless (Q2)",
        arguments: [
            ("120", Duration.seconds(120)), ("0", .zero), (" 7\t", .seconds(7)),
            ("Fri, 31 Dec 1999 23:59:59 GMT", .seconds(60)), ("Fri, 31 Dec 1979 23:59:59 GMT", .zero),
            ("99999999999999999999999", .seconds(31_536_000)), ("400000000", .seconds(31_536_000)),
        ])
    func forms(header: String, wait: Duration) {
        #expect(RetryAfter.parse(header, now: Self.now) == wait)
    }

    @Test("what is neither form is ignored", arguments: ["", " ", "-1", "1.5", "soon", "+3", "1e3", "٣"])
    func neither(header: String) {
        #expect(RetryAfter.parse(header, now: Self.now) == nil)
    }
}
