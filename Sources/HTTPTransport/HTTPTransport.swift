/// Sends HTTP requests. Everything in the house that speaks HTTP as a client speaks it through one of these.
package protocol HTTPTransport: Sendable {
    /// Sends `request` and lends its response to `use`.
    ///
    /// The transfer ends when `use` is left, by whichever road: returning early, throwing and cancellation all
    /// close the stream. Throws a ``TransportError`` where the exchange itself fails, and otherwise what `use` throws.
    func withResponse<R: Sendable>(
        to request: TransportRequest, _ use: (ResponseHead, ResponseBody) async throws -> R
    ) async throws -> R

    /// Sends `request` and gathers the whole response.
    ///
    /// The body is whole or an error is thrown: one that was cut short, or is longer than `request.bodyLimit`,
    /// never comes back as a response.
    func send(_ request: TransportRequest) async throws(TransportError) -> Response
}

extension HTTPTransport {
    /// Gathers the body that `withResponse` lends; a transport that knows a shorter way brings its own.
    package func send(_ request: TransportRequest) async throws(TransportError) -> Response {
        do {
            return try await withResponse(to: request) { head, body in
                Response(head: head, body: try await body.collect(upTo: request.bodyLimit))
            }
        } catch let error as TransportError {
            throw error
        } catch is CancellationError {
            throw .cancelled
        } catch {
            throw .other("\(error)")
        }
    }
}
