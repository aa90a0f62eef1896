package import HTTPTypes

/// One HTTP request and everything about how to send it.
package struct TransportRequest: Sendable {
    /// An absolute `http` or `https` URL. Path and query are sent byte for byte.
    package var url: String
    package var method: HTTPRequest.Method
    package var headers: HTTPFields
    package var body: [UInt8]?
    package var tls: TLSOptions
    package var proxy: ProxyChoice
    /// The time the whole exchange may take, waiting for a connection included; nil for a stream without end.
    package var deadline: Duration?
    /// The time that resolving, connecting and the TLS handshake may take together.
    package var connectTimeout: Duration
    /// The longest silence a stream may keep before it fails with ``TransportError/idle``; whole seconds.
    package var idleLimit: Duration?
    /// The most body bytes that are kept: of the whole response for `send`, of what waits unread for `withResponse`.
    package var bodyLimit: Int
    /// How many bytes of a streamed body may wait unread before the rest is left in the network; nil for no such bound.
    /// Exchanges that share a connection (HTTP/2) are not held back.
    package var readAhead: Int?
    package var redirects: RedirectPolicy
    package var addressFamily: AddressFamily
    /// Where to connect for a `host:port` of the URL, as an IP address without port; the name in TLS and `Host` stay.
    package var addressOverrides: [String: String]
    package var lane: Lane
    /// Whether nothing is sent: the exchange ends with the TLS handshake, so that any server can be asked. The response has
    /// the status 0 and the certificates that the server showed.
    package var endsAtHandshake = false

    package init(
        url: String, method: HTTPRequest.Method = .get, headers: HTTPFields = [:], body: [UInt8]? = nil,
        tls: TLSOptions = .system, proxy: ProxyChoice = .environment, deadline: Duration? = .seconds(30),
        connectTimeout: Duration = .seconds(10), idleLimit: Duration? = nil, bodyLimit: Int = 16 << 20,
        readAhead: Int? = nil, redirects: RedirectPolicy = .refuse, addressFamily: AddressFamily = .any,
        addressOverrides: [String: String] = [:], lane: Lane = .shared
    ) {
        self.url = url
        self.method = method
        self.headers = headers
        self.body = body
        self.tls = tls
        self.proxy = proxy
        self.deadline = deadline
        self.connectTimeout = connectTimeout
        self.idleLimit = idleLimit
        self.bodyLimit = bodyLimit
        self.readAhead = readAhead
        self.redirects = redirects
        self.addressFamily = addressFamily
        self.addressOverrides = addressOverrides
        self.lane = lane
    }
}

/// What to do with a 3xx answer that carries a `Location`.
package enum RedirectPolicy: Sendable, Hashable {
    /// The 3xx answer is the response.
    case refuse
    /// Up to `max` redirects are followed, to URLs of these schemes only.
    case follow(max: Int, schemes: Set<String>)
}

/// Which proxy a request goes through.
package enum ProxyChoice: Sendable, Hashable {
    /// As `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` said when the transport was made.
    case environment
    case none
    /// A proxy's URL, which may carry user and password: `http://`, `https://` or `socks5://`.
    case url(String)
}

package enum AddressFamily: Sendable, Hashable {
    case any, ipv4, ipv6
}

/// How a request queues among others to the same host.
package enum Lane: Sendable, Hashable {
    /// Waits its turn once many requests to the host are under way, so that a burst opens few connections.
    case shared
    /// Starts at once: watches, which hold their connection for minutes, and lease renewals, which cannot wait.
    case express
}
