package import ACME
package import CertificateAPI
package import HTTPTransport
package import PKI
import Synchronization
package import Wire

/// The ACME servers and accounts in use, shared by all controllers so that directories and nonces are fetched once.
package final class ACMEClients: Sendable {
    private struct ServerKey: Hashable {
        var directoryURL: String
        var tls: TLSOptions
    }

    private struct State {
        var servers: [ServerKey: ACMEServer] = [:]
        var accounts: [String: ACMEClient] = [:]
        var doubted: Set<String> = []
        var actions: [String: Refusal] = [:]
    }

    private let transport: any HTTPTransport
    private let userAgent: String
    private let time: any TimeSource
    private let observer: ACMEObserver?
    private let state = Mutex(State())

    /// - Parameter userAgent: names this program and its HTTP library, with their versions.
    package init(
        transport: any HTTPTransport, userAgent: String, time: any TimeSource, observer: ACMEObserver? = nil
    ) {
        self.transport = transport
        self.userAgent = userAgent
        self.time = time
        self.observer = observer
    }

    /// The server of an issuer: one for all issuers that name the same directory and trust it the same way.
    package func server(for issuer: ACMEIssuer) -> ACMEServer {
        let key = ServerKey(directoryURL: issuer.server, tls: issuer.tls)
        return state.withLock { state in
            if let server = state.servers[key] { return server }
            let server = ACMEServer(
                settings: .init(directoryURL: key.directoryURL, tls: key.tls, userAgent: userAgent),
                transport: transport, time: time, observer: observer)
            state.servers[key] = server
            return server
        }
    }

    /// The account of the issuer with this UID; nil until its controller has found it in order.
    package func account(ofIssuer uid: String) -> ACMEClient? {
        state.withLock { $0.accounts[uid] }
    }

    /// The issuer's account is in order. Answers whether that is news.
    package func keep(_ client: ACMEClient, forIssuer uid: String) -> Bool {
        state.withLock { state in
            state.doubted.remove(uid)
            let old = state.accounts.updateValue(client, forKey: uid)
            return old?.accountURL != client.accountURL || old?.accountKey != client.accountKey
                || old?.server !== client.server
        }
    }

    /// The issuer is gone, or its account no longer in order.
    package func drop(issuer uid: String) {
        state.withLock { state in
            state.accounts[uid] = nil
            state.doubted.remove(uid)
        }
    }

    /// The server has said that it does not know the issuer's account: it is asked again before the account is used.
    package func doubt(issuer uid: String) {
        state.withLock { state in
            state.accounts[uid] = nil
            state.doubted.insert(uid)
        }
    }

    /// The server wants a person to do something before it serves the issuer again.
    package func requireAction(_ refusal: Refusal, issuer uid: String) {
        state.withLock { $0.actions[uid] = refusal }
    }

    /// What a person has to do, if anything.
    package func requiredAction(ofIssuer uid: String) -> Refusal? { state.withLock { $0.actions[uid] } }

    /// It was done, or is to be tried.
    package func actionIsDone(issuer uid: String) { state.withLock { $0.actions[uid] = nil } }

    package func isDoubted(issuer uid: String) -> Bool {
        state.withLock { $0.doubted.contains(uid) }
    }

    /// Every account key in use: no certificate may have one of them (RFC 8555 §11.1).
    package var accountKeys: Set<PublicKey> {
        state.withLock { Set($0.accounts.values.map(\.accountKey)) }
    }
}

extension ACMEIssuer {
    /// A bundle adds to the system's roots; skipping verification excludes it (a rule of the API).
    fileprivate var tls: TLSOptions {
        if skipTLSVerify == true { return TLSOptions(trust: .insecure) }
        guard let bundle = caBundle?.bytes, !bundle.isEmpty else { return .system }
        return TLSOptions(trust: .systemAnd(pem: bundle))
    }
}
