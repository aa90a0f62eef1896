import Logging
import Operations
import Synchronization
import Testing
import Wire

@Suite("log lines")
struct LogHandlerTests {
    struct StoppedClock: TimeSource {
        func now() -> Timestamp { Timestamp(rfc3339: "2026-11-21T01:02:03Z") ?? Timestamp(secondsSince1970: 0) }
        func elapsed() -> Duration { .zero }
        func sleep(for duration: Duration) async throws {}
    }
    final class Lines: Sendable {
        let all = Mutex<[String]>([])
        var text: [String] { all.withLock { $0 } }
    }

    func logger(_ format: LogFormat, _ lines: Lines) -> Logger {
        Logger(label: "certwright") { label in
            StructuredLogHandler(label: label, format: format, level: .info, time: StoppedClock()) { line in
                lines.all.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
            }
        }
    }

    @Test("text is one line with sorted metadata, and a hostile value cannot forge another line")
    func text() {
        let lines = Lines()
        logger(.text, lines).info(
            "Certificate issued.", metadata: ["namespace": "web", "name": "a\nb \"c\"", "empty": ""])
        #expect(
            lines.text == [
                "2026-11-21T01:02:03Z info     Certificate issued. empty=\"\" name=\"a\\nb \\\"c\\\"\" namespace=web\n"
            ])
    }

    @Test("JSON lines parse and carry every field")
    func json() throws {
        let lines = Lines()
        logger(.json, lines).error("It failed.", metadata: ["name": "x\"y", "list": ["1", "2"]])
        let value = try JSONValue(parsing: Array(try #require(lines.text.first).utf8))
        #expect(value["level"] == "error")
        #expect(value["msg"] == "It failed.")
        #expect(value["name"] == "x\"y")
        #expect(value["list"] == "1,2")
        #expect(value["ts"] == "2026-11-21T01:02:03Z")
    }

    @Test("what is below the level is not written", arguments: [(0, false), (2, false), (3, true), (6, true)])
    func levels(verbosity: Int, shown: Bool) {
        let lines = Lines()
        var logger = logger(.text, lines)
        logger.logLevel = .init(verbosity: verbosity)
        logger.debug("Why.")
        #expect(lines.text.isEmpty == !shown)
    }
}
