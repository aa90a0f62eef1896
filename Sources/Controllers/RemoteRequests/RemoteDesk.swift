import CertificateAPI
package import Issuers
package import KubeModel
import Synchronization
package import Wire

/// How far a remote issuer has come with a request.
enum RemoteProgress: Sendable, Equatable {
    /// It is being asked; whoever waits is told.
    case asking
    case answered(SigningAnswer)
    /// Something is waited for, until then. `pickupID` belongs into the request, which survives this process.
    case waiting(reason: String, message: String, pickupID: String?, until: Timestamp)
}

/// Has remote issuers asked, and remembers for each request what came of it until that is written down.
package final class RemoteDesk: Sendable {
    typealias Answer = Result<RemoteAnswer, RemoteError>

    private struct Note {
        var uid: String
        /// What the issuer was when it was asked: with another spec it is asked anew at once.
        var spec: IssuerSpec
        var failures = 0
        /// How often it was asked whether the certificate is there.
        var turns = 0
        var waiting: RemoteProgress?
        var until: Timestamp?
        var pickupID: String?
    }

    private let issuers: RemoteIssuers
    private let errands: Errands<Answer>
    private let notes = Mutex<[ObjectKey: Note]>([:])
    private let time: any TimeSource
    private let queue = KeySink()
    /// Told of issuers that could not be asked.
    private let onTrouble: @Sendable (ObjectReference) -> Void

    package init(
        issuers: RemoteIssuers, time: any TimeSource, onTrouble: @escaping @Sendable (ObjectReference) -> Void
    ) {
        self.issuers = issuers
        self.time = time
        self.onTrouble = onTrouble
        errands = Errands { [queue] in queue.enqueue($0) }
    }

    /// Asks issuers until cancelled.
    package func run() async throws { try await errands.run() }

    func connect(_ enqueue: @escaping @Sendable (ObjectKey) -> Void) { queue.connect(enqueue) }

    /// - Parameters:
    ///   - key: the object that asks, and whose UID `request` has.
    ///   - pickupID: what the object says of an earlier turn.
    func step(
        _ key: ObjectKey, _ request: CertificateRequest, customFields: String?, pickupID: String?,
        _ issuer: IssuerLookup.Found
    ) -> RemoteProgress {
        let uid = request.metadata.uid ?? ""
        if errands.isUnderWay(for: key, uid: uid) { return .asking }
        let now = time.now()
        var note = notes.withLock { $0[key] }.flatMap { $0.uid == uid ? $0 : nil } ?? Note(uid: uid, spec: issuer.spec)
        if let answer = errands.answer(for: key, uid: uid) {
            let progress = took(answer, &note, issuer, now)
            // An answer for good stays until it is written down (`isDone`).
            guard case .waiting = progress else { return progress }
            errands.consume(key)
            notes.withLock { $0[key] = note }
            return progress
        }
        if note.spec == issuer.spec, let until = note.until, now < until, let waiting = note.waiting { return waiting }
        note.spec = issuer.spec
        notes.withLock { $0[key] = note }
        return start(key, uid, request, customFields: customFields, pickupID: pickupID ?? note.pickupID, issuer)
    }

    /// The request needs nothing more.
    func isDone(_ key: ObjectKey) {
        errands.consume(key)
        notes.withLock { $0[key] = nil }
    }

    private func took(
        _ answer: Answer, _ note: inout Note, _ issuer: IssuerLookup.Found, _ now: Timestamp
    ) -> RemoteProgress {
        switch answer {
        case .success(.issued(let certificate)): return .answered(SigningAnswer(certificate))
        case .failure(.failed(let reason, let message)): return .answered(.failed(reason: reason, message: message))
        case .success(.pending(let pickupID, let message, let until)):
            note.failures = 0
            note.turns += 1
            note.pickupID = pickupID
            // What a person has to approve may take days.
            let pause = RetryPace.delay(afterFailures: note.turns, jitter: Self.jitter(note.uid))
            return wait("IssuancePending", message, max(until, now + pause), &note)
        case .failure(.later(let reason, let message, let notBefore)):
            note.failures += 1
            let pause = RetryPace.delay(afterFailures: note.failures, jitter: Self.jitter(note.uid))
            onTrouble(issuer.reference)
            return wait(reason, message, max(now + pause, notBefore ?? now), &note)
        }
    }

    private func wait(
        _ reason: String, _ message: String, _ until: Timestamp, _ note: inout Note
    ) -> RemoteProgress {
        let progress = RemoteProgress.waiting(reason: reason, message: message, pickupID: note.pickupID, until: until)
        note.waiting = progress
        note.until = until
        return progress
    }

    private func start(
        _ key: ObjectKey, _ uid: String, _ request: CertificateRequest, customFields: String?, pickupID: String?,
        _ found: IssuerLookup.Found
    ) -> RemoteProgress {
        guard let issuer = issuers.issuer(found.spec, found.identity) else { return .asking }
        do {
            let wanted = try IssuanceRequest(request.spec)
            let remote = RemoteRequest(
                wanted: wanted, name: key,
                customFields: [found.annotations?[Names.Annotation.venafiCustomFields], customFields]
                    .compactMap(\.nonEmpty),
                pickupID: pickupID.nonEmpty)
            errands.start(for: key, uid: uid, lane: issuer.lane) {
                do throws(RemoteError) { return .success(try await issuer.sign(remote)) } catch {
                    return .failure(error)
                }
            }
            return .asking
        } catch {
            return .answered(.failed(reason: "SigningError", message: error.sentence))
        }
    }

    /// The same for one object always, so that many that failed together spread out.
    private static func jitter(_ uid: String) -> Double {
        Double(uid.utf8.reduce(UInt32(17)) { $0 &* 31 &+ UInt32($1) } % 1024) / 1024
    }
}

extension IssuerLookup.Found {
    var identity: IssuerIdentity {
        IssuerIdentity(
            uid: reference.uid ?? "", name: reference.name, namespace: reference.namespace.nonEmpty,
            resourceNamespace: resourceNamespace)
    }
}

extension SigningAnswer {
    init(_ issued: IssuedCertificate) {
        self = .issued(
            certificate: issued.certificatePEM, ca: issued.caPEM, notes: issued.notes.map(\.sentence),
            warnings: issued.notes.compactMap { note in
                note.eventReason.map { Violation(reason: $0, message: note.sentence) }
            })
    }
}
