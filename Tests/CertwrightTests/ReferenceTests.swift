import CertificateAPI
import Testing

@Suite("docs/annotations.md and docs/events.md")
struct ReferenceTests {
    @Test("they name no annotation, label or finalizer that the program does not know")
    func known() throws {
        let names = Set(
            try MetricTests.text("Sources/CertificateAPI/Names.swift").matches(of: /"([a-z0-9.-]+\/[a-z0-9-]+)"/)
                .map { String($0.output.1) })
        #expect(names.count > 60)
        let said = try MetricTests.text("docs/annotations.md").matches(of: /`([a-z0-9.-]+\/[a-z0-9-]+)[:`]/)
            .map { String($0.output.1) }
        #expect(said.count > 50)
        for name in said { #expect(names.contains(name), "\(name)") }
    }

    @Test("the Events that are only in the log are marked")
    func routine() throws {
        let text = try MetricTests.text("docs/events.md")
        for reason in ["Generated", "Reused", "Requested", "OrderPending", "CertificateIssued", "Created", "Complete"] {
            #expect(text.contains("`\(reason)`†"), "\(reason)")
        }
    }
}
