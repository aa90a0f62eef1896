import CCurl
import HTTPTransport

/// The loop that owns every libcurl handle; made and used on its own thread.
@safe final class CurlEngine {
    private let mailbox: Mailbox
    private let multi: UnsafeMutableRawPointer
    private let defaults: HandleDefaults
    private var lanes: LaneQueue<Transfer>
    private var active: [ObjectIdentifier: ActiveTransfer] = [:]
    private var spare: [EasyHandle] = []
    private var nextSweep: ContinuousClock.Instant?

    init(_ options: CurlTransport.Options, multi: MultiHandle, mailbox: Mailbox) {
        self.mailbox = mailbox
        unsafe self.multi = multi.pointer
        defaults = HandleDefaults(options)
        lanes = LaneQueue(limit: options.concurrencyPerHost)
        let multiplex = options.version == .http2 ? Int(CURLPIPE_MULTIPLEX) : Int(CURLPIPE_NOTHING)
        unsafe certwright_multi_set_long(self.multi, CURLMOPT_PIPELINING, multiplex)
        unsafe certwright_multi_set_long(self.multi, CURLMOPT_MAXCONNECTS, options.concurrencyPerHost * 2)
    }

    /// Takes orders, performs, finishes, polls; returns once the mailbox is closed.
    func loop() {
        while true {
            let (orders, isClosing) = mailbox.take()
            for order in orders { carryOut(order) }
            if isClosing { break }
            perform()
            sweepIfDue()
            unsafe curl_multi_poll(multi, nil, 0, pollTimeout, nil)
        }
        end()
    }

    private func carryOut(_ order: Mailbox.Order) {
        switch order {
        case .start(let transfer):
            if lanes.arrived(transfer, for: transfer.address, lane: transfer.request.lane) {
                begin(transfer)
            } else {
                watchTime(of: transfer.deadline)
            }
        case .drop(let transfer):
            if let gone = active[ObjectIdentifier(transfer)] {
                finish(gone)
            } else {
                _ = lanes.withdraw(transfer, for: transfer.address)
            }
        }
    }

    private func perform() {
        var running: Int32 = 0
        var code = CURLE_OK
        unsafe curl_multi_perform(multi, &running)
        while let easy = unsafe certwright_multi_next_done(multi, &code) {
            let done = unsafe ActiveTransfer.from(certwright_easy_get_private(easy))
            done.completed(code)
            finish(done)
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
        let starting = ActiveTransfer(transfer, easy)
        active[ObjectIdentifier(transfer)] = starting
        starting.setCallbacks()
        let code = unsafe curl_multi_add_handle(multi, easy.pointer)
        if code != CURLM_OK {
            transfer.stop(.other(unsafe String(cString: curl_multi_strerror(code))))
            finish(starting)
        } else {
            watchTime(of: starting.idleAt)
        }
    }

    /// Takes the handle back and starts whoever waited for its place.
    private func finish(_ ended: ActiveTransfer) {
        unsafe curl_multi_remove_handle(multi, ended.easy.pointer)
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

    /// At most a minute; libcurl itself comes back earlier for its own timers.
    private var pollTimeout: Int32 {
        guard let nextSweep else { return 60_000 }
        return Int32(clamping: min(max(0, (nextSweep - .now).milliseconds + 1), 60_000))
    }
}
