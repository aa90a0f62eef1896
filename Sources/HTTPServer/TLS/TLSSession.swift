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
    /// Nil where we are the client.
    private let identity: ServerIdentity?

    convenience init(_ identity: ServerIdentity) throws(TLSServerError) {
        try unsafe self.init(in: identity.context, identity)
        unsafe SSL_set_accept_state(connection)
    }

    /// As a client that asks for that name and protocol and trusts whatever it is shown.
    convenience init(askingFor serverName: String, applicationProtocol: String) throws(TLSServerError) {
        ERR_clear_error()
        guard let context = unsafe SSL_CTX_new(TLS_client_method()) else { throw .failed("make a TLS context") }
        defer { unsafe SSL_CTX_free(context) }  // the connection has a reference of its own
        unsafe SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
        try unsafe self.init(in: context, nil)
        let offered = [UInt8(clamping: applicationProtocol.utf8.count)] + Array(applicationProtocol.utf8)
        guard unsafe SSL_set_alpn_protos(connection, offered, UInt32(clamping: offered.count)) == 0,
            unsafe cw_ssl_set_server_name(connection, serverName) == 1
        else { throw .failed("ask for \(serverName)") }
        unsafe SSL_set_connect_state(connection)
    }

    private init(in context: OpaquePointer, _ identity: ServerIdentity?) throws(TLSServerError) {
        ERR_clear_error()
        self.identity = identity
        guard let connection = unsafe SSL_new(context) else { throw .failed("begin a TLS connection") }
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
        unsafe (self.connection, self.fromClient, self.toClient) = unsafe (connection, fromClient, toClient)
    }

    deinit { unsafe SSL_free(connection) }

    /// Whether the connection has served its purpose once the handshake is complete.
    var endsAfterHandshake: Bool { identity?.endsAfterHandshake ?? false }

    /// What the other side has shown; nil before the handshake, or where it showed no certificate.
    var sight: ValidationSight? {
        guard let certificate = unsafe SSL_get1_peer_certificate(connection) else { return nil }
        defer { unsafe X509_free(certificate) }
        var der: UnsafeMutablePointer<UInt8>?
        let length = unsafe i2d_X509(certificate, &der)
        guard length > 0, let start = unsafe der else { return nil }
        defer { unsafe CRYPTO_free(start, #file, #line) }
        var name: UnsafePointer<UInt8>?
        var nameLength: UInt32 = 0
        unsafe SSL_get0_alpn_selected(connection, &name, &nameLength)
        let chosen = unsafe name.map { unsafe UnsafeBufferPointer(start: $0, count: Int(nameLength)) }
        return unsafe ValidationSight(
            applicationProtocol: chosen.map { unsafe String(decoding: $0, as: UTF8.self) },
            certificate: Array(UnsafeBufferPointer(start: start, count: Int(length))))
    }

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
        guard let identity, !identity.clientNames.isEmpty else { return }
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
