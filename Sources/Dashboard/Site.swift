package import HTTPServer
import HTTPTypes
import KubeModel
package import Wire

/// Answers browsers: pages that are read alone, to whoever asks by a loopback name.
///
/// There is no script, no form that changes anything, and nothing is fetched from elsewhere. It is to be served on a loopback
/// address: whoever can connect to it sees every Certificate and issuer, though no Secret.
package struct Site: Sendable {
    package typealias Reading = @Sendable () async throws(Unreadable) -> Snapshot

    /// Why nothing can be shown, a sentence.
    package struct Unreadable: Error, Sendable, CustomStringConvertible {
        package let description: String
        package init(_ description: String) { self.description = description }
    }

    private let read: Reading

    package init(read: @escaping Reading) { self.read = read }

    package func answer(_ request: ServerRequest) async -> ServerResponse {
        // A page of somebody else's whose name was made to lead here has that name as its host.
        guard Self.isLoopback(request.host) else {
            return Self.response(.misdirectedRequest, text: "Ask for localhost or 127.0.0.1.\n")
        }
        guard request.method == .get || request.method == .head else {
            var response = Self.response(.methodNotAllowed, text: "Pages can be read, and nothing else.\n")
            response.headers[.allow] = "GET, HEAD"
            return response
        }
        switch request.path {
        case "/style.css": return Self.response(.ok, text: Style.sheet, "text/css; charset=utf-8")
        case "/icon.svg": return Self.response(.ok, text: Frame.icon.text, "image/svg+xml")
        default: break
        }
        let snapshot: Snapshot
        do throws(Unreadable) {
            snapshot = try await read()
        } catch {
            return Self.page(.serviceUnavailable, Pages.trouble(error.description))
        }
        return Self.page(of: request, View(snapshot))
    }

    private static func page(of request: ServerRequest, _ view: View) -> ServerResponse {
        let query = Query(request.target)
        let parts = request.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        switch (parts.first, parts.count) {
        case ("", 1): return page(.ok, Pages.overview(view, query))
        case ("certificates", 1): return page(.ok, Pages.certificates(view, query))
        case ("flight", 1): return page(.ok, Pages.flight(view, query))
        case ("issuers", 1): return page(.ok, Pages.issuers(view, query))
        case ("certificates", 3):
            let names = parts.dropFirst().compactMap { Query.decoded($0) }
            guard names.count == 2, let row = view.row(ObjectKey(namespace: names[0], name: names[1])) else {
                return page(.notFound, Pages.missing("No Certificate is called that.", view.snapshot))
            }
            return page(.ok, Pages.certificate(row, view, query))
        default: return page(.notFound, Pages.missing("No page is called that.", view.snapshot))
        }
    }

    // MARK: Headers

    /// By any port: a forwarded one is another than that which is listened on.
    static func isLoopback(_ host: String?) -> Bool {
        guard let host else { return false }
        var name = host[...]
        if let colon = name.lastIndex(of: ":"), !name.hasSuffix("]") {
            let port = name[name.index(after: colon)...]
            guard UInt16(port) != nil else { return false }
            name = name[..<colon]
        }
        return ["localhost", "127.0.0.1", "[::1]"].contains(name.lowercased())
    }

    private static func page(_ status: HTTPResponse.Status, _ markup: HTML) -> ServerResponse {
        response(status, text: markup.text, "text/html; charset=utf-8")
    }

    private static func response(
        _ status: HTTPResponse.Status, text: String, _ type: String = "text/plain; charset=utf-8"
    ) -> ServerResponse {
        var headers: HTTPFields = [
            .contentType: type, .cacheControl: "no-store", .xContentTypeOptions: "nosniff",
            .contentSecurityPolicy:
                "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
                + "frame-ancestors 'none'",
        ]
        for (name, value) in others { headers[name] = value }
        return ServerResponse(status, headers: headers, body: Array(text.utf8))
    }

    private static let others: [(HTTPField.Name, String)] = [
        ("referrer-policy", "no-referrer"), ("x-frame-options", "DENY"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ].compactMap { name, value in HTTPField.Name(name).map { ($0, value) } }
}

/// Reads at most so often, whoever asks, and once for all who ask at the same time.
package actor SnapshotKeeper {
    private let age: Duration
    private let time: any TimeSource
    private let read: Site.Reading
    private var last: (snapshot: Snapshot, at: Duration)?
    private var reading: Task<Result<Snapshot, Site.Unreadable>, Never>?

    /// - Parameter age: how old what is shown may be.
    package init(age: Duration, time: any TimeSource, read: @escaping Site.Reading) {
        self.age = age
        self.time = time
        self.read = read
    }

    package func current() async throws(Site.Unreadable) -> Snapshot {
        if let last, time.elapsed() - last.at < age { return last.snapshot }
        let task = reading ?? begin()
        let result = await task.value
        return try result.get()
    }

    /// Awaited by everybody who asks meanwhile; no one of them may cancel it for the others.
    private func begin() -> Task<Result<Snapshot, Site.Unreadable>, Never> {
        let task = Task { [read] in
            let result: Result<Snapshot, Site.Unreadable>
            do throws(Site.Unreadable) {
                result = .success(try await read())
            } catch {
                result = .failure(error)
            }
            self.ended(result)
            return result
        }
        reading = task
        return task
    }

    private func ended(_ result: Result<Snapshot, Site.Unreadable>) {
        reading = nil
        if case .success(let snapshot) = result { last = (snapshot, time.elapsed()) }
    }
}
