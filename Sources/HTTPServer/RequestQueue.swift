/// Brings requests from the event loop to the tasks of ``Server/run()``.
struct RequestQueue: Sendable {
    struct Pending: Sendable {
        let request: ServerRequest
        let answer: @Sendable (ServerResponse) -> Void
    }

    let stream: AsyncStream<Pending>
    private let continuation: AsyncStream<Pending>.Continuation

    /// Holds at most one request for each connection, since a connection waits for its answer.
    init() {
        (stream, continuation) = AsyncStream.makeStream()
    }

    /// `answer` is called once, unless the server has stopped.
    func add(_ request: ServerRequest, answer: @escaping @Sendable (ServerResponse) -> Void) {
        continuation.yield(Pending(request: request, answer: answer))
    }

    func finish() {
        continuation.finish()
    }
}
