import ACME
import HTTPTypes
import Logging
import PKI
import Wire

extension ACMEService {
    /// By the account that ordered it, by one that has proved all its names, or by its own key (RFC 8555 §7.6).
    func revoke(_ request: SignedRequest, _ place: Place) async throws(KeepingFailure) -> Reply {
        let signer: ServerAccount?
        switch request.signer {
        case .account: signer = try await account(request, place)
        case .key(let key):
            signer = nil
            try check { () throws(ServerProblem) in try request.object.check(signedBy: key) }
        }
        let payload = try check { () throws(ServerProblem) in
            try RevocationPayload(try request.members(settings.limits))
        }
        if case .key(let key) = request.signer, key != payload.certificate.publicKey {
            throw .problem(.unauthorized("The request is signed neither by an account nor by the certificate's key."))
        }
        let record = try await keep { () throws(KeepingError) in try await desk.find(payload.certificate) }
        guard let record, record.issuer == place.issuer.path else {
            throw .problem(ServerProblem(.malformed, .notFound, "The certificate is not one of this directory."))
        }
        if let signer, signer.id != record.account, !hasProved(signer, payload.certificate) {
            throw .problem(.unauthorized("The account has neither ordered the certificate nor proved all its names."))
        }
        guard !record.isRevoked else {
            throw .problem(ServerProblem(.alreadyRevoked, .badRequest, "The certificate was revoked before."))
        }
        try await keep { () throws(KeepingError) in
            try await desk.revoke(record, payload.reason, at: time.now().wholeSeconds)
        }
        observe(.revocation(place.issuer))
        logger.info(
            "A certificate was revoked by an ACME client",
            metadata: [
                "issuer": "\(place.issuer)", "request": "\(record.place)", "reason": "\(payload.reason)",
                "serial": "\(Hex.encode(payload.certificate.serial))",
            ])
        return Reply(.ok)
    }

    private func hasProved(_ account: ServerAccount, _ certificate: X509Certificate) -> Bool {
        let now = time.now()
        var proved: Set<ACMEIdentifier> = []
        for order in store.orders(of: account.id) where !order.isExpired(at: now) {
            for authorization in order.authorizations {
                if case .valid = authorization.state { proved.insert(authorization.identifier) }
            }
        }
        let names = certificate.extensions.names
        return !names.isEmpty
            && names.allSatisfy { name in
                switch name {
                case .dns(let text): (try? ACMEIdentifier(dns: text)).map(proved.contains) ?? false
                case .ip(let address): proved.contains(.ip(address))
                case .uri, .email, .other, .unknown: false
                }
            }
    }
}
