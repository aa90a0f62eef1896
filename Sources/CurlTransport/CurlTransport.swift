package import HTTPTransport
import Synchronization

/// HTTP over libcurl: one engine on one thread serves every request of the process.
package final class CurlTransport: HTTPTransport {
    package struct Options: Sendable {
        package enum Version: Sendable {
            case http1, http2
        }

        package var version = Version.http1
        package var userAgent: String
        /// How many requests of the shared lane may run at once for one host.
        package var concurrencyPerHost = 32
        /// Where the proxy variables are looked up.
        package var environment: [String: String]
        /// After how long a connection takes no further request.
        package var connectionLifetime = Duration.seconds(600)
        /// How long a connection is kept without use.
        package var idleConnectionLifetime = Duration.seconds(30)
        /// What deadlines and silence are counted by.
        package var now: @Sendable () -> ContinuousClock.Instant = { .now }

        package init(userAgent: String, environment: [String: String] = ProcessEnvironment.values) {
            self.userAgent = userAgent
            self.environment = environment
        }
    }

    private let options: Options
    private let mailbox = Mailbox()

    package init(_ options: Options) {
        self.options = options
    }

    /// Serves requests until it is cancelled or ``shutDown()`` is called, then fails those that are under way.
    /// Requests made earlier wait for it. To be called once.
    package func run() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (options, mailbox) = (options, mailbox)
                EngineThread.start {
                    CurlEngine(options, mailbox).loop()
                    continuation.resume()
                }
            }
        } onCancel: {
            mailbox.close()
        }
    }

    package func shutDown() {
        mailbox.close()
    }

    package func withResponse<R: Sendable>(
        to request: TransportRequest, _ use: (ResponseHead, ResponseBody) async throws -> R
    ) async throws -> R {
        var request = request
        if options.version != .http1 { request.readAhead = nil }  // it would hold back the others on the connection
        let transfer = try Transfer(request, isStream: true, now: options.now())
        return try await withTaskCancellationHandler {
            defer { drop(transfer) }
            post(transfer)
            let head = try await transfer.head()
            let body = ResponseBody { () async throws(TransportError) in
                let chunk = try await transfer.nextChunk()
                if transfer.mustGoOn() { _ = self.mailbox.post(.goOn(transfer)) }
                return chunk
            }
            return try await use(head, body)
        } onCancel: {
            drop(transfer)
        }
    }

    package func send(_ request: TransportRequest) async throws(TransportError) -> Response {
        let transfer = try Transfer(request, isStream: false, now: options.now())
        let result: Result<Response, TransportError> = await withTaskCancellationHandler {
            post(transfer)
            do throws(TransportError) { return .success(try await transfer.response()) } catch {
                return .failure(error)
            }
        } onCancel: {
            drop(transfer)
        }
        return try result.get()
    }

    private func post(_ transfer: Transfer) {
        if !mailbox.post(.start(transfer)) { transfer.stop(.shutDown) }
    }

    /// The caller is gone: it stops waiting at once, the engine lets go of the handle when it reads the order.
    private func drop(_ transfer: Transfer) {
        if transfer.stop(.cancelled) { _ = mailbox.post(.drop(transfer)) }
    }
}
