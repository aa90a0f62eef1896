package import CertificateAPI
import KubeModel
package import Wire

/// Somebody's word on a CertificateRequest: approved or denied, once and for all.
package enum RequestVerdict: String, Sendable {
    case approved, denied

    package enum Answer: Sendable, Equatable {
        /// Of the status subresource; it names the version it was made from.
        case patch(JSONValue)
        /// The same has been said before.
        case settled
        /// The opposite has, and cannot be taken back.
        case contradicted(String)
    }

    package func decide(_ request: CertificateRequest, reason: String, message: String, now: Timestamp) -> Answer {
        let conditions = request.status?.conditions
        let (mine, other) =
            self == .approved
            ? (Condition.Kind.approved, Condition.Kind.denied) : (Condition.Kind.denied, Condition.Kind.approved)
        if conditions.isTrue(mine) { return .settled }
        if conditions.isTrue(other) {
            return .contradicted(
                "it is \(other.lowercased()) already, which cannot be taken back: make another request")
        }
        let condition = Condition(type: mine, status: .yes, reason: reason, message: message)
        return .patch(
            ConditionPatch.make(conditions.setting(condition, now: now), request.metadata.resourceVersion))
    }
}
