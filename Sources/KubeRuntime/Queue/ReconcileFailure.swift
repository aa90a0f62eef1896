import KubeClient
import KubeModel
import Logging
import Wire

/// What an error thrown by a reconciler means for its key.
struct ReconcileFailure {
    enum Verdict: Equatable {
        /// Try again after the back-off, or (Retry-After) not before then.
        case retry(notBefore: Timestamp?)
        /// Wait for a change.
        case terminal
        /// It acted on something old; look again in a moment.
        case conflict
        /// We are being shut down, or are no longer the leader: nobody's fault.
        case interrupted
    }

    let verdict: Verdict
    let cause: any Error

    init(_ error: any Error, now: Timestamp) {
        switch error {
        case ReconcileError.terminal(let cause): (verdict, self.cause) = (.terminal, cause)
        case ReconcileError.retryAt(let moment, let cause): (verdict, self.cause) = (.retry(notBefore: moment), cause)
        case ReconcileError.retry(let cause): (verdict, self.cause) = (Self.verdict(cause, now: now), cause)
        default: (verdict, cause) = (Self.verdict(error, now: now), error)
        }
    }

    private static func verdict(_ error: any Error, now: Timestamp) -> Verdict {
        if error is CancellationError { return .interrupted }
        guard let error = error as? KubeError else { return .retry(notBefore: nil) }
        switch error {
        case .fenced, .cancelled: return .interrupted
        case .status(_, let retryAfter):
            if error.isConflict { return .conflict }
            return .retry(notBefore: retryAfter.map { now + $0 })
        default: return .retry(notBefore: nil)
        }
    }

    var outcome: QueueMachine<ObjectKey>.Outcome {
        switch verdict {
        case .retry(let moment?): .failedUntil(moment)
        case .retry(nil), .interrupted: .failed
        case .terminal: .settled
        case .conflict: .conflicted
        }
    }

    var isWorthCounting: Bool {
        switch verdict {
        case .retry, .terminal: true
        case .conflict, .interrupted: false
        }
    }

    func log(to logger: Logger, _ metadata: Logger.Metadata) {
        switch verdict {
        case .retry: logger.warning("Reconcile failed and will be tried again", metadata: metadata)
        case .terminal: logger.error("Reconcile failed; it waits for a change", metadata: metadata)
        case .conflict: logger.debug("Reconcile acted on an old version and looks again", metadata: metadata)
        case .interrupted: logger.debug("Reconcile was interrupted", metadata: metadata)
        }
    }
}
