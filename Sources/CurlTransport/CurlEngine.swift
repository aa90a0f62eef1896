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

    init(_ options: CurlTransport.Options, _ mailbox: Mailbox) {
        self.mailbox = mailbox
        multi = MultiHandle(
            multiplexes: options.version == .http2, keptConnections: options.concurrencyPerHost * 2,
            doorbell: mailbox.doorbell)
        defaults = HandleDefaults(options)
        lanes = LaneQueue(limit: options.concurrencyPerHost)
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
            guard let held = active[ObjectIdentifier(transfer)] else { return }
            multi.readOn(held)
            finishDone()
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
        let starting = ActiveTransfer(transfer, easy, multi.readiness)
        active[ObjectIdentifier(transfer)] = starting
        starting.setCallbacks()
        if let problem = multi.add(easy) {
            transfer.stop(.other(problem))
            finish(starting)
        } else {
            watchTime(of: starting.idleAt)
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
    /// libcurl keeps the deadlines of running transfers; waiting in a lane and silence are counted here.
    private func sweepIfDue() {
        guard let due = nextSweep, due <= .now else { return }
        nextSweep = nil
        let now = ContinuousClock.now
        for transfer in lanes.withdraw(where: { $0.deadline.map { $0 <= now } ?? false }) {
            transfer.stop(.connectTimeout)
        }
        lanes.forEachWaiting { watchTime(of: $0.deadline) }
        for transfer in Array(active.values) {
            guard let idleAt = transfer.idleAt else { continue }
            if idleAt <= now {
                transfer.shared.stop(.idle)
                finish(transfer)
            } else {
                watchTime(of: idleAt)
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
        return min(max(.zero, nextSweep - .now), .seconds(60))
    }
}
