import CertificateAPI
import KubeModel
import Testing
import Wire

@testable import Controllers

@Suite("From the wish for a certificate to the certificate")
struct IssuingTests {
    private func condition(
        _ type: String, _ status: Condition.Status, _ reason: String, _ message: String, at time: Timestamp = Parts.now
    ) -> Condition {
        Condition(
            type: type, status: status, reason: reason, message: message, lastTransitionTime: time,
            observedGeneration: 1)
    }
    private let missing = "The Secret site-tls does not exist"

    // MARK: Beginning

    @Test("an issuer that answers at once: the whole way, and one event at its end")
    func atOnce() async throws {
        let view = try await Parts.shared.fresh().with { $0.issuesAtOnce = true }
        #expect(
            CertificateDecision.decide(view)
                == [
                    .issueAtOnce(
                        revision: 1, .new,
                        opening: .normal("Issuing", "Issuing certificate: the Secret site-tls does not exist"))
                ])
    }

    @Test("the Event of a certificate issued at once says what led to it; where that was told before, the end alone")
    func ending() {
        let end = "The certificate has been successfully issued"
        #expect(
            Issuing.done(.normal("Issuing", "Issuing certificate: the Secret site-tls does not exist"))
                == .normal("Issuing", end + ". What was found before: the Secret site-tls does not exist"))
        #expect(Issuing.done(nil) == .normal("Issuing", end))
    }

    @Test("an attempt that died left a request whose key nobody has: it goes first")
    func atOnceAfterDeath() async throws {
        let parts = try await Parts.shared
        let view = parts.fresh().with { $0.issuesAtOnce = true }
        let left = try await parts.request(view.certificate) { $0.answer(.yes, "Issued") }
        #expect(
            CertificateDecision.decide(view.with { $0.requests = [left] }).first
                == .deleteRequest(name: "site-1", uid: "uid-site-1"))
    }

    @Test("any other issuer: the key is stored before anything is sent")
    func slowly() async throws {
        let view = try await Parts.shared.fresh()
        let name = NextKey.secretName(view)
        var status = Certificate.Status()
        status.nextPrivateKeySecretName = name
        status.conditions = [
            condition("Ready", .no, "DoesNotExist", missing), condition("Issuing", .yes, "DoesNotExist", missing),
        ]
        #expect(
            CertificateDecision.decide(view)
                == [
                    .storeNextKey(name: name, .new), .setStatus(status),
                    .tell(.normal("Issuing", "Issuing certificate: the Secret site-tls does not exist")),
                    .tell(.normal("Generated", "Stored new private key in temporary Secret resource \"\(name)\"")),
                    .createRequest(revision: 1, nextKey: name),
                ])
        #expect(name.hasPrefix("site-next-key-"))
    }

    @Test("rotationPolicy Never uses the key in the Secret again, where it suits")
    func neverRotate() async throws {
        let parts = try await Parts.shared
        let view = try await parts.ready { $0.spec.privateKey?.rotationPolicy = "Never" }
            .with { $0.now = Parts.now + Parts.day * 60 }
        #expect(CertificateDecision.decide(view).contains(.storeNextKey(name: NextKey.secretName(view), .targetSecret)))
        let atOnce = view.with { $0.issuesAtOnce = true }
        #expect(
            CertificateDecision.decide(atOnce).last
                == .issueAtOnce(revision: 2, .targetSecret, opening: CertificateDecision.decide(view).opening))
        #expect(CertificateDecision.decide(view).opening != nil)
    }

    @Test("rotationPolicy Never with a key of another kind stops, and says so once")
    func cannotRegenerate() async throws {
        let view = try await Parts.shared.ready {
            $0.spec.privateKey?.rotationPolicy = "Never"
            $0.spec.privateKey?.size = 384
        }
        let actions = CertificateDecision.decide(view)
        let message =
            "The private key in the Secret is ECDSA P-256, the spec asks for ECDSA P-384, and"
            + " spec.privateKey.rotationPolicy is Never: delete the Secret, or change the spec"
        #expect(
            actions.status?.conditions[type: "Issuing"] == condition("Issuing", .no, "CannotRegenerateKey", message))
        #expect(actions.contains(.tell(.warning("CannotRegenerateKey", message))))
        var told = view.certificate
        told.status = actions.status
        #expect(
            !CertificateDecision.decide(view.with(certificate: told)).contains(
                .tell(.warning("CannotRegenerateKey", message))))
    }

    @Test("a broken spec is refused by field; nothing is asked of anybody")
    func brokenSpec() async throws {
        let view = try await Parts.shared.fresh {
            $0.spec.keystores = .init()
            $0.spec.keystores?.jks = .init(create: true)
        }
        var status = Certificate.Status()
        status.conditions = [
            condition(
                "Ready", .no, "InvalidSpec",
                "spec.keystores.jks: Required value: must set exactly one of password or passwordSecretRef.name")
        ]
        #expect(CertificateDecision.decide(view) == [.setStatus(status)])
    }

    // MARK: Going on

    @Test("a request that nobody answered yet is waited for, without a write")
    func waiting() async throws {
        let view = try await Parts.shared.underWay()
        #expect(CertificateDecision.decide(view) == [.setStatus(view.status)])
    }

    @Test("an issued request is completed with the stored key")
    func issued() async throws {
        let view = try await Parts.shared.underWay { $0.answer(.yes, "Issued") }
        #expect(CertificateDecision.decide(view) == [.complete(request: "site-1", nextKey: "site-next-key-1")])
    }

    @Test("a request that is gone is made again with the stored key")
    func requestGone() async throws {
        let view = try await Parts.shared.underWay().with { $0.requests = [] }
        #expect(
            CertificateDecision.decide(view)
                == [.setStatus(view.status), .createRequest(revision: 1, nextKey: "site-next-key-1")])
    }

    @Test("a request for another spec or another key is replaced")
    func uselessRequest() async throws {
        let parts = try await Parts.shared
        let view = try await parts.underWay()
        let other = try await parts.request(view.certificate, key: parts.otherKey)
        var changed = view.certificate
        changed.spec.dnsNames = ["b.example"]
        for view in [view.with { $0.requests = [other] }, view.with(certificate: changed)] {
            #expect(
                CertificateDecision.decide(view)
                    == [
                        .deleteRequest(name: "site-1", uid: "uid-site-1"), .setStatus(view.status),
                        .createRequest(revision: 1, nextKey: "site-next-key-1"),
                    ])
        }
    }

    @Test("of two requests for one revision the one that was answered counts")
    func twoRequests() async throws {
        let parts = try await Parts.shared
        let view = try await parts.underWay()
        let answered = try await parts.request(view.certificate) {
            $0.metadata.name = "site-1-again"
            $0.answer(.yes, "Issued")
        }
        #expect(
            CertificateDecision.decide(view.with { $0.requests.append(answered) })
                == [.complete(request: "site-1-again", nextKey: "site-next-key-1")])
    }

    @Test("a lost key makes its requests useless")
    func keyGone() async throws {
        let view = try await Parts.shared.underWay { $0.answer(.yes, "Issued") }.with { $0.nextKeys = [] }
        let name = NextKey.secretName(view)
        var status = view.status
        status.nextPrivateKeySecretName = name
        #expect(
            CertificateDecision.decide(view)
                == [
                    .deleteRequest(name: "site-1", uid: "uid-site-1"), .storeNextKey(name: name, .new),
                    .setStatus(status),
                    .tell(.normal("Generated", "Stored new private key in temporary Secret resource \"\(name)\"")),
                    .createRequest(revision: 1, nextKey: name),
                ])
    }

    @Test("of several stored keys the one in the status counts")
    func manyKeys() async throws {
        let parts = try await Parts.shared
        let view = try await parts.underWay().with {
            $0.nextKeys.insert(try parts.nextKey("a-stray", key: parts.otherKey), at: 0)
        }
        #expect(
            CertificateDecision.decide(view)
                == [.deleteNextKey(name: "a-stray", uid: "uid-a-stray"), .setStatus(view.status)])
    }

    @Test("a stored key of another kind than the spec now wants is made anew")
    func unsuitableKey() async throws {
        let parts = try await Parts.shared
        let view = try await parts.underWay().with {
            $0.nextKeys = [try parts.nextKey(key: parts.rsaKey)]
        }
        let actions = CertificateDecision.decide(view)
        #expect(actions.contains(.deleteNextKey(name: "site-next-key-1", uid: "uid-site-next-key-1")))
        #expect(actions.contains(.storeNextKey(name: NextKey.secretName(view), .new)))
    }

    @Test("a temporary certificate is stored where the user wants one and the Secret is of no use")
    func temporary() async throws {
        let view = try await Parts.shared.underWay({ _ in }) {
            $0.metadata.annotations = [Names.Annotation.issueTemporaryCertificate: "true"]
        }
        #expect(
            CertificateDecision.decide(view) == [.storeTemporary(nextKey: "site-next-key-1"), .setStatus(view.status)])
    }

    // MARK: Failing

    private func failure(_ view: CertificateView, _ reason: String, _ problem: String) -> [CertificateAction] {
        let retry = Parts.now + .seconds(3600)
        var status = view.status
        status.lastFailureTime = Parts.now
        status.failedIssuanceAttempts = 1
        status.nextPrivateKeySecretName = nil
        let message = "The certificate request has failed to complete and will be retried at \(retry): \(problem)"
        var ready = status.conditions![0]  // underWay sets both conditions
        ready.message = "\(missing). \(message)"
        status.conditions = [ready, condition("Issuing", .no, reason, message)]
        return [
            .setStatus(status), .tell(.warning(reason, message)),
            .deleteNextKey(name: "site-next-key-1", uid: "uid-site-next-key-1"), .lookAgain(at: retry),
        ]
    }

    @Test("a failed, denied or invalid request ends the attempt; the next one is in an hour")
    func failed() async throws {
        let parts = try await Parts.shared
        let failed = try await parts.underWay { $0.answer(.no, "Failed", "the CA said no", failedAt: Parts.now) }
        #expect(CertificateDecision.decide(failed) == failure(failed, "Failed", "the CA said no"))
        let denied = try await parts.underWay {
            $0.status = .init()
            $0.status?.conditions = [Condition(type: "Denied", status: .yes, reason: "Policy", message: "not allowed")]
        }
        #expect(CertificateDecision.decide(denied) == failure(denied, "Policy", "not allowed"))
        let invalid = try await parts.underWay {
            $0.status = .init()
            $0.status?.conditions = [Condition(type: "InvalidRequest", status: .yes, message: "bad")]
        }
        #expect(CertificateDecision.decide(invalid) == failure(invalid, "InvalidRequest", "bad"))
    }

    @Test("a failure time without a Ready condition is a failure as well (cert-manager stalls on it)")
    func failureTimeAlone() async throws {
        let view = try await Parts.shared.underWay {
            $0.status = .init()
            $0.status?.failureTime = Parts.now
        }
        #expect(CertificateDecision.decide(view) == failure(view, "Failed", ""))
    }

    private static let denial: @Sendable (inout CertificateRequest) -> Void = {
        $0.status = .init()
        $0.status?.conditions = [Condition(type: "Denied", status: .yes, reason: "Policy", message: "not allowed")]
        $0.metadata.creationTimestamp = Parts.now - .seconds(3600)
    }

    @Test("a denial that made the last attempt fail is not the answer to this one, even with a key that never changes")
    func staleDenial() async throws {
        let view = try await Parts.shared.underWay(Self.denial) {
            $0.status?.lastFailureTime = Parts.now - .seconds(3590)
            $0.status?.failedIssuanceAttempts = 1
        }
        #expect(
            CertificateDecision.decide(view)
                == [
                    .deleteRequest(name: "site-1", uid: "uid-site-1"), .setStatus(view.status),
                    .createRequest(revision: 1, nextKey: "site-next-key-1"),
                ])
    }

    @Test("the API server's clock may be an hour behind: a denial is an answer, not made again and again")
    func denialFromTheFuture() async throws {
        let view = try await Parts.shared.underWay(Self.denial)
        #expect(CertificateDecision.decide(view) == failure(view, "Policy", "not allowed"))
    }

    @Test("rotationPolicy Never: after a denial the next attempt asks again, with the same key")
    func deniedWithTheSameKey() async throws {
        let parts = try await Parts.shared
        let certificate = parts.certificate {
            $0.spec.privateKey?.rotationPolicy = "Never"
            var status = Certificate.Status()
            status.lastFailureTime = Parts.now - .seconds(3600)
            status.failedIssuanceAttempts = 1
            $0.status = status
        }
        let expired = try await parts.secret(certificate, leaf: try await parts.leaf(until: Parts.day * -1))
        let view = CertificateView(
            certificate: certificate, secret: expired, requests: [try await parts.request(certificate, Self.denial)],
            now: Parts.now)
        let actions = CertificateDecision.decide(view)
        let name = NextKey.secretName(view)
        #expect(actions.first == .deleteRequest(name: "site-1", uid: "uid-site-1"))
        #expect(actions.contains(.storeNextKey(name: name, .targetSecret)))
        #expect(actions.last == .createRequest(revision: 1, nextKey: name))
        let atOnce = CertificateDecision.decide(view.with { $0.issuesAtOnce = true })
        #expect(atOnce.first == .deleteRequest(name: "site-1", uid: "uid-site-1"))
        #expect(atOnce.last == .issueAtOnce(revision: 1, .targetSecret, opening: actions.opening))
        #expect(actions.opening != nil)
    }

    @Test("while it waits for the next attempt nothing is asked")
    func backingOff() async throws {
        let parts = try await Parts.shared
        let failed = try await parts.underWay { $0.answer(.no, "Failed", "the CA said no", failedAt: Parts.now) }
        var after = failed.certificate
        after.status = CertificateDecision.decide(failed).status
        let view = failed.with(certificate: after).with { $0.nextKeys = [] }
        #expect(CertificateDecision.decide(view) == [.lookAgain(at: Parts.now + .seconds(3600))])
    }
}
