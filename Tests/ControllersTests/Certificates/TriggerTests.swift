import CertificateAPI
import KubeModel
import Testing
import Wire

@testable import Controllers

@Suite("Whether a certificate must be issued")
struct TriggerTests {
    private func reason(_ view: CertificateView) -> String? {
        switch Trigger.decide(view) {
        case .issue(let violation): violation.reason
        case .wait(let violation, _): "wait:" + violation.reason
        case .fine: nil
        }
    }

    @Test("a good certificate is left until its renewal")
    func fine() async throws {
        let view = try await Parts.shared.ready()
        #expect(Trigger.decide(view) == .fine(until: Parts.now + Parts.day * 50))
    }

    @Test("a missing, empty or broken Secret")
    func secretProblems() async throws {
        let parts = try await Parts.shared
        let view = try await parts.ready()
        #expect(reason(view.with { $0.secret = nil }) == "DoesNotExist")
        let changes: [(String, @Sendable (inout Secret) -> Void)] = [
            ("MissingData", { $0.data = nil }), ("MissingData", { $0.data?["tls.key"] = nil }),
            ("MissingData", { $0.data?["tls.crt"] = Base64Data([]) }),
            ("InvalidKeyPair", { $0.data?["tls.key"] = Base64Data(utf8: "junk") }),
            ("InvalidCertificate", { $0.data?["tls.crt"] = Base64Data(utf8: "junk") }),
            ("IncorrectIssuer", { $0.metadata.annotations?[Names.Annotation.issuerName] = "other" }),
            ("IncorrectIssuer", { $0.metadata.annotations?[Names.Annotation.issuerGroup] = "other.example" }),
            ("IncorrectCertificate", { $0.metadata.annotations?[Names.Annotation.certificateName] = "other" }),
        ]
        for (expected, change) in changes {
            let secret = try await parts.secret(view.certificate, change)
            #expect(reason(view.with { $0.secret = secret }) == expected)
        }
        let mismatched = try await parts.secret(
            view.certificate, leaf: try await parts.leaf(), key: parts.otherKey)
        #expect(reason(view.with { $0.secret = mismatched }) == "InvalidKeyPair")
    }

    @Test("issuer annotations that are absent, or say the default with an empty text, are no reason")
    func issuerAnnotations() async throws {
        let parts = try await Parts.shared
        let view = try await parts.ready()
        let secret = try await parts.secret(view.certificate) {
            $0.metadata.annotations?[Names.Annotation.issuerName] = nil
            $0.metadata.annotations?[Names.Annotation.issuerKind] = ""
            $0.metadata.annotations?[Names.Annotation.issuerGroup] = ""
        }
        #expect(reason(view.with { $0.secret = secret }) == nil)
    }

    @Test("a key of another kind than the spec's")
    func keyKind() async throws {
        let view = try await Parts.shared.ready { $0.spec.privateKey?.size = 384 }
        #expect(reason(view) == "SecretMismatch")
    }

    @Test("a changed spec names the fields that differ from the request")
    func changedSpec() async throws {
        let view = try await Parts.shared.ready {
            $0.spec.dnsNames = ["other.example.com"]
            $0.spec.usages = ["server auth"]
        }
        #expect(
            Trigger.decide(view)
                == .issue(
                    Violation(
                        reason: "RequestChanged",
                        message: "the spec has changed since the certificate was requested: spec.dnsNames, spec.usages")
                ))
    }

    @Test("the order and doubling of names and usages, and defaults written out, change nothing")
    func sameSpec() async throws {
        let view = try await Parts.shared.ready {
            $0.spec.dnsNames = ["www.example.com", "www.example.com"]
            $0.spec.usages = ["key encipherment", "digital signature"]
            $0.spec.issuerRef = IssuerReference(name: "ca", kind: "Issuer", group: "cert-manager.io")
            $0.spec.duration = "2160h"
        }
        #expect(reason(view) == nil)
    }

    @Test("without its request a certificate is compared by its names, wherever the CA put them")
    func noRequest() async throws {
        let parts = try await Parts.shared
        let view = try await parts.ready().with { $0.requests = [] }
        #expect(reason(view) == nil)
        #expect(
            reason(try await parts.ready { $0.spec.dnsNames = ["a.example"] }.with { $0.requests = [] })
                == "SecretMismatch")
        let promoted = try await parts.ready {
            $0.spec.dnsNames = nil
            $0.spec.commonName = "www.example.com"
        }
        #expect(reason(promoted.with { $0.requests = [] }) == nil)
    }

    @Test("renewal begins at its instant")
    func renewal() async throws {
        let view = try await Parts.shared.ready()
        let due = Parts.now + Parts.day * 50
        #expect(reason(view.with { $0.now = due - .seconds(1) }) == nil)
        #expect(reason(view.with { $0.now = due }) == "Renewing")
    }

    @Test("failures delay the next attempt: an hour, doubled each time, at most 32 hours")
    func backoff() {
        let settings = CertificateSettings()
        #expect(
            [0, 1, 2, 3, 6, 7, 1_000_000].map { Backoff.delay(attempts: $0, settings) / .seconds(3600) } == [
                1, 1, 2, 4, 32, 32, 32,
            ])
    }

    @Test("a failed certificate waits, unless its spec changed since")
    func failed() async throws {
        let parts = try await Parts.shared
        let certificate = parts.certificate {
            var status = Certificate.Status()
            status.lastFailureTime = Parts.now - .seconds(60)
            status.failedIssuanceAttempts = 1
            $0.status = status
        }
        let request = try await parts.request(certificate) { $0.answer(.no, "Failed", failedAt: Parts.now) }
        let view = CertificateView(certificate: certificate, secret: nil, requests: [request], now: Parts.now)
        #expect(reason(view) == "wait:DoesNotExist")
        #expect(Backoff.retryTime(view) == Parts.now - .seconds(60) + .seconds(3600))
        var changed = certificate
        changed.spec.dnsNames = ["b.example"]
        #expect(reason(view.with(certificate: changed)) == "DoesNotExist")
    }
}
