import CCurl

/// Owns the `CURLM *` and what libcurl wants to be woken for. Used on the engine's thread alone.
///
/// `curl_multi_perform` with `curl_multi_poll` would look at every transfer each time anything happens, with a system call for
/// each: with six watches and 32 requests at once, 16 calls a request. `curl_multi_socket_action` looks at the one concerned.
@safe final class MultiHandle {
    private let pointer: UnsafeMutableRawPointer
    private let readiness = Readiness()
    private let doorbell: Doorbell
    private var timerAt: ContinuousClock.Instant?

    init(multiplexes: Bool, keptConnections: Int, doorbell: Doorbell) {
        _ = Self.globalInit
        guard let pointer = unsafe curl_multi_init() else { fatalError("out of memory for a CURLM") }
        unsafe self.pointer = pointer
        self.doorbell = doorbell
        unsafe certwright_multi_set_long(
            pointer, CURLMOPT_PIPELINING, Int(multiplexes ? CURLPIPE_MULTIPLEX : CURLPIPE_NOTHING))
        unsafe certwright_multi_set_long(pointer, CURLMOPT_MAXCONNECTS, keptConnections)
        readiness.watch(doorbell.descriptor, .readable)
        setCallbacks()
    }

    deinit {
        unsafe certwright_multi_set_callbacks(pointer, nil, nil, nil)
        unsafe curl_multi_cleanup(pointer)
    }

    /// Nil, or why libcurl does not take the handle.
    func add(_ easy: EasyHandle) -> String? {
        let code = unsafe curl_multi_add_handle(pointer, easy.pointer)
        return code == CURLM_OK ? nil : unsafe String(cString: curl_multi_strerror(code))
    }

    func remove(_ easy: EasyHandle) {
        unsafe curl_multi_remove_handle(pointer, easy.pointer)
    }

    /// Waits until something happens, for at most `limit`, then lets libcurl do what is to be done.
    func turn(_ limit: Duration) {
        let patience = min(limit, timerAt.map { $0 - .now } ?? limit)
        let milliseconds = patience <= .zero ? 0 : Int32(clamping: patience.milliseconds + 1)
        var running: Int32 = 0
        readiness.wait(milliseconds) { descriptor, kind in
            if descriptor == doorbell.descriptor { return doorbell.silence() }
            var what: Int32 = 0
            if kind.contains(.readable) { what |= CURL_CSELECT_IN }
            if kind.contains(.writable) { what |= CURL_CSELECT_OUT }
            if kind.contains(.broken) { what |= CURL_CSELECT_ERR }
            unsafe curl_multi_socket_action(pointer, descriptor, what, &running)
        }
        if let due = timerAt, due <= .now {
            timerAt = nil
            unsafe curl_multi_socket_action(pointer, CURL_SOCKET_TIMEOUT, 0, &running)
        }
    }

    /// The next transfer that has ended.
    func nextDone() -> (ActiveTransfer, CURLcode)? {
        var code = CURLE_OK
        guard let easy = unsafe certwright_multi_next_done(pointer, &code) else { return nil }
        return (unsafe ActiveTransfer.from(certwright_easy_get_private(easy)), code)
    }

    private static let globalInit = curl_global_init(Int(CURL_GLOBAL_DEFAULT))
}

// MARK: - libcurl's callbacks

extension MultiHandle {
    private func setCallbacks() {
        unsafe certwright_multi_set_callbacks(
            pointer,
            { _, socket, interest, context, _ in
                var kind: Readiness.Kind = []
                if interest == CURL_POLL_IN || interest == CURL_POLL_INOUT { kind.insert(.readable) }
                if interest == CURL_POLL_OUT || interest == CURL_POLL_INOUT { kind.insert(.writable) }
                unsafe MultiHandle.from(context).readiness.watch(socket, kind)
                return 0
            },
            { _, milliseconds, context in
                unsafe MultiHandle.from(context).timerAt = milliseconds < 0 ? nil : .now + .milliseconds(milliseconds)
                return 0
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    /// The callbacks are taken back before this object goes.
    private static func from(_ context: UnsafeMutableRawPointer?) -> MultiHandle {
        unsafe Unmanaged.fromOpaque(context!).takeUnretainedValue()
    }
}
