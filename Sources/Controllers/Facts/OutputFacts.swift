import CertificateAPI
import KubeModel
package import PKI
import Wire

/// What is kept of the other forms of key and certificate that a target Secret holds.
package struct OutputFacts: Sendable, Hashable {
    package enum State: Sendable, Hashable {
        case absent
        /// It is what the key and the certificate beside it say.
        case right
        case wrong
    }

    /// How `tls.key` is written; nil where there is none.
    package var keyEncoding: KeyEncoding?
    package var der = State.absent
    package var combinedPEM = State.absent
    package var hasJKS = false
    package var hasPKCS12 = false
    /// Stands for the keystores and for what they are made of; nil where there is none. Whether they are right only
    /// their passwords can tell.
    package var keystores: Print?

    package init() {}

    init(_ data: [String: Base64Data]?) {
        let data = data ?? [:]
        func bytes(_ key: String) -> [UInt8] { data[key]?.bytes ?? [] }
        let key = bytes(Names.SecretKey.privateKey)
        if !key.isEmpty { keyEncoding = PrivateKey.encoding(pem: key) }
        der = Self.state(data[Names.SecretKey.keyDER]) { OutputForms.der(ofKey: key) }
        combinedPEM = Self.state(data[Names.SecretKey.combinedPEM]) {
            OutputForms.combined(key: key, chain: bytes(Names.SecretKey.certificate))
        }
        hasJKS = data[Names.SecretKey.keystoreJKS] != nil || data[Names.SecretKey.truststoreJKS] != nil
        hasPKCS12 = data[Names.SecretKey.keystorePKCS12] != nil || data[Names.SecretKey.truststorePKCS12] != nil
        if hasJKS || hasPKCS12 {
            let parts =
                Names.SecretKey.keystores.union([
                    Names.SecretKey.privateKey, Names.SecretKey.certificate, Names.SecretKey.ca,
                ]).sorted()
            keystores = Print(parts.map { Print(data[$0]?.bytes) })
        }
    }

    private static func state(_ found: Base64Data?, _ wanted: () -> [UInt8]?) -> State {
        guard let found else { return .absent }
        return found.bytes == wanted() ? .right : .wrong
    }
}

/// The forms that need no password.
enum OutputForms {
    /// The content of the PEM block, in the encoding the key has there. Nil where there is no legible block.
    static func der(ofKey pem: [UInt8]) -> [UInt8]? {
        (try? PEM.parse(pem))?.first { $0.label != "EC PARAMETERS" }?.bytes
    }

    static func combined(key: [UInt8], chain: [UInt8]) -> [UInt8] { key + [UInt8(ascii: "\n")] + chain }
}
