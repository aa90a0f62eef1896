import ACME
import HTTPTypes
import Wire

extension ACMEService {
    /// When a certificate should be renewed, for anybody who asks (RFC 9773 §4).
    func renewalInfo(_ id: String, _ place: Place) throws(ServerProblem) -> Reply {
        guard let id = RenewalIdentifier(reading: id) else {
            throw .malformed(
                "That names no certificate: the key identifier of its issuer, a dot and its serial number.")
        }
        guard let sight = renewals.sight(of: id), sight.directory == place.issuer.path else { throw .notFound }
        let window = sight.window
        var reply = Reply(
            .ok,
            ["suggestedWindow": ["start": .string(window.start.rfc3339), "end": .string(window.end.rfc3339)]])
        reply.retryAfter = sight.pause
        return reply
    }

    /// Whether an order may say that its certificate takes the place of that one (RFC 9773 §5). One that is not known, as
    /// when its request was deleted, is no hindrance.
    func check(_ id: RenewalIdentifier, _ payload: NewOrderPayload, _ account: ServerAccount) throws(ServerProblem) {
        guard let sight = renewals.sight(of: id) else { return }
        guard sight.directory == account.issuer.path, sight.account == account.id else {
            throw .unauthorized("The certificate that the order replaces is not one of this account.")
        }
        guard sight.shares(payload.identifiers) else {
            throw .malformed("The certificate that the order replaces has none of its names.")
        }
        guard !sight.isReplaced else {
            throw ServerProblem(
                .alreadyReplaced, .conflict, "Another certificate was ordered in place of that one; leave replaces out."
            )
        }
    }
}
