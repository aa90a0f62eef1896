import COpenSSL
import NIOCore

/// One connection's TLS: bytes of the socket on one side, those of the application on the other. Used on one thread.
@safe final class TLSSession {
    enum Reading: Equatable {
        case bytes
        /// Nothing more until the client sends more.
        case nothing
        /// The client said that it sends no more (close_notify).
        case end
    }

    private let connection: OpaquePointer
    /// Owned by `connection`.
    private let fromClient: OpaquePointer
    private let toClient: OpaquePointer
    private let identity: ServerIdentity

    init(_ identity: ServerIdentity) throws(TLSServerError) {
        ERR_clear_error()
        self.identity = identity
        guard let connection = unsafe SSL_new(identity.context) else { throw .failed("begin a TLS connection") }
        guard let fromClient = unsafe BIO_new(BIO_s_mem()) else {
            unsafe SSL_free(connection)
            throw .failed("begin a TLS connection")
        }
        guard let toClient = unsafe BIO_new(BIO_s_mem()) else {
            unsafe BIO_free(fromClient)
            unsafe SSL_free(connection)
            throw .failed("begin a TLS connection")
        }
        unsafe SSL_set_bio(connection, fromClient, toClient)
        unsafe SSL_set_accept_state(connection)
        unsafe (self.connection, self.fromClient, self.toClient) = unsafe (connection, fromClient, toClient)
    }

    deinit { unsafe SSL_free(connection) }

    /// Takes what came from the socket.
    func receive(_ buffer: ByteBuffer) {
        unsafe buffer.withUnsafeReadableBytes { bytes in
            _ = unsafe BIO_write(fromClient, bytes.baseAddress, Int32(clamping: bytes.count))
        }
    }

    /// Goes on with the handshake; whether it is complete.
    func handshake() throws(TLSServerError) -> Bool {
        ERR_clear_error()
        let status = unsafe SSL_do_handshake(connection)
        if status == 1 {
            try checkClient()
            return true
        }
        guard unsafe SSL_get_error(connection, status) == SSL_ERROR_WANT_READ else {
            throw .failed("agree on TLS with the client")
        }
        return false
    }

    /// Appends what the client sent, up to one record.
    func read(into buffer: inout ByteBuffer) throws(TLSServerError) -> Reading {
        ERR_clear_error()
        var status: Int32 = 0
        _ = unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: 16 << 10) { space in
            status = unsafe SSL_read(connection, space.baseAddress, Int32(clamping: space.count))
            return max(0, Int(status))
        }
        if status > 0 { return .bytes }
        switch unsafe SSL_get_error(connection, status) {
        case SSL_ERROR_WANT_READ: return .nothing
        case SSL_ERROR_ZERO_RETURN: return .end
        default: throw .failed("read what the client sent")
        }
    }

    /// Encrypts for the client.
    func write(_ buffer: ByteBuffer) throws(TLSServerError) {
        guard buffer.readableBytes > 0 else { return }
        ERR_clear_error()
        let status = unsafe buffer.withUnsafeReadableBytes { bytes in
            unsafe SSL_write(connection, bytes.baseAddress, Int32(clamping: bytes.count))
        }
        // The memory behind `toClient` grows as needed, so that all is written at once or not at all.
        guard status == buffer.readableBytes else { throw .failed("write to the client") }
    }

    /// Says that nothing more is written (close_notify).
    func end() {
        ERR_clear_error()
        unsafe SSL_shutdown(connection)
        ERR_clear_error()
    }

    /// What is to go to the socket; nil when that is nothing.
    func takeOutput(_ allocator: ByteBufferAllocator) -> ByteBuffer? {
        let count = unsafe BIO_ctrl_pending(toClient)
        guard count > 0 else { return nil }
        var buffer = allocator.buffer(capacity: count)
        _ = unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { space in
            max(0, unsafe Int(BIO_read(toClient, space.baseAddress, Int32(clamping: space.count))))
        }
        return buffer
    }

    private func checkClient() throws(TLSServerError) {
        guard !identity.clientNames.isEmpty else { return }
        guard let certificate = unsafe SSL_get1_peer_certificate(connection) else { throw .unwelcomeClient }
        defer { unsafe X509_free(certificate) }
        for name in identity.clientNames {
            if unsafe X509_check_host(certificate, name, name.utf8.count, 0, nil) == 1 { return }
            if unsafe Self.commonName(of: certificate) == name { return }
        }
        throw .unwelcomeClient
    }

    private static func commonName(of certificate: OpaquePointer) -> String? {
        // RFC 5280 Appendix A: at most 64 characters, of four octets each in UTF-8.
        var text = [CChar](repeating: 0, count: 257)
        let length = unsafe X509_NAME_get_text_by_NID(
            X509_get_subject_name(certificate), NID_commonName, &text, Int32(text.count))
        guard length >= 0 else { return nil }
        return String(decoding: text.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
