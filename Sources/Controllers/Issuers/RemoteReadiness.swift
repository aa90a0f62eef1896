import CertificateAPI
import Issuers
import KubeModel
import Synchronization
import Wire

/// What is known of an issuer that is asked over the network.
struct RemoteNote {
    var uid: String
    /// The generation, and the versions of the Secrets, that were looked at.
    var subject: String
    var readiness: IssuerReadiness?
    var checkedAt: Timestamp?
    var until: Timestamp?
    var failures = 0

    /// Whether what is known still holds.
    func holds(_ subject: String, isDoubted: Bool, now: Timestamp) -> Bool {
        guard readiness != nil, self.subject == subject, let checkedAt, let until, now < until else { return false }
        // Many requests that fail together are one reason to look again.
        return !isDoubted || now < checkedAt + .seconds(10)
    }

    mutating func learned(_ found: IssuerReadiness, now: Timestamp) {
        failures = found.isReady ? 0 : failures + 1
        checkedAt = now
        let next = found.isReady ? now + .seconds(3600) : now + RetryPace.delay(afterFailures: failures)
        let until = min(found.lookAgain ?? next, next)
        self.until = until
        readiness = IssuerReadiness(
            isReady: found.isReady, reason: found.reason, message: found.message, lookAgain: until)
    }
}

extension IssuerReconciler {
    func readiness(ofRemote issuer: Object) -> IssuerFinding {
        let (key, uid) = (issuer.key, issuer.metadata.uid ?? "")
        guard !checks.isUnderWay(for: key, uid: uid) else { return .asking }
        let (now, subject) = (time.now(), remoteSubject(issuer))
        var note = remoteNotes.withLock { $0[key] }.flatMap { $0.uid == uid ? $0 : nil }
        if var known = note, let found = checks.answer(for: key, uid: uid) {
            checks.consume(key)
            known.learned(found, now: now)
            remoteNotes.withLock { $0[key] = known }
            note = known
        }
        let isDoubted = remotes.isDoubted(issuer: uid)
        if let note, note.holds(subject, isDoubted: isDoubted, now: now), let readiness = note.readiness {
            return .readiness(readiness)
        }
        let namespace = Object.resource.isNamespaced ? issuer.key.namespace : nil
        let identity = IssuerIdentity(
            uid: uid, name: key.name, namespace: namespace, resourceNamespace: secretKey("", issuer).namespace)
        guard let remote = remotes.issuer(issuer.spec, identity) else { return .asking }
        let failures = note?.subject == subject ? note?.failures ?? 0 : 0
        remoteNotes.withLock { $0[key] = RemoteNote(uid: uid, subject: subject, failures: failures) }
        remotes.trust(issuer: uid)
        checks.start(for: key, uid: uid, lane: remote.lane) { await remote.check() }
        return .asking
    }

    private func remoteSubject(_ issuer: Object) -> String {
        let versions = issuer.spec.secretNames.sorted().map { secrets.version(of: secretKey($0, issuer)) ?? "none" }
        return "\(issuer.metadata.generation ?? 0)/" + versions.joined(separator: "/")
    }

    func forgetRemote(_ key: ObjectKey) {
        guard let note = remoteNotes.withLock({ $0.removeValue(forKey: key) }) else { return }
        remotes.drop(issuer: note.uid)
        checks.consume(key)
    }
}
