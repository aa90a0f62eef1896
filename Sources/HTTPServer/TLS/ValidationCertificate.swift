import COpenSSL

/// A self-signed certificate that answers a TLS-ALPN-01 challenge (RFC 8737 §3), with a key made for it.
@safe final class ValidationCertificate {
    let certificate: OpaquePointer
    let key: OpaquePointer
    /// What a CA sends as server name: the DNS name, or the reverse name of an address (RFC 8738 §6).
    let serverName: String

    /// - Parameter domain: as the authorization has it; it is written into the certificate as it is.
    init(domain: String, keyAuthorization: String) throws(TLSServerError) {
        let subject = Subject(domain)
        guard subject.isLegal else { throw .illegalName(domain) }
        serverName = subject.serverName
        guard let key = unsafe cw_generate_p256() else { throw .failed("make a key") }
        guard let certificate = unsafe X509_new() else {
            unsafe EVP_PKEY_free(key)
            throw .failed("make a certificate")
        }
        unsafe (self.key, self.certificate) = unsafe (key, certificate)
        try fill()
        try add("2.5.29.17", subject.alternativeNames, isCritical: false)
        // acmeIdentifier: an OCTET STRING of 32 octets.
        let digest = try Self.digest(of: keyAuthorization)
        try add("1.3.6.1.5.5.7.1.31", DER.value(0x04, digest), isCritical: true)
        guard unsafe X509_sign(certificate, key, EVP_sha256()) > 0 else { throw .failed("sign a certificate") }
    }

    deinit {
        unsafe X509_free(certificate)
        unsafe EVP_PKEY_free(key)
    }

    /// Valid from yesterday for a week, whatever the clocks: a CA does not look at the times.
    private func fill() throws(TLSServerError) {
        let day = 86_400
        let name = unsafe X509_get_subject_name(certificate)
        guard unsafe X509_set_version(certificate, 2) == 1,
            unsafe ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1,
            unsafe X509_gmtime_adj(X509_getm_notBefore(certificate), -day) != nil,
            unsafe X509_gmtime_adj(X509_getm_notAfter(certificate), 7 * day) != nil,
            unsafe X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, "ACME challenge", -1, -1, 0) == 1,
            unsafe X509_set_issuer_name(certificate, name) == 1, unsafe X509_set_pubkey(certificate, key) == 1
        else { throw .failed("make a certificate") }
    }

    private func add(_ identifier: String, _ value: [UInt8], isCritical: Bool) throws(TLSServerError) {
        let object = unsafe OBJ_txt2obj(identifier, 1)
        let data = unsafe ASN1_OCTET_STRING_new()
        defer {
            unsafe ASN1_OBJECT_free(object)
            unsafe ASN1_OCTET_STRING_free(data)
        }
        guard unsafe ASN1_OCTET_STRING_set(data, value, Int32(clamping: value.count)) == 1,
            let part = unsafe X509_EXTENSION_create_by_OBJ(nil, object, isCritical ? 1 : 0, data)
        else { throw .failed("make an extension of a certificate") }
        defer { unsafe X509_EXTENSION_free(part) }
        guard unsafe X509_add_ext(certificate, part, -1) == 1 else {
            throw .failed("add an extension to a certificate")
        }
    }

    private static func digest(of text: String) throws(TLSServerError) -> [UInt8] {
        let bytes = Array(text.utf8)
        var digest = [UInt8](repeating: 0, count: 32)
        guard unsafe EVP_Digest(bytes, bytes.count, &digest, nil, EVP_sha256(), nil) == 1 else {
            throw .failed("compute a digest")
        }
        return digest
    }
}

extension ValidationCertificate {
    /// What is validated: a DNS name, or an address by its octets.
    enum Subject: Equatable {
        case name(String)
        case address([UInt8])

        init(_ domain: String) {
            if let octets = Self.octets(of: domain) { self = .address(octets) } else { self = .name(domain) }
        }

        /// Letters, digits, hyphens and underscores in labels: what an IA5String and a server name can hold.
        var isLegal: Bool {
            guard case .name(let name) = self else { return true }
            return (1...253).contains(name.utf8.count)
                && name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
                    (1...63).contains(label.utf8.count)
                        && label.utf8.allSatisfy { byte in
                            switch byte {
                            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                                true
                            default: false
                            }
                        }
                }
        }

        /// GeneralNames (RFC 5280 §4.2.1.6) with this one only.
        var alternativeNames: [UInt8] {
            switch self {
            case .name(let name): DER.value(0x30, DER.value(0x82, Array(name.utf8)))
            case .address(let octets): DER.value(0x30, DER.value(0x87, octets))
            }
        }

        /// For an address its name in the reverse tree (RFC 1035 §3.5, RFC 3596 §2.5), without the root's dot.
        var serverName: String {
            switch self {
            case .name(let name): name
            case .address(let octets) where octets.count == 4:
                octets.reversed().map { "\($0)." }.joined() + "in-addr.arpa"
            case .address(let octets):
                octets.reversed().map { octet in
                    "\(String(octet & 0xF, radix: 16)).\(String(octet >> 4, radix: 16))."
                }.joined() + "ip6.arpa"
            }
        }

        private static func octets(of text: String) -> [UInt8]? {
            guard let address = unsafe a2i_IPADDRESS(text) else {
                ERR_clear_error()
                return nil
            }
            defer { unsafe ASN1_OCTET_STRING_free(address) }
            let count = unsafe Int(ASN1_STRING_length(address))
            guard let data = unsafe ASN1_STRING_get0_data(address) else { return nil }
            return unsafe Array(UnsafeBufferPointer(start: data, count: count))
        }
    }

    private enum DER {
        /// Tag, length and content; the content is shorter than 64 kB.
        static func value(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
            switch content.count {
            case ..<0x80: [tag, UInt8(content.count)] + content
            case ..<0x100: [tag, 0x81, UInt8(content.count)] + content
            default: [tag, 0x82, UInt8(content.count >> 8 & 0xFF), UInt8(content.count & 0xFF)] + content
            }
        }
    }
}
