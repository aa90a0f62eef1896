import Admission
import HTTPServer
import KubeClient
import Logging
import PKI
import Synchronization
import Wire

/// What a listener shows: from files, or made by the program itself.
struct ServingCertificate: Sendable {
    struct Settings: Sendable {
        enum Source: Sendable {
            case files(chain: String, key: String)
            case authority(ServingAuthority.Settings)
        }
        var source: Source
        var options: TLSServerOptions
    }

    private final class Shown: Sendable {
        let identity = Mutex<ServerIdentity?>(nil)
    }
    private enum Source: Sendable {
        case files(CertificateFiles)
        case authority(ServingAuthority)
    }

    private let shown: Shown
    private let source: Source

    var current: ServerIdentity? { shown.identity.withLock { $0 } }

    /// `client` must write whether or not this process leads.
    init(_ settings: Settings, client: KubeClient, time: any TimeSource, logger: Logger) {
        let (shown, options) = (Shown(), settings.options)
        self.shown = shown
        switch settings.source {
        case .files(let chain, let key):
            source = .files(
                CertificateFiles(chain: chain, key: key, options: options, time: time, logger: logger) { identity in
                    shown.identity.withLock { $0 = identity }
                })
        case .authority(let settings):
            source = .authority(
                ServingAuthority(client: client, settings: settings, time: time, logger: logger) { leaf throws in
                    let identity = try ServerIdentity(
                        chain: Array(leaf.certificate.pem.utf8), key: try leaf.key.pem(.pkcs8), options: options)
                    shown.identity.withLock { $0 = identity }
                })
        }
    }

    var missing: String? {
        switch source {
        case .files(let files): files.missing
        case .authority(let authority): authority.missing
        }
    }

    func run() async throws {
        switch source {
        case .files(let files): try await files.run()
        case .authority(let authority): try await authority.run()
        }
    }
}
