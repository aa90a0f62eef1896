import HTTPServer
import Logging
import Synchronization
import Wire

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// A certificate and key that somebody else keeps in files: read again when they change.
final class CertificateFiles: Sendable {
    private struct State {
        var chain: [UInt8] = []
        var key: [UInt8] = []
        var isShown = false
        var failure: String?
    }

    private let chain: String
    private let key: String
    private let options: TLSServerOptions
    private let time: any TimeSource
    private let logger: Logger
    private let show: @Sendable (ServerIdentity) -> Void
    private let state = Mutex(State())

    /// Files have no events that work on every mount, and they are small.
    private static let interval = Duration.seconds(10)

    init(
        chain: String, key: String, options: TLSServerOptions, time: any TimeSource, logger: Logger,
        show: @escaping @Sendable (ServerIdentity) -> Void
    ) {
        self.chain = chain
        self.key = key
        self.options = options
        self.time = time
        self.logger = logger
        self.show = show
    }

    var missing: String? {
        state.withLock { $0.isShown ? nil : "There is no serving certificate yet (\($0.failure ?? "not read"))." }
    }

    /// Works until cancelled. Files that cannot be used leave what is shown as it was.
    func run() async throws {
        while !Task.isCancelled {
            look()
            try await time.sleep(for: Self.interval)
        }
    }

    private func look() {
        do {
            let (chain, key) = (try FileContent.read(chain), try FileContent.read(key))
            guard state.withLock({ $0.chain != chain || $0.key != key || !$0.isShown }) else { return }
            show(try ServerIdentity(chain: chain, key: key, options: options))
            state.withLock { $0 = State(chain: chain, key: key, isShown: true) }
            logger.info("The serving certificate was read", metadata: ["file": "\(self.chain)"])
        } catch {
            let isNews = state.withLock { state in
                defer { state.failure = "\(error)" }
                return state.failure != "\(error)"
            }
            // Two files are not replaced at one moment, so the first disagreement is often the last.
            if isNews { logger.warning("The serving certificate cannot be read", metadata: ["error": "\(error)"]) }
        }
    }
}

/// Small files, whole.
enum FileContent {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// At most 1 MiB.
    static func read(_ path: String) throws(Failure) -> [UInt8] {
        guard let file = fopen(path, "re") else {
            throw Failure(description: "\(path) cannot be opened: \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var content: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = fread(&part, 1, part.count, file)
            content += part[..<count]
            guard content.count <= 1 << 20 else { throw Failure(description: "\(path) is larger than 1 MiB") }
            guard count == part.count else { break }
        }
        guard ferror(file) == 0 else { throw Failure(description: "\(path) cannot be read") }
        return content
    }
}
