import CertificateAPI
import KubeModel
import Testing
import Wire

@testable import Controllers

@Suite("A certificate that needs no issuing")
struct UpkeepTests {
    @Test("nothing to do but to look again at its renewal")
    func settled() async throws {
        let view = try await Parts.shared.ready()
        #expect(CertificateDecision.decide(view) == [.lookAgain(at: Parts.now + Parts.day * 50)])
    }

    @Test("a Certificate being deleted is left alone")
    func deleted() async throws {
        let view = try await Parts.shared.fresh { $0.metadata.deletionTimestamp = Parts.now }
        #expect(CertificateDecision.decide(view) == [])
    }

    @Test("labels, annotations and the description of the certificate are mended")
    func mending() async throws {
        let parts = try await Parts.shared
        let view = try await parts.ready()
        let changes: [@Sendable (inout Secret) -> Void] = [
            { $0.metadata.labels = [:] }, { $0.metadata.annotations?[Names.Annotation.altNames] = "else.example" },
            { $0.metadata.annotations?[Names.Annotation.issuerKind] = nil },
            { $0.metadata.annotations?[Names.Annotation.emailSANs] = "a@b.example" },
        ]
        for change in changes {
            let secret = try await parts.secret(view.certificate, change)
            #expect(CertificateDecision.decide(view.with { $0.secret = secret }).first == .mendSecret)
        }
        let harmless: [@Sendable (inout Secret) -> Void] = [
            { $0.metadata.annotations?["other"] = "stays" },
            // As cert-manager leaves it where the Certificate does not name them.
            { $0.metadata.annotations?[Names.Annotation.issuerGroup] = "" },
            { $0.metadata.annotations?[Names.Annotation.issuerKind] = "" },
        ]
        for change in harmless {
            let secret = try await parts.secret(view.certificate, change)
            #expect(CertificateDecision.decide(view.with { $0.secret = secret }).first != .mendSecret)
        }
    }

    @Test("what the template no longer names is taken away, and only that")
    func templateShrank() async throws {
        let parts = try await Parts.shared
        let before = parts.certificate { $0.spec.secretTemplate = .init(labels: ["team": "a"]) }
        let secret = try await parts.secret(before) { $0.metadata.labels?["theirs"] = "x" }
        let view = try await parts.ready().with { $0.secret = secret }
        #expect(CertificateDecision.decide(view).first == .mendSecret)
        let target = TargetSecret(
            certificate: view.certificate, settings: .init(), leaf: try await parts.leaf())
        let patch = target.patch(over: secret)
        #expect(patch["metadata"]?["labels"] == ["controller.cert-manager.io/fao": "true", "team": nil])
        #expect(patch["metadata"]?["resourceVersion"] == "20")
        #expect(patch["data"] == nil)
    }

    @Test("the owner reference follows the flag, and one that others set stays")
    func owner() async throws {
        let parts = try await Parts.shared
        let view = try await parts.ready()
        #expect(CertificateDecision.decide(view.with { $0.settings.setsOwnerReference = true }).first == .mendSecret)
        let owned = try await parts.secret(view.certificate) {
            $0.metadata.ownerReferences = [OwnerReference(controller: view.certificate)]
        }
        #expect(CertificateDecision.decide(view.with { $0.secret = owned }).first != .mendSecret)
        var ours = owned
        ours.owned = OwnedMetadata(labels: [], annotations: [], ownerUIDs: ["uid-site"])
        #expect(CertificateDecision.decide(view.with { $0.secret = ours }).first == .mendSecret)
    }

    @Test("requests beyond the history limit go, oldest first")
    func history() async throws {
        let parts = try await Parts.shared
        var view = try await parts.ready()
        var requests: [RequestFacts] = []
        for revision in 1...4 {
            requests.append(try await parts.request(view.certificate, revision: revision) { $0.answer(.yes, "Issued") })
        }
        view.requests = requests
        view.certificate.status?.revision = 4
        view.certificate.spec.revisionHistoryLimit = 2
        #expect(
            CertificateDecision.decide(view)
                == [
                    .deleteRequest(name: "site-1", uid: "uid-site-1"),
                    .deleteRequest(name: "site-2", uid: "uid-site-2"),
                    .lookAgain(at: Parts.now + Parts.day * 50),
                ])
    }

    @Test("a process that stopped before it could say so is finished, not repeated")
    func interrupted() async throws {
        let view = try await Parts.shared.ready { $0.status = nil }
        let actions = CertificateDecision.decide(view)
        #expect(actions.status?.revision == 1)
        #expect(actions.status?.conditions.isTrue("Ready") == true)
        #expect(actions.count == 2 && actions.last == .lookAgain(at: Parts.now + Parts.day * 50))
    }

    @Test("an expired certificate is not ready")
    func expired() async throws {
        let view = try await Parts.shared.ready { $0.spec.renewal = .init(policy: "Disabled") }
            .with { $0.now = Parts.now + Parts.day * 81 }
        let actions = CertificateDecision.decide(view)
        #expect(actions.status?.conditions[type: "Ready"]?.reason == "Expired")
        #expect(actions.status?.renewalTime == nil)
    }

    @Test("renewal disabled: nothing is renewed, what the spec changes still is, and expiry is told")
    func renewalDisabled() async throws {
        let disabled: @Sendable (inout Certificate) -> Void = { $0.spec.renewal = .init(policy: "Disabled") }
        let parts = try await Parts.shared
        let view = try await parts.ready(disabled)
        let end = Parts.now + Parts.day * 80
        let settled = CertificateDecision.decide(view)
        #expect(settled.status?.renewalTime == nil && settled.status?.conditions.isTrue("Ready") == true)
        #expect(settled.last == .lookAgain(at: end))
        #expect(Trigger.decide(view.with { $0.now = end + Parts.day }) == .fine(until: nil))
        var changed = view.certificate
        changed.spec.dnsNames = ["b.example"]
        guard case .issue(let reason) = Trigger.decide(view.with(certificate: changed)) else {
            Issue.record("not issued")
            return
        }
        #expect(reason.reason == "RequestChanged")
    }

    private func windows(_ windows: [Certificate.Renewal.Window]) -> @Sendable (inout Certificate) -> Void {
        { $0.spec.renewal = .init(policy: "RenewBefore", windows: windows) }
    }

    @Test("renewal waits for its window, and begins when it opens")
    func renewalWindow() async throws {
        // Wanted on 2027-03-06 at 08:00 UTC.
        let view = try await Parts.shared.ready(windows([.init(cron: "0 2 * * *", windowDuration: "1h")]))
        let opens = try #require(Timestamp(rfc3339: "2027-03-07T02:00:00Z"))
        #expect(Trigger.decide(view.with { $0.now = opens - .seconds(1) }) == .fine(until: opens))
        #expect(
            Trigger.decide(view.with { $0.now = opens })
                == .issue(Violation(reason: "Renewing", message: "renewal was planned for \(opens)")))
        let actions = CertificateDecision.decide(view)
        #expect(actions.status?.renewalTime == opens)
        #expect(actions.count == 2 && actions.last == .lookAgain(at: opens))
    }

    @Test("a window that comes no more is told once, and the certificate is renewed anyway")
    func noWindow() async throws {
        let view = try await Parts.shared.ready(windows([.init(cron: "0 2 29 2 *", windowDuration: "1h")]))
        let (wanted, end) = (Parts.now + Parts.day * 50, Parts.now + Parts.day * 80)
        let actions = CertificateDecision.decide(view)
        let problem =
            "o renewal window opens in time before it expires at \(end), so it is renewed outside of them;"
            + " change spec.renewal.windows to have one open earlier"
        let ready = actions.status?.conditions[type: "Ready"]
        #expect(ready?.status == .yes && ready?.reason == "Ready")
        #expect(ready?.message == "Certificate is up to date and has not expired; n" + problem)
        #expect(actions.status?.renewalTime == wanted)
        #expect(Array(actions.dropFirst()) == [.tell(.warning("WindowError", "N" + problem)), .lookAgain(at: wanted)])
        var told = view.certificate
        told.status = actions.status
        let again = view.with(certificate: told)
        #expect(CertificateDecision.decide(again) == [.lookAgain(at: wanted)])
        guard case .issue = Trigger.decide(again.with { $0.now = wanted }) else {
            Issue.record("not renewed")
            return
        }
    }

    @Test("windows that nobody can read are told by field; the certificate is issued, and renewed without them")
    func unreadableWindows() async throws {
        let bad = windows([.init(cron: "0 2 * *", windowDuration: "1h", timezone: "Mars/Base")])
        let view = try await Parts.shared.ready(bad)
        let actions = CertificateDecision.decide(view)
        let ready = actions.status?.conditions[type: "Ready"]
        #expect(ready?.status == .no && ready?.reason == "WindowError")
        let message = ready?.message ?? ""
        #expect(message.hasPrefix("spec.renewal.windows[0].cron: Invalid value: \"0 2 * *\": must be five fields"))
        #expect(message.contains("; spec.renewal.windows[0].timezone: Invalid value: \"Mars/Base\": "))
        #expect(message.hasSuffix("; until that is mended renewal is planned without windows"))
        #expect(
            Array(actions.dropFirst()) == [
                .tell(.warning("WindowError", message)), .lookAgain(at: Parts.now + Parts.day * 50),
            ])
        let fresh = try await Parts.shared.fresh(bad).with { $0.issuesAtOnce = true }
        let opening = Notice.normal("Issuing", "Issuing certificate: the Secret site-tls does not exist")
        #expect(CertificateDecision.decide(fresh).last == .issueAtOnce(revision: 1, .new, opening: opening))
    }

    @Test("a stored key is not left lying about")
    func leftKey() async throws {
        let parts = try await Parts.shared
        let view = try await parts.ready().with {
            $0.nextKeys = [try parts.nextKey()]
        }
        #expect(
            CertificateDecision.decide(view).first
                == .deleteNextKey(name: "site-next-key-1", uid: "uid-site-next-key-1"))
    }

    @Test("of Certificates that name one Secret the one it was written for goes on, the others say why they wait")
    func duplicates() async throws {
        let view = try await Parts.shared.ready()
        let older = Rival(name: "other", createdAt: Parts.now - Parts.day * 100)
        #expect(
            CertificateDecision.decide(view.with { $0.rivals = [older] }) == [
                .lookAgain(at: Parts.now + Parts.day * 50)
            ])
        let unclaimed = try await Parts.shared.fresh().with { $0.rivals = [older] }
        let status = CertificateDecision.decide(unclaimed).status
        #expect(status?.conditions[type: "Ready"]?.reason == "IncorrectCertificate")
        #expect(CertificateDecision.decide(unclaimed).count == 1)
        let younger = Rival(name: "other", createdAt: Parts.now)
        #expect(Duplicates.owner(unclaimed.with { $0.rivals = [younger] }) == "site")
    }
}
