package import HTTPTypes

/// The status line and header fields of the final answer, after any 1xx and any followed redirect.
package struct ResponseHead: Sendable, Hashable {
    package let status: HTTPResponse.Status
    package let headers: HTTPFields
    /// The URL that answered: the last one, where redirects were followed.
    package let url: String

    package init(status: HTTPResponse.Status, headers: HTTPFields = [:], url: String = "") {
        self.status = status
        self.headers = headers
        self.url = url
    }
}

/// A whole answer.
package struct Response: Sendable, Hashable {
    package let head: ResponseHead
    package let body: [UInt8]
    /// PEM, as the server showed them, leaf first; empty unless they were asked for.
    package var peerCertificates: [String] = []

    package init(head: ResponseHead, body: [UInt8] = []) {
        self.head = head
        self.body = body
    }

    package var status: HTTPResponse.Status { head.status }
    package var headers: HTTPFields { head.headers }
}

/// The bytes of an answer as they arrive, in chunks of no particular size. Iterate it once.
///
/// It ends only when the body is whole; one that was cut short throws ``TransportError/truncated(_:)``.
package struct ResponseBody: AsyncSequence, Sendable {
    package typealias Element = [UInt8]
    package typealias Failure = TransportError
    package typealias NextChunk = @Sendable () async throws(TransportError) -> [UInt8]?

    private let nextChunk: NextChunk

    /// A body that asks `nextChunk` until it answers nil.
    package init(_ nextChunk: @escaping NextChunk) {
        self.nextChunk = nextChunk
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(nextChunk: nextChunk) }

    package struct AsyncIterator: AsyncIteratorProtocol {
        let nextChunk: NextChunk

        package mutating func next() async throws(TransportError) -> [UInt8]? { try await nextChunk() }

        package mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(TransportError) -> [UInt8]? {
            try await nextChunk()
        }
    }

    /// The whole body, or ``TransportError/tooLarge(limit:)``.
    package func collect(upTo limit: Int) async throws(TransportError) -> [UInt8] {
        var whole: [UInt8] = []
        while let chunk = try await nextChunk() {
            guard whole.count + chunk.count <= limit else { throw .tooLarge(limit: limit) }
            if whole.isEmpty { whole = chunk } else { whole += chunk }
        }
        return whole
    }
}
