package import CertificateAPI
import KubeModel
package import Wire

/// A renewal that somebody asks for: the Issuing condition, set as cmctl sets it.
package enum ManualRenewal {
    package enum Answer: Sendable, Equatable {
        /// Of the status subresource; it names the version it was made from.
        case patch(JSONValue)
        /// It is being issued already.
        case underWay
    }

    package static func decide(_ certificate: Certificate, now: Timestamp) -> Answer {
        let conditions = certificate.status?.conditions
        if conditions.isTrue(Condition.Kind.issuing) { return .underWay }
        let wish = Condition(
            type: Condition.Kind.issuing, status: .yes, reason: "ManuallyTriggered",
            message: "Certificate re-issuance manually triggered",
            observedGeneration: certificate.metadata.generation)
        return .patch(ConditionPatch.make(conditions.setting(wish, now: now), certificate.metadata.resourceVersion))
    }

    /// How far it is, seen from where it began.
    package enum Stage: Sendable, Equatable {
        case waiting(String)
        case done(String)
        case failed(String)
    }

    /// - Parameters:
    ///   - revision: the Certificate's before the renewal.
    ///   - since: when it was asked for, by the API server's clock.
    package static func stage(_ tree: CertificateTree, after revision: Int, since: Timestamp) -> Stage {
        let status = tree.certificate.status
        let issuing = status?.conditions[type: Condition.Kind.issuing]
        if (status?.revision ?? 0) > revision, issuing == nil {
            return .done("revision \(status?.revision ?? 0), valid until \(status?.notAfter?.rfc3339 ?? "?")")
        }
        if issuing?.status == .no, let failed = status?.lastFailureTime, failed >= since.wholeSeconds {
            return .failed(issuing?.message ?? "the issuance failed")
        }
        if let issuing, issuing.status == .no, issuing.reason == "CannotRegenerateKey" {
            return .failed(issuing.message ?? "the private key cannot be made anew")
        }
        return .waiting(Progress.sentence(tree))
    }
}

/// Patches that put a list of conditions into a status.
package enum ConditionPatch {
    package static func make(_ conditions: [Condition], _ resourceVersion: String?) -> JSONValue {
        var patch: JSONValue = [
            "status": ["conditions": .array(conditions.map { (try? JSONValue(encoding: $0)) ?? nil })]
        ]  // a condition is texts and numbers, which can always be written
        if let resourceVersion { patch["metadata"] = ["resourceVersion": .string(resourceVersion)] }
        return patch
    }
}
