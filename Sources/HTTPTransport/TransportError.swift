/// Why an exchange did not end in a whole response. The texts come from libcurl, OpenSSL and the resolver and hold
/// no header, body or password.
package enum TransportError: Error, Sendable, Hashable {
    /// The URL, or a part of the request, cannot be sent at all.
    case url(String)
    /// The host name, or the proxy's, has no address.
    case resolve(String)
    case connect(String)
    case proxy(String)
    case tls(String)
    /// Connecting took longer than `connectTimeout`: the request was not sent.
    case connectTimeout
    /// The whole exchange took longer than `deadline`.
    case timeout
    /// A stream kept silent for longer than `idleLimit`.
    case idle
    case cancelled
    /// The connection was lost before the response was whole.
    case truncated(String)
    case tooLarge(limit: Int)
    /// More redirects than allowed, or one to where they may not lead.
    case redirect(String)
    /// What came back is not HTTP.
    case garbage(String)
    /// The transport has been shut down.
    case shutDown
    case other(String)
}

extension TransportError {
    /// Whether the server may have acted on the request. Where this is false any request can be sent again.
    package var mayHaveReachedServer: Bool {
        switch self {
        case .url, .resolve, .connect, .proxy, .tls, .connectTimeout: false
        case .timeout, .idle, .cancelled, .truncated, .tooLarge, .redirect, .garbage, .shutDown, .other: true
        }
    }
}

extension TransportError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .url(let detail): "the request cannot be sent: \(detail)"
        case .resolve(let detail): "the host name could not be resolved: \(detail)"
        case .connect(let detail): "no connection could be made: \(detail)"
        case .proxy(let detail): "the proxy did not connect: \(detail)"
        case .tls(let detail): "no secure connection could be made: \(detail)"
        case .connectTimeout: "no connection could be made in time"
        case .timeout: "the server did not answer in time"
        case .idle: "the stream was silent for too long"
        case .cancelled: "the request was cancelled"
        case .truncated(let detail): "the answer was cut short: \(detail)"
        case .tooLarge(let limit): "the answer is larger than the \(limit) bytes allowed"
        case .redirect(let detail): "the redirect was not followed: \(detail)"
        case .garbage(let detail): "the answer is not HTTP: \(detail)"
        case .shutDown: "the transport has been shut down"
        case .other(let detail): "the exchange failed: \(detail)"
        }
    }
}
