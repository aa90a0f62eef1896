package import PKI
import Wire

extension ACMEClient {
    /// Gives the account another key (RFC 8555 §7.3.5), and answers with the client that signs with it.
    ///
    /// Store the new key first: when no answer comes it may be the account's already. A refusal with status 409 means
    /// that the key has an account of its own, whose URL is in `location`.
    package func changeKey(to new: PrivateKey) async throws(ACMEError) -> ACMEClient {
        guard new.publicKey != accountKey else {
            throw .configuration("the new account key is the one that the account has")
        }
        guard let url = try await server.directory().keyChange else {
            throw .configuration("the ACME server changes no account keys: its directory names no keyChange")
        }
        let payload: JSONValue = ["account": .string(accountURL), "oldKey": accountKey.jwk]
        let inner = try await JWS.body(
            payload: payload.serialized(), url: url, nonce: nil, signer: .jwk, key: new)
        _ = try await post(inner, to: url, as: .changeKey)
        return ACMEClient(server: server, accountURL: accountURL, key: new)
    }

    /// Ends the account for good (RFC 8555 §7.3.6): the server will hear nothing more that its key signs.
    package func deactivate() async throws(ACMEError) -> ACMEAccount {
        let payload: JSONValue = ["status": "deactivated"]
        let answer = try await post(payload.serialized(), to: accountURL, as: .deactivateRegistration)
        return try ACMEAccount(answer, url: accountURL)
    }
}
