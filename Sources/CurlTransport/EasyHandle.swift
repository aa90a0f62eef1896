import CCurl
import HTTPTransport

/// Owns a `CURL *` and the buffer libcurl writes its error texts to. Used on the engine's thread alone.
@safe final class EasyHandle {
    let pointer: UnsafeMutableRawPointer
    private let errorText: UnsafeMutablePointer<CChar>
    private var headerList: UnsafeMutablePointer<curl_slist>?
    private var connectList: UnsafeMutablePointer<curl_slist>?

    init() {
        guard let pointer = unsafe curl_easy_init() else { fatalError("out of memory for a CURL") }
        unsafe self.pointer = pointer
        unsafe errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        unsafe errorText.pointee = 0
    }

    deinit {
        unsafe curl_easy_cleanup(pointer)
        freeLists()
        unsafe errorText.deallocate()
    }

    /// Forgets everything but the TLS sessions it knows.
    func reset() {
        unsafe curl_easy_reset(pointer)
        freeLists()
        unsafe errorText.pointee = 0
    }

    private func freeLists() {
        unsafe curl_slist_free_all(headerList)
        unsafe curl_slist_free_all(connectList)
        unsafe (headerList, connectList) = (nil, nil)
    }
}

// MARK: - Options

extension EasyHandle {
    /// An option that libcurl was built without is one its version check has promised: see ``CurlTransport``.
    private func check(_ code: CURLcode, _ option: CURLoption) {
        precondition(code == CURLE_OK, "libcurl refused option \(option.rawValue): \(code.rawValue)")
    }

    func set(_ option: CURLoption, _ value: Int) {
        check(unsafe certwright_easy_set_long(pointer, option, value), option)
    }

    func set(_ option: CURLoption, _ flag: Bool) {
        set(option, flag ? 1 : 0)
    }

    /// Milliseconds, at least one, since zero would mean no limit.
    func set(_ option: CURLoption, _ duration: Duration) {
        set(option, max(1, Int(clamping: duration.milliseconds)))
    }

    func set(_ option: CURLoption, _ text: String?) {
        check(unsafe certwright_easy_set_text(pointer, option, text), option)
    }

    func set(_ option: CURLoption, blob: [UInt8]) {
        let code = unsafe blob.withUnsafeBytes {
            unsafe certwright_easy_set_blob(pointer, option, $0.baseAddress, $0.count)
        }
        check(code, option)
    }

    func set(_ option: CURLoption, pointer value: UnsafeMutableRawPointer?) {
        check(unsafe certwright_easy_set_pointer(pointer, option, value), option)
    }

    func set(_ option: CURLoption, receive callback: @escaping certwright_receive) {
        check(unsafe certwright_easy_set_receive(pointer, option, callback), option)
    }

    func setErrorBuffer() {
        unsafe set(CURLOPT_ERRORBUFFER, pointer: UnsafeMutableRawPointer(errorText))
    }

    func setBody(_ body: [UInt8]) {
        let code = unsafe body.withUnsafeBytes { bytes in
            // An empty array may have no address, and no address would mean "read it from a callback".
            unsafe certwright_easy_set_body(pointer, bytes.baseAddress ?? UnsafeRawPointer(errorText), bytes.count)
        }
        check(code, CURLOPT_COPYPOSTFIELDS)
    }

    func setBeforeRequest(_ callback: @escaping certwright_before_request, context: UnsafeMutableRawPointer) {
        check(unsafe certwright_easy_set_before_request(pointer, callback), CURLOPT_PREREQFUNCTION)
        unsafe set(CURLOPT_PREREQDATA, pointer: context)
    }

    func setHeaders(_ lines: [String]) {
        unsafe headerList = Self.list(lines)
        unsafe set(CURLOPT_HTTPHEADER, pointer: UnsafeMutableRawPointer(headerList))
    }

    func setConnections(_ entries: [String]) {
        if entries.isEmpty { return }
        unsafe connectList = Self.list(entries)
        unsafe set(CURLOPT_CONNECT_TO, pointer: UnsafeMutableRawPointer(connectList))
    }

    private static func list(_ lines: [String]) -> UnsafeMutablePointer<curl_slist>? {
        unsafe lines.reduce(nil) { list, line in
            guard let longer = unsafe curl_slist_append(list, line) else { fatalError("out of memory for a list") }
            return unsafe longer
        }
    }
}

// MARK: - What it knows afterwards

extension EasyHandle {
    var errorDetail: String { unsafe String(cString: errorText) }

    /// The last URL that was asked.
    var effectiveURL: String? {
        unsafe certwright_easy_get_text(pointer, CURLINFO_EFFECTIVE_URL).map { unsafe String(cString: $0) }
    }

    /// The certificates that the server showed, in PEM, leaf first.
    var peerCertificates: [String] {
        guard let shown = unsafe certwright_easy_get_certificates(pointer),
            let lists = unsafe shown.pointee.certinfo
        else { return [] }
        return unsafe (0..<Int(shown.pointee.num_of_certs)).compactMap { index in
            var entry = unsafe lists[index]
            while let line = unsafe entry {
                let text = unsafe String(cString: line.pointee.data)
                if text.hasPrefix("Cert:") { return String(text.dropFirst(5)) }
                unsafe entry = line.pointee.next
            }
            return nil
        }
    }

    /// A connection stood and the request went out on it, at least in part.
    var hasSent: Bool {
        var microseconds: curl_off_t = 0
        unsafe certwright_easy_get_off_t(pointer, CURLINFO_PRETRANSFER_TIME_T, &microseconds)
        return microseconds > 0
    }
}

extension Duration {
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        return overflow
            ? (seconds < 0 ? .min : .max)
            : product.addingReportingOverflow(attoseconds / 1_000_000_000_000_000).partialValue
    }
}
