import Synchronization
import Wire

/// A bearer token in a file that somebody else rotates (a pod's service account, or `tokenFile`).
///
/// Read again once a minute and whenever the API server refused it, as client-go does.
struct TokenFileCredential: CredentialSource {
    private struct Cached {
        var header: String
        var readAt: Duration
    }
    private final class Storage: Sendable {
        let cached = Mutex<Cached?>(nil)
    }
    private let path: String
    private let time: any TimeSource
    private let storage = Storage()

    init(path: String, time: any TimeSource) {
        self.path = path
        self.time = time
    }

    func authorization() async throws(KubeError) -> Authorization {
        let now = time.elapsed()
        if let cached = storage.cached.withLock({ $0 }), now - cached.readAt < .seconds(60) {
            return Authorization(header: cached.header)
        }
        let bytes: [UInt8]
        do throws(FileBytes.Unreadable) {
            bytes = try FileBytes.read(path, limit: 1 << 20)
        } catch {
            throw .credentials("the token file \(path): \(error.reason)")
        }
        let token = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace).first.map(String.init)
        guard let token else { throw .credentials("the token file \(path) is empty") }
        let header = "Bearer \(token)"
        storage.cached.withLock { $0 = Cached(header: header, readAt: now) }
        return Authorization(header: header)
    }

    func wasRefused(_ authorization: Authorization) async -> Bool {
        storage.cached.withLock { cached in
            if cached?.header == authorization.header { cached = nil }
            return true
        }
    }
}
