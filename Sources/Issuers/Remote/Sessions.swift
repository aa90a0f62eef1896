import Synchronization
import Wire

/// The tokens that logins have brought, one for each issuer, so that a thousand certificates take one login.
///
/// In memory only: a controller that starts logs in again.
final class Sessions<Key: Sendable & Hashable>: Sendable {
    private let machine = Mutex(SessionMachine<Key>())

    func step(_ issuer: String, _ key: Key, now: Timestamp) -> SessionMachine<Key>.Step {
        machine.withLock { $0.wanted(issuer, key, now: now) }
    }
    func keep(_ token: SessionToken, _ issuer: String, _ key: Key, now: Timestamp) {
        machine.withLock { $0.loggedIn(token, issuer, key, now: now) }
    }
    func loginFailed(_ issuer: String) { machine.withLock { $0.loginFailed(issuer) } }
    /// The server has refused it. Another one that came meanwhile is kept.
    func refused(_ token: Redacted<String>, _ issuer: String) { machine.withLock { $0.refused(token, issuer) } }
    func drop(issuer: String) { machine.withLock { $0.dropped(issuer) } }
}

/// Which token an issuer has, and when it is time for another.
///
/// A token serves as long as the key is the same, which is the server and all that was proved to it.
struct SessionMachine<Key: Sendable & Hashable> {
    enum Step: Sendable, Hashable {
        case use(Redacted<String>)
        case logIn
    }

    private struct Session {
        var key: Key
        var token: Redacted<String>
        /// From then on one of those that ask logs in anew, and the others go on with this one.
        var renewAt: Timestamp?
        var endsAt: Timestamp?
        var isBeingRenewed = false
    }
    private var sessions: [String: Session] = [:]

    mutating func wanted(_ issuer: String, _ key: Key, now: Timestamp) -> Step {
        guard let session = sessions[issuer], session.key == key else { return .logIn }
        if let endsAt = session.endsAt, now >= endsAt { return .logIn }
        if let renewAt = session.renewAt, now >= renewAt, !session.isBeingRenewed {
            sessions[issuer]?.isBeingRenewed = true
            return .logIn
        }
        return .use(session.token)
    }

    mutating func loggedIn(_ token: SessionToken, _ issuer: String, _ key: Key, now: Timestamp) {
        // One that may be used so and so often is for whoever got it.
        guard token.uses == nil else { return }
        var session = Session(key: key, token: token.text)
        if let lifetime = token.lifetime {
            session.renewAt = now + lifetime * 2 / 3
            session.endsAt = now + lifetime
        }
        sessions[issuer] = session
    }

    mutating func loginFailed(_ issuer: String) { sessions[issuer]?.isBeingRenewed = false }

    mutating func refused(_ token: Redacted<String>, _ issuer: String) {
        if sessions[issuer]?.token == token { sessions[issuer] = nil }
    }

    mutating func dropped(_ issuer: String) { sessions[issuer] = nil }
}

/// A token to speak to a server with, and how long it is good.
struct SessionToken: Sendable, Hashable {
    var text: Redacted<String>
    /// Nil for one that is good for ever, or nobody knows how long.
    var lifetime: Duration?
    /// How often it may be used; nil for any number.
    var uses: Int64?

    init(text: Redacted<String>, lifetime: Duration? = nil, uses: Int64? = nil) {
        self.text = text
        self.lifetime = lifetime
        self.uses = uses
    }

    /// - Parameter seconds: as the server said; zero and less stand for no end.
    init(text: String, seconds: Int64, uses: Int64? = nil) {
        // Ten years are no bound of anybody's.
        self.init(
            text: Redacted(text), lifetime: seconds > 0 ? .seconds(min(seconds, 10 * 365 * 86_400)) : nil, uses: uses)
    }
}
