import COpenSSL
import Glibc

/// A certificate chain with its key, ready to be shown: an `SSL_CTX`, freed with its last reference.
///
/// Shared between threads because nothing changes it after it is made: openssl-threads(7) lets an `SSL_CTX` be used by
/// several threads at once, its reference count and session cache being locked.
@safe package final class ServerIdentity: @unchecked Sendable {
    let context: OpaquePointer
    let clientNames: [String]
    /// Whether there is nothing to say once both sides agree (RFC 8737 §3).
    let endsAfterHandshake: Bool
    /// The one name that is served, where there is but one; `context` refers to it.
    private let servedName: UnsafeMutablePointer<CChar>?

    /// - Parameters:
    ///   - chain: PEM, the leaf first.
    ///   - key: PEM of its private key, not encrypted.
    package init(
        chain: [UInt8], key: [UInt8], options: TLSServerOptions = TLSServerOptions()
    ) throws(TLSServerError) {
        ERR_clear_error()
        guard let context = unsafe SSL_CTX_new(TLS_server_method()) else { throw .failed("make a TLS context") }
        unsafe self.context = unsafe context
        clientNames = options.clientNames
        endsAfterHandshake = false
        unsafe servedName = nil
        try configure(options)
        try useCertificates(chain)
        try useKey(key)
        if let authorities = options.clientAuthorities { try demandClients(from: authorities) }
    }

    /// Shows a TLS-ALPN-01 validation certificate for `domain`, a DNS name or an IP address, to those who ask for that
    /// name with `acme-tls/1`, and to nobody else (RFC 8737 §3, RFC 8738 §6).
    package init(validating domain: String, keyAuthorization: String) throws(TLSServerError) {
        ERR_clear_error()
        let certificate = try ValidationCertificate(domain: domain, keyAuthorization: keyAuthorization)
        guard let context = unsafe SSL_CTX_new(TLS_server_method()) else { throw .failed("make a TLS context") }
        unsafe self.context = unsafe context
        clientNames = []
        endsAfterHandshake = true
        guard let name = unsafe strdup(certificate.serverName) else {
            unsafe servedName = nil
            throw .failed("keep the name that is validated")
        }
        unsafe servedName = unsafe name
        try configure(TLSServerOptions())
        unsafe cw_ssl_ctx_serve_acme(context, name)
        guard unsafe SSL_CTX_use_certificate(context, certificate.certificate) == 1,
            unsafe SSL_CTX_use_PrivateKey(context, certificate.key) == 1
        else { throw .failed("use the validation certificate") }
    }

    /// What a CA sends as server name when it validates `domain`, a DNS name or an IP address (RFC 8738 §6).
    package static func validationServerName(of domain: String) -> String {
        ValidationCertificate.Subject(domain).serverName
    }

    deinit {
        unsafe SSL_CTX_free(context)
        unsafe free(servedName)
    }

    private func configure(_ options: TLSServerOptions) throws(TLSServerError) {
        let minimum = options.minimumVersion == .tls13 ? TLS1_3_VERSION : TLS1_2_VERSION
        guard unsafe cw_ssl_ctx_set_min_proto_version(context, minimum) == 1 else {
            throw .failed("set the lowest TLS version")
        }
        // Nobody resumes: those who connect keep their connections. So nothing is kept of connections that ended.
        unsafe cw_ssl_ctx_disable_session_cache(context)
        unsafe SSL_CTX_set_num_tickets(context, 0)
        unsafe cw_ssl_ctx_set_safe_options(context)
        // An idle connection keeps no buffers (34 kB each).
        unsafe cw_ssl_ctx_set_release_buffers(context)
        unsafe cw_ssl_ctx_serve_http11(context)
        let (older, newer) = try CipherSuites.sorted(options.cipherSuites)
        if !older.isEmpty, unsafe SSL_CTX_set_cipher_list(context, older.joined(separator: ":")) != 1 {
            throw .failed("set the cipher suites")
        }
        if !newer.isEmpty, unsafe SSL_CTX_set_ciphersuites(context, newer.joined(separator: ":")) != 1 {
            throw .failed("set the cipher suites of TLS 1.3")
        }
    }

    private func useCertificates(_ pem: [UInt8]) throws(TLSServerError) {
        let certificates = try CertificateList(pem: pem) { .certificate(reason: $0) }
        for index in unsafe certificates.pointers.indices {
            let certificate = unsafe certificates.pointers[index]
            let status =
                unsafe index == 0
                ? SSL_CTX_use_certificate(context, certificate) : cw_ssl_ctx_add1_chain_cert(context, certificate)
            guard status == 1 else { throw .certificate(reason: OpenSSLErrors.oldest()) }
        }
    }

    private func useKey(_ pem: [UInt8]) throws(TLSServerError) {
        let key = unsafe pem.withUnsafeBytes { bytes -> OpaquePointer? in
            guard let bio = unsafe BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count)) else { return nil }
            defer { unsafe BIO_free(bio) }
            // Without a callback OpenSSL would ask whoever sits at the terminal.
            return unsafe PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in -1 }, nil)
        }
        guard let key = unsafe key else { throw .privateKey(reason: OpenSSLErrors.oldest()) }
        defer { unsafe EVP_PKEY_free(key) }
        guard unsafe SSL_CTX_use_PrivateKey(context, key) == 1, unsafe SSL_CTX_check_private_key(context) == 1 else {
            throw .privateKey(reason: OpenSSLErrors.oldest())
        }
    }

    private func demandClients(from pem: [UInt8]) throws(TLSServerError) {
        let authorities = try CertificateList(pem: pem) { .clientAuthorities(reason: $0) }
        let store = unsafe SSL_CTX_get_cert_store(context)
        for index in unsafe authorities.pointers.indices {
            let authority = unsafe authorities.pointers[index]
            guard unsafe X509_STORE_add_cert(store, authority) == 1,
                unsafe SSL_CTX_add_client_CA(context, authority) == 1
            else { throw .clientAuthorities(reason: OpenSSLErrors.oldest()) }
        }
        unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
    }
}

/// The certificates of a PEM text.
@safe private struct CertificateList: ~Copyable {
    /// More than any chain or bundle for one listener has.
    private static let limit = 1000
    private(set) var pointers: [OpaquePointer] = unsafe []

    init(pem: [UInt8], failing error: (String) -> TLSServerError) throws(TLSServerError) {
        var found: [OpaquePointer] = unsafe []
        unsafe pem.withUnsafeBytes { bytes in
            guard let bio = unsafe BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count)) else { return }
            defer { unsafe BIO_free(bio) }
            while unsafe found.count < CertificateList.limit {
                guard let certificate = unsafe PEM_read_bio_X509(bio, nil, { _, _, _, _ in -1 }, nil) else { return }
                unsafe found.append(certificate)
            }
        }
        unsafe pointers = found
        // The end of the text is an error of "no start line", too; what is no certificate is another.
        let code = ERR_peek_last_error()
        let isEnd = code == 0 || ERR_GET_REASON(code) == PEM_R_NO_START_LINE
        guard isEnd, unsafe !pointers.isEmpty else {
            let reason = isEnd ? "there is no PEM certificate" : OpenSSLErrors.oldest()
            throw error(reason)
        }
        ERR_clear_error()
    }

    deinit { for index in unsafe pointers.indices { unsafe X509_free(pointers[index]) } }
}

extension TLSServerOptions {
    /// Throws at the first name that OpenSSL does not know.
    package static func check(cipherSuites names: [String]) throws(TLSServerError) {
        _ = try CipherSuites.sorted(names)
    }
}

enum CipherSuites {
    /// The names as OpenSSL's two lists want them: up to TLS 1.2, and of TLS 1.3.
    static func sorted(_ names: [String]) throws(TLSServerError) -> (older: [String], newer: [String]) {
        var older: [String] = []
        var newer: [String] = []
        for name in names {
            if !name.contains("_WITH_"), name.hasPrefix("TLS_") {
                newer.append(name)
                continue
            }
            // Go's first names for these lack the hash, and flags still say them.
            let full = name.hasSuffix("CHACHA20_POLY1305") ? name + "_SHA256" : name
            guard let known = unsafe OPENSSL_cipher_name(full) else { throw .unknownCipherSuite(name) }
            let text = unsafe String(cString: known)
            guard text != "(NONE)" else { throw .unknownCipherSuite(name) }
            older.append(text)
        }
        return (older, newer)
    }
}

enum OpenSSLErrors {
    /// The oldest queued error, which is nearest the cause; the queue is empty afterwards.
    static func oldest() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0 else { return "OpenSSL gave no reason" }
        return unsafe ERR_reason_error_string(code).map { unsafe String(cString: $0) } ?? "OpenSSL error \(code)"
    }
}

extension TLSServerError {
    static func failed(_ attempt: String) -> TLSServerError {
        .openSSL(attempt: attempt, reason: OpenSSLErrors.oldest())
    }
}
