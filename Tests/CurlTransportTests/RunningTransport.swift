import CurlTransport
import HTTPTransport

/// Lends a transport that runs, and ends it afterwards.
@discardableResult
func withTransport<R: Sendable>(
    environment: [String: String] = [:], _ change: (inout CurlTransport.Options) -> Void = { _ in },
    _ body: (CurlTransport) async throws -> R
) async throws -> R {
    var options = CurlTransport.Options(userAgent: "test/1", environment: environment)
    change(&options)
    let transport = CurlTransport(options)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await transport.run() }
        defer { transport.shutDown() }
        return try await body(transport)
    }
}

extension HTTPTransport {
    /// The error that sending `request` ends in, or nil where it succeeds.
    func failure(of request: TransportRequest) async -> TransportError? {
        do throws(TransportError) {
            _ = try await send(request)
            return nil
        } catch {
            return error
        }
    }
}

extension Response {
    var text: String { String(decoding: body, as: UTF8.self) }
}
