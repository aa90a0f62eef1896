import Glibc

/// Where this machine keeps the certificates it trusts: `SSL_CERT_FILE` and `SSL_CERT_DIR` if set, else where
/// distributions put them.
///
/// A folder with hashed names is preferred to a bundle: OpenSSL then reads the one root it needs, where a bundle of
/// 140 costs some ten milliseconds and two megabytes.
final class SystemTrust {
    let folder: String?
    let file: String?

    private static let bundles = [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
    ]

    init(_ environment: [String: String]) {
        if let file = environment["SSL_CERT_FILE"], !file.isEmpty {
            self.file = file
            folder = environment["SSL_CERT_DIR"]
        } else {
            let folder = environment["SSL_CERT_DIR"] ?? "/etc/ssl/certs"
            self.folder = Self.isHashed(folder) ? folder : nil
            file = self.folder == nil ? Self.bundles.first { unsafe access($0, R_OK) == 0 } : nil
        }
    }

    /// The bundle, for where it must be joined with other certificates; empty where the folder serves.
    lazy var fileContent: [UInt8] = file.map(Self.content) ?? []

    /// Whether the folder holds names as `c_rehash` makes them, such as `5ed36f99.0`.
    private static func isHashed(_ folder: String) -> Bool {
        guard let handle = unsafe opendir(folder) else { return false }
        defer { unsafe closedir(handle) }
        while let entry = unsafe readdir(handle) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.utf8.count == 10, name.hasSuffix(".0"), name.prefix(8).allSatisfy(\.isHexDigit) { return true }
        }
        return false
    }

    private static func content(of path: String) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = unsafe part.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return content + [UInt8(ascii: "\n")] }
            content += part[..<count]
        }
    }
}
