import PKI
import Wire

extension FuzzTarget {
    /// What PKI reads: all of it comes from Secrets, requests and CAs.
    static let certificates: [FuzzTarget] = [
        FuzzTarget("certificate", dictionary: der) {
            [[0x30, 0x80], [0x30, 0x03, 0x02, 0x01, 0x00]]
        } run: { bytes throws(Violation) in
            guard let certificate = try? X509Certificate(der: bytes) else { return }
            _ = certificate.description
            _ = certificate.subject.fields
            _ = certificate.extensions
            _ = certificate.canSignCertificates
            let again = try? X509Certificate(pem: Array(certificate.pem.utf8))
            try expect(again == certificate, "what was read and written is read differently")
            _ = Chain(certificate).pem
            _ = certificate.isSigned(by: certificate)
        },
        FuzzTarget("request", dictionary: der) {
            [[0x30, 0x80]]
        } run: { bytes throws(Violation) in
            guard let request = try? SigningRequest(der: bytes) else { return }
            _ = request.description
            _ = request.extensions.names
            let again = try? SigningRequestContent(pem: Array(request.pem.utf8))
            try expect(again?.publicKey == request.publicKey, "the quick reader reads another key")
            try expect(again?.subject == request.subject, "the quick reader reads another subject")
        },
        FuzzTarget("key", dictionary: der) {
            [[0x30, 0x80]]
        } run: { bytes throws(Violation) in
            guard let key = try? PrivateKey(der: bytes) else { return }
            let written = try? key.der(.pkcs8)
            let again = written.flatMap { try? PrivateKey(der: $0) }
            try expect(again?.publicKey == key.publicKey, "what was read and written is another key")
        },
        FuzzTarget("chain", dictionary: ["-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n", "MII", "="]) {
            texts("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n")
        } run: { bytes throws(Violation) in
            guard let read = try? Chain.parse(pem: bytes), let chain = try? Chain.order(read) else { return }
            let again = (try? Chain.parse(pem: Array(chain.pem.utf8))).flatMap { try? Chain.order($0) }
            try expect(again?.leaf == chain.leaf, "what was read and written has another leaf")
        },
        FuzzTarget(
            "subject",
            dictionary: ["CN=", "OU=", "+", ",", ";", "\\2C", "\\", "\"", "#0403", "1.2.3=", " ", "\u{0}", "é"]
        ) {
            texts(
                "CN=foo,OU=bar+O=baz,C=DE", "1.2.840.113549.1.9.1=a\\40b,DC=x", "CN=\\23a\\20\\,b,O=#0C0161",
                "serialNumber=1;street=\\ x\\ ")
        } run: { bytes throws(Violation) in
            guard let name = try? DistinguishedName(rfc4514: String(decoding: bytes, as: UTF8.self)) else { return }
            let again = try? DistinguishedName(rfc4514: name.description)
            try expect(
                again?.attributes.map(\.text) == name.attributes.map(\.text), "\(name) is read differently")
            let raw = try? DistinguishedName(rawDER: name.rawDER)
            try expect(raw == name, "its own DER is refused")
        },
        FuzzTarget("address", dictionary: ["::", ":", ".", "/", "255", "ffff", "%", "0x"]) {
            texts("10.0.0.1", "2001:db8::1", "::ffff:1.2.3.4", "10.0.0.0/8", "::/0")
        } run: { bytes throws(Violation) in
            let text = String(decoding: bytes, as: UTF8.self)
            guard let address = IPAddress(text) else { return }
            try expect(IPAddress(address.text) == address, "\(address) is read differently")
        },
    ]

    /// Tags and lengths of DER, and some object identifiers that X.509 gives a meaning.
    private static let der = [
        "\u{30}\u{0}", "\u{2}\u{1}\u{0}", "\u{6}\u{3}\u{55}\u{1d}\u{11}", "\u{6}\u{3}\u{55}\u{1d}\u{13}",
        "\u{6}\u{3}\u{55}\u{1d}\u{1e}", "\u{17}\u{d}491231235959Z", "\u{18}\u{f}99991231235959Z", "\u{5}\u{0}",
        "\u{3}\u{2}\u{7}\u{0}", "\u{1}\u{1}\u{0}",
    ]
}
