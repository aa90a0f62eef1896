import CCurl
import HTTPTransport

/// The loop that owns every libcurl handle; made and used on its own thread.
final class CurlEngine {
    private let mailbox: Mailbox
    private let multi: MultiHandle
    private let defaults: HandleDefaults
    private var lanes: LaneQueue<Transfer>
    private var active: [ObjectIdentifier: ActiveTransfer] = [:]
    private var spare: [EasyHandle] = []
    private var nextSweep: ContinuousClock.Instant?
    private let now: @Sendable () -> ContinuousClock.Instant

    init(_ options: CurlTransport.Options, _ mailbox: Mailbox) {
        self.mailbox = mailbox
        multi = MultiHandle(
            multiplexes: options.version == .http2, keptConnections: options.concurrencyPerHost * 2,
            doorbell: mailbox.doorbell)
        defaults = HandleDefaults(options)
        lanes = LaneQueue(limit: options.concurrencyPerHost)
        now = options.now
    }

    /// Takes orders, lets libcurl work, finishes what is done; returns once the mailbox is closed.
    func loop() {
        while true {
            let (orders, isClosing) = mailbox.take()
            for order in orders { carryOut(order) }
            if isClosing { break }
            multi.turn(patience)
            finishDone()
            sweepIfDue()
        }
        end()
    }

    private func finishDone() {
        while let (done, code) = multi.nextDone() {
            done.completed(code)
            finish(done)
        }
    }

    private func carryOut(_ order: Mailbox.Order) {
        switch order {
        case .start(let transfer):
            if lanes.arrived(transfer, for: transfer.address, lane: transfer.request.lane) {
                begin(transfer)
            } else {
                watchTime(of: transfer.deadline)
            }
        case .goOn(let transfer):
            guard let held = active[ObjectIdentifier(transfer)], let end = held.readOn() else { return }
            held.completed(end)
            finish(held)
        case .drop(let transfer):
            if let gone = active[ObjectIdentifier(transfer)] {
                finish(gone)
            } else {
                _ = lanes.withdraw(transfer, for: transfer.address)
            }
        }
    }

    private func end() {
        let late = mailbox.shut()
        for order in late {
            if case .start(let transfer) = order { transfer.stop(.shutDown) }
        }
        for waiting in lanes.withdraw(where: { _ in true }) { waiting.stop(.shutDown) }
        for transfer in Array(active.values) {
            transfer.shared.stop(.shutDown)
            finish(transfer)
        }
    }
}

// MARK: - One transfer's begin and end

extension CurlEngine {
    private func begin(_ transfer: Transfer) {
        let easy = spare.popLast() ?? EasyHandle()
        easy.prepare(transfer, defaults)
        let starting = ActiveTransfer(transfer, easy, now: now)
        active[ObjectIdentifier(transfer)] = starting
        starting.setCallbacks()
        if let problem = multi.add(easy) {
            transfer.stop(.other(problem))
            finish(starting)
        } else {
            watchTime(of: starting.limit?.at)
        }
    }

    /// Takes the handle back and starts whoever waited for its place.
    private func finish(_ ended: ActiveTransfer) {
        multi.remove(ended.easy)
        active[ObjectIdentifier(ended.shared)] = nil
        ended.easy.reset()
        if spare.count < Self.spareLimit { spare.append(ended.easy) }
        if let next = lanes.ended(for: ended.shared.address, lane: ended.shared.request.lane) { begin(next) }
    }

    private static let spareLimit = 16
}

// MARK: - Time

extension CurlEngine {
    /// All limits of time are kept here, of what waits in a lane and of what runs: one clock tells them all, and one that a
    /// test sets shows them.
    private func sweepIfDue() {
        let now = now()
        guard let due = nextSweep, due <= now else { return }
        nextSweep = nil
        for transfer in lanes.withdraw(where: { $0.deadline.map { $0 <= now } ?? false }) {
            transfer.stop(.connectTimeout)
        }
        lanes.forEachWaiting { watchTime(of: $0.deadline) }
        for transfer in Array(active.values) {
            guard let limit = transfer.limit else { continue }
            if limit.at <= now {
                transfer.shared.stop(limit.error)
                finish(transfer)
            } else {
                watchTime(of: limit.at)
            }
        }
    }

    private func watchTime(of instant: ContinuousClock.Instant?) {
        guard let instant else { return }
        nextSweep = min(nextSweep ?? instant, instant)
    }

    /// At most a minute; libcurl's own timers come on top.
    private var patience: Duration {
        guard let nextSweep else { return .seconds(60) }
        return min(max(.zero, nextSweep - now()), .seconds(60))
    }
}
