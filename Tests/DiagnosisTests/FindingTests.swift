import CertificateAPI
import Diagnosis
import KubeModel
import PKI
import Testing
import Wire

@Suite("what why finds beside causes")
struct FindingTests {
    private func ready(_ change: (inout DiagnosisView) -> Void = { _ in }) async throws -> DiagnosisView {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let template = CertificateTemplate(
            subject: try DistinguishedName(commonName: "shop"), publicKey: key.publicKey,
            notBefore: Views.now - .seconds(86_400), notAfter: Views.now + .seconds(86_400),
            extensions: CertificateExtensions())
        let leaf = try await template.signed(by: nil, key: key)
        var certificate = try Views.certificate("")
        certificate.status?.conditions = [Condition(type: "Ready", status: .yes, reason: "Ready", message: "fine")]
        certificate.status?.renewalTime = Views.now + .seconds(3600)
        var tree = CertificateTree(certificate: certificate, now: Views.now)
        tree.secret = .found(
            SecretLook(
                Secret(
                    metadata: ObjectMeta(name: "shop-tls", namespace: "web"),
                    data: ["tls.crt": Base64Data(utf8: leaf.pem), "tls.key": Base64Data(try key.pem(.pkcs8))])))
        tree.issuer = try Views.readyIssuer(solvers: "")
        var view = Views.working(DiagnosisView(tree: tree))
        change(&view)
        return view
    }

    @Test("a certificate that is ready is well")
    func well() async throws {
        guard case .well(let sentence, nil) = Diagnosis.decide(try await ready()) else {
            Issue.record("not well")
            return
        }
        #expect(sentence.contains("it will be renewed at \((Views.now + .seconds(3600)).rfc3339)"))
    }

    @Test("with no controller at work it is well, and the next renewal is warned of")
    func warned() async throws {
        let view = try await ready { $0.controller.lease = nil }
        guard case .well(_, let warning?) = Diagnosis.decide(view) else {
            Issue.record("\(Diagnosis.decide(view))")
            return
        }
        #expect(warning.kind == .controllerNotRunning)
    }

    @Test("a renewal that is overdue is no longer well")
    func overdue() async throws {
        let view = try await ready {
            $0.tree.certificate.status?.renewalTime = Views.now - .seconds(3600)
            $0.controller.lease?.renewedAt = Views.now - .seconds(3600)
            $0.controller.lease?.writtenAt = Views.now - .seconds(7200)
        }
        guard case .cause(let cause) = Diagnosis.decide(view) else {
            Issue.record("\(Diagnosis.decide(view))")
            return
        }
        #expect(cause.kind == .controllerNotRunning)
        #expect(cause.evidence.first?.contains("held by pod-1, last renewed at") == true)
    }

    @Test("a holder whose clock is behind is told from one that is dead, on servers of either kind")
    func skewedHolder() async throws {
        func warning(renewed: Int64, acquired: Int64, written: Int64) async throws -> Cause.Kind? {
            let view = try await ready {
                $0.controller.lease?.renewedAt = Views.now + .seconds(renewed)
                $0.controller.lease?.acquiredAt = Views.now + .seconds(acquired)
                $0.controller.lease?.writtenAt = Views.now + .seconds(written)
            }
            guard case .well(_, let warning) = Diagnosis.decide(view) else { return nil }
            return warning?.kind
        }
        // The API server dates every renewal, or the acquisition alone.
        #expect(try await warning(renewed: -7205, acquired: -9000, written: -5) == .clockSkewed)
        #expect(try await warning(renewed: -7205, acquired: -7800, written: -600) == .clockSkewed)
        #expect(try await warning(renewed: 7195, acquired: 6600, written: -600) == .clockSkewed)
        #expect(try await warning(renewed: -7205, acquired: -7800, written: -7800) == .controllerNotRunning)
        #expect(try await warning(renewed: -5, acquired: -600, written: -600) == nil)
    }

    @Test("a scaled-down controller is told with the command that scales it up")
    func scaledDown() throws {
        var tree = CertificateTree(certificate: try Views.certificate(), now: Views.now)
        tree.issuer = .absent
        var view = DiagnosisView(tree: tree)
        view.controller.isComplete = true
        view.controller.deployments = [
            DeploymentSight(key: ObjectKey(namespace: "cert-manager", name: "certwright"), replicas: 0, ready: 0)
        ]
        guard case .cause(let cause) = Diagnosis.decide(view) else { return }
        #expect(cause.kind == .controllerNotRunning)
        #expect(cause.remedy == "kubectl scale deployment certwright -n cert-manager --replicas=1")
    }

    @Test("what could not be looked at explains nothing")
    func blind() throws {
        var tree = CertificateTree(certificate: try Views.certificate(), now: Views.now)
        tree.issuer = .unknown("forbidden")
        guard case .underWay(let sentence) = Diagnosis.decide(DiagnosisView(tree: tree)) else {
            Issue.record("not under way")
            return
        }
        #expect(sentence == "The Certificate has been seen; no request is made yet.")
    }

    @Test("a denied request names who denied it")
    func denied() throws {
        var view = try Views.acmeView()
        view.tree.requests[0].status?.conditions = [
            Condition(type: "Denied", status: .yes, reason: "Policy", message: "names outside of example.com")
        ]
        guard case .cause(let cause) = Diagnosis.decide(view) else { return }
        #expect(cause.kind == .denied)
        #expect(cause.sentence == "The request was denied by Policy: names outside of example.com")
    }

    @Test("a spec that breaks a rule is told before everything else")
    func invalidSpec() throws {
        var view = try Views.acmeView()
        view.tree.certificate.spec.dnsNames = nil
        view.webhook = .fails("failed calling webhook")
        guard case .cause(let cause) = Diagnosis.decide(view) else { return }
        #expect(cause.kind == .specInvalid)
    }

    @Test("every cause has a place in docs/troubleshoot.md")
    func documented() throws {
        let text = try Repository.text("docs/troubleshoot.md").lowercased()
        for kind in Cause.Kind.allCases {
            #expect(text.contains("## \(kind.rawValue.lowercased())"), "\(kind.rawValue) is missing")
        }
    }
}
