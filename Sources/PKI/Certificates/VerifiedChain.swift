import COpenSSL
package import Wire

/// A chain that OpenSSL has verified up to a certificate that was trusted. Only `Chain.verified` makes one.
package struct VerifiedChain: Sendable, Hashable {
    package let chain: Chain
    package let verifiedAt: Timestamp

    fileprivate init(chain: Chain, verifiedAt: Timestamp) {
        self.chain = chain
        self.verifiedAt = verifiedAt
    }
}

extension Chain {
    /// Verifies signatures, validity at `time`, CA flags, path lengths and name constraints (RFC 5280 §6) up to one
    /// of `anchors`, which need not be self-signed.
    package func verified(
        against anchors: [X509Certificate], at time: Timestamp
    ) throws(PKIError) -> VerifiedChain {
        try openSSL("verify the chain of \"\(leaf.subject)\"") { () throws(OpenSSLFailure) in
            let store = try TrustStore()
            for anchor in anchors { try store.add(anchor) }
            let between = try CertificateStack()
            for certificate in certificates.dropFirst() { try between.add(certificate) }
            let leafHandle = try CertificateHandle(leaf)
            let context = try VerificationContext()
            try unsafe require(
                X509_STORE_CTX_init(context.pointer, store.pointer, leafHandle.pointer, between.pointer))
            unsafe X509_STORE_CTX_set_flags(context.pointer, UInt(X509_V_FLAG_PARTIAL_CHAIN))
            unsafe X509_STORE_CTX_set_time(context.pointer, 0, time_t(time.secondsSince1970))
            guard unsafe X509_verify_cert(context.pointer) == 1 else {
                throw OpenSSLFailure(reason: context.reason)
            }
        }
        return VerifiedChain(chain: self, verifiedAt: time)
    }
}

extension VerifiedChain {
    /// A certificate that vouches for itself alone.
    package init(selfSigned certificate: X509Certificate, at time: Timestamp) throws(PKIError) {
        guard certificate.isSelfSigned else { throw .invalidSignature(what: "the self-signed certificate") }
        guard certificate.notBefore <= time, time <= certificate.notAfter else {
            throw .chain(reason: "\"\(certificate.subject)\" is not valid at \(time.rfc3339)")
        }
        self.init(chain: Chain(certificate), verifiedAt: time)
    }

    /// This chain with a certificate on top that its leaf has signed. Much cheaper than verifying all again, where
    /// nothing above limits the names; otherwise the whole is verified.
    ///
    /// - Parameter key: the signer's own, where it is at hand.
    package func extended(
        with leaf: X509Certificate, at time: Timestamp, key: PrivateKey? = nil
    ) throws(PKIError) -> VerifiedChain {
        let extended = Chain(leaf: leaf, signer: chain)
        let above = chain.certificates + (chain.root.map { [$0] } ?? [])
        let hasConstraints = above.contains { certificate in
            let extensions = certificate.extensions
            return extensions.nameConstraints != nil || extensions.basicConstraints?.pathLength != nil
        }
        if hasConstraints || time < verifiedAt {
            return try extended.verified(against: [chain.rootMost ?? chain.leaf], at: time)
        }
        let signer = chain.leaf
        guard signer.canSignCertificates else {
            throw .chain(reason: "\"\(signer.subject)\" is not allowed to sign certificates")
        }
        for certificate in above + [leaf] where time < certificate.notBefore || certificate.notAfter < time {
            throw .chain(reason: "\"\(certificate.subject)\" is not valid at \(time.rfc3339)")
        }
        guard leaf.isSigned(by: signer, key: key) else { throw .invalidSignature(what: "the certificate") }
        return VerifiedChain(chain: extended, verifiedAt: time)
    }
}

@safe private struct VerificationContext: ~Copyable {
    let pointer: OpaquePointer
    init() throws(OpenSSLFailure) { unsafe pointer = try require(X509_STORE_CTX_new()) }
    deinit { unsafe X509_STORE_CTX_free(pointer) }

    var reason: String {
        let code = unsafe X509_STORE_CTX_get_error(pointer)
        let depth = unsafe X509_STORE_CTX_get_error_depth(pointer)
        let text = unsafe String(cString: X509_verify_cert_error_string(Int(code)))
        return depth == 0 ? text : "\(text) (\(depth) above the leaf)"
    }
}

@safe private struct CertificateHandle: ~Copyable {
    let pointer: OpaquePointer
    init(_ certificate: X509Certificate) throws(OpenSSLFailure) {
        unsafe pointer = try certificate.der.withUnsafeBufferPointer { (buffer) throws(OpenSSLFailure) in
            var start = buffer.baseAddress
            return unsafe try require(d2i_X509(nil, &start, buffer.count))
        }
    }
    deinit { unsafe X509_free(pointer) }
}

@safe private struct TrustStore: ~Copyable {
    let pointer: OpaquePointer
    init() throws(OpenSSLFailure) { unsafe pointer = try require(X509_STORE_new()) }

    /// The store takes a reference of its own.
    func add(_ certificate: X509Certificate) throws(OpenSSLFailure) {
        let handle = try CertificateHandle(certificate)
        try unsafe require(X509_STORE_add_cert(pointer, handle.pointer))
    }
    deinit { unsafe X509_STORE_free(pointer) }
}

/// The certificates between leaf and anchor.
@safe private struct CertificateStack: ~Copyable {
    let pointer: OpaquePointer
    init() throws(OpenSSLFailure) { unsafe pointer = try require(cw_x509_stack_new()) }

    /// The stack takes a reference of its own.
    func add(_ certificate: X509Certificate) throws(OpenSSLFailure) {
        let handle = try CertificateHandle(certificate)
        try unsafe require(X509_up_ref(handle.pointer))
        guard unsafe cw_x509_stack_push(pointer, handle.pointer) > 0 else {
            unsafe X509_free(handle.pointer)
            throw OpenSSLFailure()
        }
    }
    deinit { unsafe cw_x509_stack_free(pointer) }
}
