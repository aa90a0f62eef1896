import COpenSSL

/// Runs one piece of OpenSSL work with its error queue: cleared before, read right after, all on this thread.
func openSSL<T: ~Copyable>(
    _ attempt: @autoclosure () -> String, _ work: () throws(OpenSSLFailure) -> T
) throws(PKIError) -> T {
    ERR_clear_error()
    do {
        return try work()
    } catch {
        throw .openSSL(attempt: attempt(), reason: error.reason ?? OpenSSLFailure.queued())
    }
}

/// Thrown inside `openSSL(_:_:)`. Without a reason of its own, the error queue has it.
struct OpenSSLFailure: Error {
    var reason: String?

    /// The oldest queued error, which is nearest the cause.
    static func queued() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0 else { return "OpenSSL gave no reason" }
        return unsafe ERR_reason_error_string(code).map { unsafe String(cString: $0) } ?? "OpenSSL error \(code)"
    }
}

/// Turns OpenSSL's "1 is success" into a throw.
func require(_ status: Int32) throws(OpenSSLFailure) {
    guard status == 1 else { throw OpenSSLFailure() }
}

/// Turns a null pointer into a throw.
func require(_ pointer: OpaquePointer?) throws(OpenSSLFailure) -> OpaquePointer {
    guard let pointer = unsafe pointer else { throw OpenSSLFailure() }
    return unsafe pointer
}
