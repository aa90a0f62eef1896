import CertificateAPI
import Diagnosis
import KubeModel
import Testing
import Wire

@Suite("renewals, verdicts, lists")
struct ActionTests {
    @Test("a renewal sets the condition that cmctl sets, on the version that was seen")
    func renewal() throws {
        var certificate = try Views.certificate("")
        certificate.metadata.resourceVersion = "7"
        guard case .patch(let patch) = ManualRenewal.decide(certificate, now: Views.now) else {
            Issue.record("no patch")
            return
        }
        let conditions = patch["status"]?["conditions"]?.arrayValue ?? []
        #expect(conditions.count == 2)
        #expect(conditions.last?["type"] == "Issuing")
        #expect(conditions.last?["reason"] == "ManuallyTriggered")
        #expect(conditions.last?["message"] == "Certificate re-issuance manually triggered")
        #expect(patch["metadata"]?["resourceVersion"] == "7")
    }

    @Test("a Certificate that is being issued is left alone")
    func underWay() throws {
        let certificate = try Views.certificate()
        #expect(ManualRenewal.decide(certificate, now: Views.now) == .underWay)
    }

    @Test("a renewal is done with the next revision, and failed with a failure after it was asked for")
    func stages() throws {
        var tree = CertificateTree(certificate: try Views.certificate(), now: Views.now)
        func stage() -> ManualRenewal.Stage { ManualRenewal.stage(tree, after: 1, since: Views.now) }
        guard case .waiting = stage() else {
            Issue.record("not waiting")
            return
        }
        tree.certificate = try Views.certificate("")
        tree.certificate.status?.revision = 2
        guard case .done = stage() else {
            Issue.record("not done")
            return
        }
        tree.certificate = try Views.certificate(
            #"- {type: Issuing, status: "False", reason: Failed, message: refused}"#)
        tree.certificate.status?.lastFailureTime = Views.now - .seconds(60)
        guard case .waiting = stage() else {
            Issue.record("an old failure counts")
            return
        }
        tree.certificate.status?.lastFailureTime = Views.now + .seconds(1)
        #expect(stage() == .failed("refused"))
    }

    @Test("a verdict is given once, and cannot be turned round")
    func verdicts() throws {
        var request = try Views.request(Views.pending)
        #expect(RequestVerdict.approved.decide(request, reason: "A", message: "m", now: Views.now) == .settled)
        guard case .contradicted = RequestVerdict.denied.decide(request, reason: "A", message: "m", now: Views.now)
        else {
            Issue.record("turned round")
            return
        }
        request.status?.conditions = nil
        guard case .patch(let patch) = RequestVerdict.denied.decide(request, reason: "A", message: "m", now: Views.now)
        else {
            Issue.record("no patch")
            return
        }
        #expect(patch["status"]?["conditions"]?[0]?["type"] == "Denied")
        #expect(patch["status"]?["conditions"]?[0]?["status"] == "True")
    }

    @Test("the list shows first what runs out first, and all that holds no certificate")
    func list() throws {
        func certificate(_ name: String, days: Int64?) throws -> Certificate {
            var certificate = try Views.certificate("")
            certificate.metadata.name = name
            certificate.status?.notAfter = days.map { Views.now + .seconds($0 * 86_400) }
            return certificate
        }
        let all = [
            try certificate("late", days: 80), try certificate("soon", days: 3), try certificate("never", days: nil),
            try certificate("over", days: -1),
        ]
        #expect(CertificateList(all, now: Views.now).entries.map(\.name) == ["never", "over", "soon", "late"])
        let soon = CertificateList(all, now: Views.now, within: .seconds(30 * 86_400))
        #expect(soon.entries.map(\.name) == ["never", "over", "soon"])
        #expect(CertificateList(all, now: Views.now, issuer: "acme").entries.count == 4)
        #expect(CertificateList(all, now: Views.now, issuer: "Issuer/acme").entries.count == 4)
        #expect(CertificateList(all, now: Views.now, issuer: "other").entries.isEmpty)
    }

    private static let agesAsText: [(Int64, String)] = [
        (5, "5s"), (119, "119s"), (125, "2m5s"), (3600, "60m"), (10_860, "3h1m"), (259_200, "3d"), (2_592_000, "30d"),
        (69_120_000, "2y70d"),
    ]

    @Test("ages are written as kubectl writes them", arguments: agesAsText)
    func ages(seconds: Int64, text: String) {
        #expect(HumanDuration.text(.seconds(seconds)) == text)
    }

    /// In seconds; -1 for what cannot be read.
    private static let spansInSeconds: [(String, Int64)] = [
        ("30d", 2_592_000), ("2w", 1_209_600), ("1d12h", 129_600), ("720h", 2_592_000), ("", -1), ("d", -1),
        ("30x", -1),
        ("999999999d", -1),
    ]

    @Test("spans are read in days and weeks as well", arguments: spansInSeconds)
    func spans(text: String, seconds: Int64) {
        #expect(HumanDuration.parse(text) == (seconds < 0 ? nil : .seconds(seconds)))
    }

    @Test("the tree tells each object in its place")
    func tree() throws {
        let view = try Views.acmeView(
            order: try Views.order(state: "pending"),
            challenge: try Views.challenge("HTTP-01", solver: "{http01: {ingress: {}}}", reason: "Waiting"),
            pod: try Views.pod(
                "{phase: Pending, containerStatuses: [{state: {waiting: {reason: ErrImagePull, message: unknown image}}}]}"
            ))
        let node = StatusTree.make(view.tree)
        #expect(node.state == "Issuing")
        #expect(node.children.map(\.kind) == ["Secret", "Issuer", "CertificateRequest"])
        let order = node.children.last?.children.first
        #expect(order?.kind == "Order")
        #expect(order?.children.first?.name == "web/shop-1-order-1")
        #expect(order?.children.first?.children.first?.state == "ErrImagePull")
        #expect(node.json["children"]?[2]?["children"]?[0]?["kind"] == "Order")
    }
}
