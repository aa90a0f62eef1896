import CCurl
import HTTPTransport
import HTTPTypes

/// A transfer that libcurl is working on; lives on the engine's thread. Its address is what libcurl's callbacks get.
final class ActiveTransfer {
    let shared: Transfer
    let easy: EasyHandle
    private let readiness: Readiness
    /// The socket that libcurl wants to be woken for, and what for.
    private var watched: (socket: Int32, kind: Readiness.Kind)?
    private var isHeld = false
    private var lastActivity = ContinuousClock.now
    private var attempts = 0

    init(_ shared: Transfer, _ easy: EasyHandle, _ readiness: Readiness) {
        self.shared = shared
        self.easy = easy
        self.readiness = readiness
    }

    /// When it will have been silent for too long, if it has such a limit.
    var idleAt: ContinuousClock.Instant? {
        shared.request.idleLimit.map { (isHeld ? .now : lastActivity) + $0 }
    }

    func completed(_ code: CURLcode) {
        if code == CURLE_OK {
            let url: String? = shared.request.redirects == .refuse ? nil : easy.effectiveURL
            let peers = shared.request.keepsPeerCertificates ? easy.peerCertificates : []
            shared.apply { $0.finished(nil, url: url, peerCertificates: peers) }
        } else {
            let failure = TransportError(code, detail: easy.errorDetail, wasSent: easy.hasSent)
            shared.apply { $0.finished(failure) }
        }
    }

    private func receivedHeaderLine(_ bytes: UnsafeRawBufferPointer) -> Bool {
        lastActivity = .now
        let line = unsafe String(decoding: bytes, as: UTF8.self)
        return shared.apply { $0.headerLineArrived(line) } != .abort
    }

    private func received(_ bytes: UnsafeRawBufferPointer) -> Bool {
        lastActivity = .now
        let part = unsafe Array(bytes)
        switch shared.apply({ $0.bytesArrived(part) }) {
        case .goOn: return true
        case .abort: return false
        case .hold:
            isHeld = true
            updateWatch()
            return true
        }
    }

    /// libcurl waits for `socket` to become `kind`; for nothing any more where that is empty.
    func libcurlWatches(_ socket: Int32, _ kind: Readiness.Kind) {
        watched = kind.isEmpty ? nil : (socket, kind)
        if kind.isEmpty { readiness.watch(socket, []) } else { updateWatch() }
    }

    /// The socket that libcurl must look at by itself, because what it would be woken for may lie in its TLS buffers.
    func readOn() -> Int32? {
        guard isHeld else { return nil }
        isHeld = false
        lastActivity = .now
        updateWatch()
        return watched?.socket
    }

    /// libcurl's own way of pausing is not used: before 8.1 a transfer may stall when it goes on.
    private func updateWatch() {
        guard let (socket, kind) = watched else { return }
        readiness.watch(socket, isHeld ? kind.subtracting(.readable) : kind)
    }

    /// libcurl sends a request again by itself when a kept connection turns out dead. Where that could do a thing
    /// twice, the second attempt is refused and the caller decides.
    private func mayBeSentNow() -> Bool {
        attempts += 1
        return attempts == 1 || shared.request.redirects != .refuse
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
            return unsafe ActiveTransfer.from(context).received(part) || part.isEmpty ? one * count : 0
        }
        if shared.request.method == .post || shared.request.method == .patch {
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

    /// The transfer of a handle; nil for a handle that libcurl keeps for itself, or that has been reset.
    static func of(_ easy: UnsafeMutableRawPointer?) -> ActiveTransfer? {
        guard let easy = unsafe easy, let context = unsafe certwright_easy_get_private(easy) else { return nil }
        return unsafe from(context)
    }
}
