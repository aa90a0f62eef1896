import TestSupport
import Testing

@Suite("alerts", .enabled(if: TestPrograms.find("promtool") != nil, "no promtool: install Debian's prometheus"))
struct AlertTests {
    static let folder = "\(Helm.project)/charts/certwright/files"

    @Test("promtool takes the rules, and each fires when its test says, with what it says, and else is silent")
    func rules() async throws {
        try await Tool.output("promtool", ["check", "rules", "\(Self.folder)/alerts.yaml"])
        try await Tool.output("promtool", ["test", "rules", "\(Self.folder)/alerts.test.yaml"])
    }

    @Test("every alert has a test that it fires")
    func tested() throws {
        func names(_ file: String, _ key: String) throws -> [String] {
            let text = String(decoding: try Helm.file("charts/certwright/files/\(file)"), as: UTF8.self)
            // in the tests, those that are expected and not those that are expected to be silent, which are in braces
            return text.split(separator: "\n").filter { $0.hasPrefix(key) }.map { line in
                String(line.dropFirst(key.count).prefix { $0.isLetter })
            }
        }
        let alerts = try names("alerts.yaml", "      - alert: ")
        #expect(alerts.count > 10)
        #expect(Set(try names("alerts.test.yaml", "        alertname: ")) == Set(alerts))
    }
}
