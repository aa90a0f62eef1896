import HTTPTransport
import KubeClient
import KubeModel
import Logging
import Synchronization
import TestSupport
import Testing
import Wire

@testable import KubeRuntime

extension Logger {
    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

/// A client whose requests are answered by a script, and which does not try again by itself.
func scriptedClient(_ transport: ScriptedTransport, time: any TimeSource) -> KubeClient {
    KubeClient(
        configuration: ClusterConfiguration(
            server: "https://api.test", tls: .system, credentials: FixedCredential(Authorization())),
        transport: transport, userAgent: "certwright/test", retries: RetryPolicy(tries: 1), time: time)
}

@Suite("Informer", .timeLimit(.minutes(5)))
struct InformerTests {
    let clock = ManualClock()
    let counters = Counters()
    let cache = Cache<Thing>(indexes: ["color": { [$0.color].compactMap { $0 } }])

    func thing(_ name: String, _ version: Int, color: String = #""red""#, uid: String = "u") -> String {
        #"{"metadata":{"name":"\#(name)","namespace":"ns","uid":"\#(uid)","resourceVersion":"\#(version)"},"color":\#(color)}"#
    }
    func list(_ items: String..., version: Int, token: String = "") -> ScriptedTransport.Answer {
        .response(
            status: 200,
            body:
                #"{"metadata":{"resourceVersion":"\#(version)","continue":"\#(token)"},"items":[\#(items.joined(separator: ","))]}"#
        )
    }
    func event(_ type: String, _ object: String) -> String { #"{"type":"\#(type)","object":\#(object)}"# + "\n" }
    let gone = #"{"kind":"Status","status":"Failure","reason":"Expired","code":410}"#

    /// Runs an informer until the script is used up and it waits; answers the requests it made, without their hosts and
    /// with the time limits of watches left out.
    func requests(
        _ script: [ScriptedTransport.Answer], options: ListOptions = ListOptions(),
        transform: Informer<Thing>.Transform? = nil, onMalformed: (@Sendable (MalformedObject) -> Void)? = nil,
        waits: Int = 1
    ) async throws -> [String] {
        let transport = ScriptedTransport(script)
        let informer = Informer(
            client: scriptedClient(transport, time: clock), cache: cache, options: options, transform: transform,
            onMalformed: onMalformed, pageLimit: 2, time: clock, counters: counters, logger: .silent)
        let run = Task { try await informer.run() }
        for wait in 1...waits {
            await clock.waitForSleepers()
            if wait < waits { clock.advance(by: .seconds(30)) }
        }
        run.cancel()
        try await run.value
        #expect(transport.unused == 0)
        return transport.requests.map { request in
            request.url.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: true)[2]
                .split(separator: "&").filter { !$0.hasPrefix("timeoutSeconds") }.joined(separator: "&")
        }
    }
    func value(_ name: Counters.Name) -> Int { counters.counter(name, of: "things").value }

    let things = "apis/test.example.com/v1/things"

    @Test("lists in pages, watches from the list, and keeps the cache true")
    func story() async throws {
        let changes = Mutex<[String]>([])
        cache.onChange { old, new in
            changes.withLock { $0.append("\(old?.metadata.name ?? "-") \(new?.color ?? "-")") }
        }
        let made = try await requests([
            list(thing("a", 1), thing("b", 2), version: 10, token: "t1"),
            list(thing("c", 3), version: 10),
            .stream(
                [
                    event("ADDED", thing("d", 11)), event("MODIFIED", thing("a", 12, color: #""blue""#)),
                    event("DELETED", thing("b", 13)), event("BOOKMARK", #"{"metadata":{"resourceVersion":"20"}}"#),
                ], ending: .truncated("reset")),
        ])
        #expect(
            made == [
                "\(things)?limit=2&resourceVersion=0", "\(things)?limit=2&continue=t1",
                "\(things)?watch=true&allowWatchBookmarks=true&resourceVersion=10",
            ])
        #expect(cache.isSynced)
        #expect(cache.all().map(\.metadata.name).sorted() == ["a", "c", "d"])
        #expect(cache.matching(index: "color", value: "red").map(\.metadata.name).sorted() == ["c", "d"])
        #expect(changes.withLock { $0 } == ["- red", "- red", "- red", "- red", "a blue", "b -"])
        #expect(value(.cacheListCount) == 1 && value(.cacheWatchCount) == 1 && value(.cacheEventCount) == 3)
        #expect(value(.cacheObjects) == 3)
    }

    @Test("goes on from the last bookmark after a cut, and lists again after 410, taking away what is gone")
    func resumesAndRelists() async throws {
        let made = try await requests(
            [
                list(thing("a", 1), thing("b", 2), version: 10),
                .stream([event("BOOKMARK", #"{"metadata":{"resourceVersion":"20"}}"#)], ending: .truncated("reset")),
                .stream([event("ERROR", gone)], ending: nil),
                list(thing("a", 1), version: 40),
            ], waits: 3)
        #expect(
            made == [
                "\(things)?limit=2&resourceVersion=0",
                "\(things)?watch=true&allowWatchBookmarks=true&resourceVersion=10",
                "\(things)?watch=true&allowWatchBookmarks=true&resourceVersion=20", "\(things)?limit=2",
                "\(things)?watch=true&allowWatchBookmarks=true&resourceVersion=40",
            ])
        #expect(cache.all().map(\.metadata.name) == ["a"])
    }

    @Test("a malformed object is reported with its field and hides no other, in lists and in watches")
    func malformed() async throws {
        let reports = Mutex<[MalformedObject]>([])
        _ = try await requests(
            [
                list(thing("bad", 1, color: "[1]"), thing("good", 2), version: 10),
                .stream(
                    [
                        event("MODIFIED", thing("good", 11, color: "7")), event("ADDED", thing("other", 12)),
                        event("ADDED", "{}"),
                    ], ending: nil),
            ],
            onMalformed: { report in reports.withLock { $0.append(report) } })
        #expect(cache.all().map { "\($0.metadata.name) \($0.version)" }.sorted() == ["good 2", "other 12"])
        let told = reports.withLock { $0 }
        #expect(told.map(\.key?.name) == ["bad", "good", nil])
        #expect(told.map(\.problem.path) == ["color", "color", "metadata"])
        #expect(value(.cacheMalformedCount) == 3)
    }

    @Test("an object that is nested too deeply is one malformed object: its last good version stays")
    func tooDeep() async throws {
        let reports = Mutex<[MalformedObject]>([])
        let deep = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
        _ = try await requests(
            [
                list(thing("a", 1), thing("deep", 2), version: 10),
                .stream([event("ERROR", gone)], ending: nil),
                list(thing("a", 11), thing("deep", 12, color: deep), version: 20),
                .stream(
                    [event("MODIFIED", thing("a", 21, color: deep)), event("ADDED", thing("b", 22))], ending: nil),
            ], onMalformed: { report in reports.withLock { $0.append(report) } }, waits: 2)
        #expect(cache.all().map { "\($0.metadata.name) \($0.version)" }.sorted() == ["a 11", "b 22", "deep 2"])
        #expect(reports.withLock { $0 }.map(\.key?.name) == ["deep"])
    }

    @Test("a cache is in trouble after two failures in a row, and no longer when a watch is open")
    func trouble() async throws {
        _ = try await requests(
            [
                list(thing("a", 1), version: 10), .failure(.connect("refused")), .failure(.connect("refused")),
            ], waits: 2)
        #expect(cache.trouble == "The API server could not be reached: \(TransportError.connect("refused"))")
        _ = try await requests([list(thing("a", 1), version: 10), .failure(.connect("refused"))])
        #expect(cache.trouble == nil)
        _ = try await requests(
            [
                .failure(.connect("refused")), .failure(.connect("refused")), list(version: 10),
                .stream([], ending: .truncated("reset")),
            ], waits: 3)
        #expect(cache.trouble == nil)
    }

    @Test("a transform projects objects and leaves out what nobody wants")
    func transform() async throws {
        _ = try await requests(
            [
                list(thing("a", 1), thing("b", 2, color: #""green""#), version: 10),
                .stream([event("MODIFIED", thing("a", 11, color: #""green""#))], ending: nil),
            ],
            transform: { value in
                guard value["color"]?.stringValue == "red" else { return nil }
                return try value.decode(Thing.self)
            })
        #expect(cache.all().isEmpty)
    }

    @Test("asks only for what it is told to: namespace, selectors, metadata")
    func options() async throws {
        let made = try await requests(
            [list(version: 10)],
            options: ListOptions(
                namespace: "ns", labelSelector: "a=b", fieldSelector: "metadata.name=x", metadataOnly: true))
        #expect(
            made.first
                == "apis/test.example.com/v1/namespaces/ns/things?labelSelector=a%3Db&fieldSelector=metadata.name%3Dx&limit=2&resourceVersion=0"
        )
    }

    @Test("a list that is refused is tried again and again, and the cache says that it is not synced")
    func refused() async throws {
        let forbidden = #"{"kind":"Status","status":"Failure","reason":"Forbidden","code":403}"#
        let made = try await requests(
            [
                .response(status: 403, body: forbidden), .failure(.connect("refused")),
                .response(status: 200, body: "[]"),
            ],
            waits: 3)
        #expect(made == Array(repeating: "\(things)?limit=2&resourceVersion=0", count: 3))
        #expect(!cache.isSynced)
        #expect(cache.trouble?.hasPrefix("The API server's answer could not be read") == true)
    }
}
