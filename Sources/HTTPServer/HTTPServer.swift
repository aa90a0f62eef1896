package import HTTPTypes

/// One request, read whole.
package struct ServerRequest: Sendable, Hashable {
    package var method: HTTPRequest.Method
    /// As the client sent it: path and query.
    package var target: String
    package var headers: HTTPFields
    package var body: [UInt8]
    /// The client's address, where it has one.
    package var peer: String?

    package init(
        method: HTTPRequest.Method = .get, target: String, headers: HTTPFields = [:], body: [UInt8] = [],
        peer: String? = nil
    ) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.peer = peer
    }

    /// The target up to its query.
    package var path: Substring { target.prefix { $0 != "?" } }

    /// The `Host` header, which HTTPTypes keeps apart from the other fields only in its own request type.
    package var host: String? {
        headers.first { $0.name.canonicalName == "host" }?.value
    }
}

/// What a handler answers.
package struct ServerResponse: Sendable, Hashable {
    package var status: HTTPResponse.Status
    package var headers: HTTPFields
    package var body: [UInt8]

    package init(_ status: HTTPResponse.Status, headers: HTTPFields = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    package init(_ status: HTTPResponse.Status, text: String, contentType: String = "text/plain; charset=utf-8") {
        self.init(status, headers: [.contentType: contentType], body: Array(text.utf8))
    }
}

/// What a client may ask of the server. Anybody can connect, so everything has a bound.
package struct ServerLimits: Sendable {
    /// All header fields of one request together, and each alone.
    package var headerBytes = 32 << 10
    package var bodyBytes = 64 << 10
    /// The time a request may take to arrive whole, counted from its connection or the answer before it.
    package var readTimeout = Duration.seconds(30)
    /// The time a connection that was answered may stay without another request; nil for `readTimeout`. A client that
    /// keeps its connections should be the one to close them, so this is best longer than the client waits.
    package var idleTimeout: Duration?
    /// The time a client may take to accept an answer.
    package var writeTimeout = Duration.seconds(30)
    package var connections = 256
    /// The time requests under way get when the server stops.
    package var stopGrace = Duration.seconds(5)

    package init() {}
}
