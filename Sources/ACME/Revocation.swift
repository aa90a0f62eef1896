package import PKI
import Wire

/// Why a certificate is revoked, as RFC 5280 §5.3.1 numbers it. Seven was never given out.
package enum RevocationReason: Int64, Sendable, Hashable, CaseIterable {
    case unspecified = 0
    case keyCompromise = 1
    case caCompromise = 2
    case affiliationChanged = 3
    case superseded = 4
    case cessationOfOperation = 5
    case certificateHold = 6
    case removeFromCRL = 8
    case privilegeWithdrawn = 9
    case aaCompromise = 10

    /// The name in any case, such as `keyCompromise`.
    package init?(name: String) {
        guard let reason = Self.allCases.first(where: { "\($0)".lowercased() == name.lowercased() }) else { return nil }
        self = reason
    }
}

extension ACMEClient {
    /// Revokes a certificate that this account ordered, or all of whose names it has shown control of
    /// (RFC 8555 §7.6). One that is revoked already is a success.
    package func revoke(
        _ certificate: X509Certificate, reason: RevocationReason = .unspecified
    ) async throws(ACMEError) {
        try await server.revoke(certificate, reason, signer: .kid(accountURL), key: key)
    }
}

extension ACMEServer {
    /// Revokes a certificate with its own private key, whoever ordered it (RFC 8555 §7.6). One that is revoked already
    /// is a success.
    package func revoke(
        _ certificate: X509Certificate, withItsKey key: PrivateKey, reason: RevocationReason = .unspecified
    ) async throws(ACMEError) {
        guard certificate.publicKey == key.publicKey else {
            throw .configuration("the private key is not that of the certificate to revoke")
        }
        try await revoke(certificate, reason, signer: .jwk, key: key)
    }

    fileprivate func revoke(
        _ certificate: X509Certificate, _ reason: RevocationReason, signer: JWS.Signer, key: PrivateKey
    ) async throws(ACMEError) {
        guard let url = try await directory().revokeCert else {
            throw .configuration("the ACME server revokes no certificates: its directory names no revokeCert")
        }
        var payload: JSONObject = ["certificate": .string(Base64.encodeURL(certificate.der))]
        // RFC 8555 §7.6: no reason is sent for "unspecified".
        if reason != .unspecified { payload["reason"] = .integer(reason.rawValue) }
        do {
            let answer = try await post(
                JSONValue.object(payload).serialized(), to: url, as: .revoke, signer: signer, key: key)
            // A success says nothing, or says it in JSON. A page of a gateway is no success: asked again, the server says
            // that it was revoked already, or that it was not.
            if !answer.body.isEmpty { _ = try answer.json() }
        } catch {
            guard error.refusal?.problem.type == .alreadyRevoked else { throw error }
        }
    }
}
