import Dispatch
import PKI
import Synchronization
import Wire

extension FuzzTarget {
    /// What a Secret may hold beside the key and the certificate. The password of every kept input is "changeit".
    static let keystores: [FuzzTarget] = [
        FuzzTarget("pkcs12", dictionary: ["\u{30}\u{0}", "\u{2}\u{1}\u{3}", "\u{4}\u{0}", "\u{5}\u{0}"]) {
            [[0x30, 0x80]]
        } run: { bytes throws(Violation) in
            guard let password else { return }
            let file = finished { try? await PKCS12.read(bytes, password) }
            guard let contents = file?.contents, contents.key != nil else { return }
            _ = contents.chain.map(\.description)
        },
        FuzzTarget("jks", dictionary: ["\u{0}\u{0}\u{0}\u{1}", "\u{0}\u{0}\u{0}\u{2}", "X.509", "\u{7f}\u{ff}"]) {
            [[0xFE, 0xED, 0xFE, 0xED, 0, 0, 0, 2, 0, 0, 0, 0]]
        } run: { bytes throws(Violation) in
            guard let password else { return }
            _ = try? JKS.read(bytes, password)
            // Behind a digest that fits, or nothing that was changed would be looked at.
            let content = Array(bytes.dropLast(20))
            let secret = "changeit".utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
            let digest = Digest.sha1(secret + Array("Mighty Aphrodite".utf8) + content)
            _ = try? JKS.read(content + digest, password)
        },
    ]

    private static let password = try? KeystorePassword(Array("changeit".utf8))

    /// Waits for work that runs on PKI's own threads; this thread has nothing else to do.
    private static func finished<T: Sendable>(_ work: @escaping @Sendable () async -> T?) -> T? {
        let done = DispatchSemaphore(value: 0)
        let result = Mutex<T?>(nil)
        let holder = Holder(result)
        // Awaited by the semaphore below.
        Task.detached {
            let value = await work()
            holder.result.withLock { $0 = value }
            done.signal()
        }
        done.wait()
        return holder.result.withLock { $0 }
    }

    private final class Holder<T: Sendable>: Sendable {
        let result: Mutex<T?>
        init(_ result: consuming Mutex<T?>) { self.result = result }
    }
}
