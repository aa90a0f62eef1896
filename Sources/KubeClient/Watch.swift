package import HTTPTransport
package import KubeModel
import Wire

/// Cuts a stream of chunks into lines. A line that does not end within the limit is an error, never a growing buffer.
package struct LineFramer {
    private var rest: [UInt8] = []
    private let limit: Int

    package init(limit: Int = 64 << 20) { self.limit = limit }

    /// The lines that this chunk completes, without their newlines; empty lines are left out.
    package mutating func lines(in chunk: [UInt8]) throws(TransportError) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var start = chunk.startIndex
        while let end = chunk[start...].firstIndex(of: UInt8(ascii: "\n")) {
            if rest.isEmpty {
                if end > start { lines.append(Array(chunk[start..<end])) }
            } else {
                rest += chunk[start..<end]
                lines.append(rest)
                rest = []
            }
            start = end + 1
        }
        guard rest.count + (chunk.endIndex - start) <= limit else { throw .tooLarge(limit: limit) }
        rest += chunk[start...]
        return lines
    }
}

extension KubeClient {
    /// Watches until the server ends the watch, the stream breaks or the task is cancelled, and hands each event to
    /// `take` in order. Returns when the server ended it in its regular way; a line that is no event is skipped through
    /// `onMalformed`.
    ///
    /// `onOpen` is told when the server has agreed to it; `timeoutSeconds` is how long the server is asked to keep it open; a stream silent for much longer is given up.
    package func watch(
        _ resource: ResourceType, _ options: ListOptions, from resourceVersion: String, timeoutSeconds: Int,
        onOpen: () -> Void = {}, onMalformed: (any Error) -> Void, take: (WatchEvent) async throws -> Void
    ) async throws(KubeError) {
        let request = KubeRequest.watch(resource, options, from: resourceVersion, timeoutSeconds: timeoutSeconds)
        do {
            try await stream(request, idleLimit: .seconds(timeoutSeconds + 30)) { body in
                onOpen()
                var framer = LineFramer()
                for try await chunk in body {
                    for line in try framer.lines(in: chunk) {
                        let event: WatchEvent
                        do {
                            event = try WatchEvent(line, limits: request.limits)
                        } catch {
                            onMalformed(error)
                            continue
                        }
                        try await take(event)
                    }
                }
            }
        } catch {
            throw KubeError(ofStream: error)
        }
    }
}

extension KubeClient {
    /// Waits for the first event about one object after that version, of the object itself or of its list. True when there was
    /// one; false when `limit` has passed, or it cannot be watched, which may be at once.
    package func waitForChange(
        of resource: ResourceType, _ key: ObjectKey, since version: String, atMost limit: Duration
    ) async -> Bool {
        struct Changed: Error {}
        var hasChanged = false
        do throws(KubeError) {
            try await watch(
                resource, ListOptions(one: key), from: version, timeoutSeconds: Int(limit.components.seconds) + 1,
                onMalformed: { _ in },
                take: { event in
                    switch event {
                    case .bookmark: return
                    case .error: throw CancellationError()  // the version is too old
                    case .added, .modified, .deleted: break
                    }
                    hasChanged = true
                    throw Changed()
                })
        } catch {
            return hasChanged
        }
        return hasChanged
    }
}

extension ListOptions {
    /// Selects one object by its name.
    package init(one key: ObjectKey) {
        self.init(namespace: key.namespace.isEmpty ? nil : key.namespace, fieldSelector: "metadata.name=\(key.name)")
    }
}

extension KubeError {
    /// What went wrong while a stream was read.
    init(ofStream error: any Error) {
        switch error {
        case let error as KubeError: self = error
        case TransportError.cancelled: self = .cancelled
        case let error as TransportError: self = .transport(error)
        case is CancellationError: self = .cancelled
        default: self = .decoding("\(error)")
        }
    }
}
