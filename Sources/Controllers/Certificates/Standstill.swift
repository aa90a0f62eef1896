package import CertificateAPI
package import KubeClient
import KubeModel
package import KubeRuntime
package import Logging
package import Wire

/// Has Certificates say that the controller cannot begin, while the API server keeps from it what it must read: nobody else
/// would, and they would seem to be waited for.
package struct Standstill: Sendable {
    static let pause = Duration.seconds(10)

    private let client: KubeClient
    private let certificates: Cache<Certificate>
    private let trouble: @Sendable () -> String?
    private let time: any TimeSource
    private let logger: Logger

    /// - Parameter trouble: why the caches are not whole; nil while nothing is known to be wrong.
    package init(
        client: KubeClient, certificates: Cache<Certificate>, time: any TimeSource, logger: Logger,
        trouble: @escaping @Sendable () -> String?
    ) {
        self.client = client
        self.certificates = certificates
        self.trouble = trouble
        self.time = time
        self.logger = logger
    }

    /// Until cancelled, which is when the controllers begin. To be run while this process leads.
    package func run() async throws {
        while true {
            let before = Self.refusal(trouble())
            try await time.sleep(for: Self.pause)
            // What passes within one pause is not worth a write.
            guard certificates.isSynced, let sentence = Self.refusal(trouble()), sentence == before else { continue }
            for certificate in certificates.all() {
                guard let status = Self.status(of: certificate, sentence, now: time.now()) else { continue }
                do {
                    certificates.record(
                        try await StatusPatch.write(status, over: certificate.status, of: certificate, client))
                } catch {
                    // It is told in the log, and by the readiness probe, whatever becomes of this.
                    logger.debug("A Certificate could not be told", metadata: ["error": "\(error)"])
                }
            }
        }
    }

    /// What only a person can change: a right that is missing. Servers that are away come back.
    static func refusal(_ trouble: String?) -> String? {
        trouble.flatMap { $0.contains(" is forbidden: ") ? $0 : nil }
    }

    /// The status that says so; nil where a Certificate is well, or says it already.
    static func status(of certificate: Certificate, _ sentence: String, now: Timestamp) -> Certificate.Status? {
        var status = certificate.status ?? .init()
        let old = status.conditions[type: Condition.Kind.ready]
        guard old?.status != .yes, !certificate.metadata.isBeingDeleted else { return nil }
        let hindrance = Hindrance("the controller cannot begin: \(sentence)", tellFrom: now)
        let message = old?.message ?? "Nobody has looked at the Secret \(certificate.spec.secretName) yet"
        status.conditions = status.conditions.setting(
            Condition(
                type: Condition.Kind.ready, status: old?.status ?? .no, reason: old?.reason ?? "Pending",
                message: Hindrance.told(hindrance, in: message),
                observedGeneration: certificate.metadata.generation),
            now: now)
        return status == certificate.status ? nil : status
    }
}
