import CCurl
import HTTPTransport
import HTTPTypes

/// A transfer that libcurl is working on; lives on the engine's thread. Its address is what libcurl's callbacks get.
final class ActiveTransfer {
    let shared: Transfer
    let easy: EasyHandle
    private let now: @Sendable () -> ContinuousClock.Instant
    private var isHeld = false
    private var lastActivity: ContinuousClock.Instant
    private var attempts = 0
    /// Whether none of it was sent, because its deadline had passed.
    private var isTooLate = false

    init(_ shared: Transfer, _ easy: EasyHandle, now: @escaping @Sendable () -> ContinuousClock.Instant) {
        self.shared = shared
        self.easy = easy
        self.now = now
        lastActivity = now()
    }

    /// When its time is up, and what it then fails with; nil where it has all the time it wants.
    var limit: (at: ContinuousClock.Instant, error: TransportError)? {
        let idleAt = shared.request.idleLimit.map { (isHeld ? now() : lastActivity) + $0 }
        guard let deadline = shared.deadline, deadline <= idleAt ?? deadline else { return idleAt.map { ($0, .idle) } }
        return (deadline, easy.hasSent ? .timeout : .connectTimeout)
    }

    func completed(_ code: CURLcode) {
        if code == CURLE_OK {
            let url: String? = shared.request.redirects == .refuse ? nil : easy.effectiveURL
            let peers = shared.request.endsAtHandshake ? easy.peerCertificates : []
            shared.apply { $0.finished(nil, url: url, peerCertificates: peers) }
        } else {
            let failure = TransportError(code, detail: easy.errorDetail, wasSent: easy.hasSent)
            let reason = isTooLate ? .connectTimeout : failure
            shared.apply { $0.finished(reason) }
        }
    }

    private func receivedHeaderLine(_ bytes: UnsafeRawBufferPointer) -> Bool {
        lastActivity = now()
        let line = unsafe String(decoding: bytes, as: UTF8.self)
        return shared.apply { $0.headerLineArrived(line) } != .abort
    }

    /// How many bytes were taken, or what tells libcurl to keep them and to read no more for now. It then holds at most
    /// two of its reads, 16 KiB each: its loop looks for a pause after every one, but may have promised itself another.
    ///
    /// Before 8.1 an HTTP/2 transfer may stall when it goes on, so that only HTTP/1.1 is ever held.
    private func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        lastActivity = now()
        let part = unsafe Array(bytes)
        switch shared.apply({ $0.bytesArrived(part) }) {
        case .goOn: return part.count
        case .abort: return 0
        case .hold:
            isHeld = true
            return Int(CURL_WRITEFUNC_PAUSE)
        }
    }

    /// Has libcurl hand over what it kept, and read again. Nil, or the end that this comes to.
    func readOn() -> CURLcode? {
        guard isHeld else { return nil }
        isHeld = false
        lastActivity = now()
        let code = unsafe curl_easy_pause(easy.pointer, CURLPAUSE_CONT)
        return code == CURLE_OK ? nil : code
    }

    /// Asked when there is a connection, and the request is all that is left to do.
    ///
    /// libcurl sends a request again by itself when a kept connection turns out dead. Where that could do a thing
    /// twice, the second attempt is refused and the caller decides. And a process that was stopped may go on when its
    /// deadline is long over: a write belongs to whoever leads by then.
    private func mayBeSentNow() -> Bool {
        attempts += 1
        if let deadline = shared.deadline, deadline < now() {
            isTooLate = attempts == 1
            return false
        }
        let method = shared.request.method
        return attempts == 1 || (method != .post && method != .patch) || shared.request.redirects != .refuse
    }
}

// MARK: - libcurl's callbacks

extension ActiveTransfer {
    func setCallbacks() {
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe easy.set(CURLOPT_PRIVATE, pointer: context)
        unsafe easy.set(CURLOPT_HEADERDATA, pointer: context)
        unsafe easy.set(CURLOPT_WRITEDATA, pointer: context)
        unsafe easy.set(CURLOPT_HEADERFUNCTION) { bytes, one, count, context in
            let line = unsafe UnsafeRawBufferPointer(start: bytes, count: one * count)
            return unsafe ActiveTransfer.from(context).receivedHeaderLine(line) ? one * count : 0
        }
        unsafe easy.set(CURLOPT_WRITEFUNCTION) { bytes, one, count, context in
            let part = unsafe UnsafeRawBufferPointer(start: bytes, count: one * count)
            return unsafe ActiveTransfer.from(context).received(part)
        }
        if shared.request.method != .get {
            unsafe easy.setBeforeRequest(
                { context, _, _, _, _ in
                    unsafe ActiveTransfer.from(context).mayBeSentNow() ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
                }, context: context)
        }
    }

    /// The engine holds every transfer that a handle points to until the handle is reset.
    static func from(_ context: UnsafeMutableRawPointer?) -> ActiveTransfer {
        unsafe Unmanaged.fromOpaque(context!).takeUnretainedValue()
    }
}
