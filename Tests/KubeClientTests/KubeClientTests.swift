import HTTPTransport
import HTTPTypes
import KubeClient
import KubeModel
import Synchronization
import TestSupport
import Testing
import Wire

/// Sleeps return at once and are remembered.
final class InstantTime: TimeSource {
    let slept = Mutex<[Duration]>([])
    func now() -> Timestamp { Timestamp(secondsSince1970: 1_767_225_600) }
    func elapsed() -> Duration { .zero }
    func sleep(for duration: Duration) async throws { slept.withLock { $0.append(duration) } }
}

struct ClosedGate: WriteGate {
    let writeLimit = Duration.seconds(20)
    func check() throws(KubeError) { throw .fenced }
}

@Suite("the client of the API server")
struct KubeClientTests {
    let time = InstantTime()
    let key = ObjectKey(namespace: "web", name: "a")
    let secret = #"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a","namespace":"web","resourceVersion":"5"}}"#

    func client(
        _ transport: ScriptedTransport, credentials: any CredentialSource = FixedCredential(Authorization())
    ) -> KubeClient {
        KubeClient(
            configuration: ClusterConfiguration(
                server: "https://api.test:6443/", tls: .system, credentials: credentials),
            transport: transport, userAgent: "certwright/test", time: time)
    }
    func refusal(_ code: Int, _ reason: String) -> String {
        #"{"kind":"Status","status":"Failure","message":"m","reason":"\#(reason)","code":\#(code)}"#
    }

    @Test("a get says who asks and reads the object")
    func get() async throws {
        let transport = ScriptedTransport([.response(status: 200, body: secret)])
        let found = try await client(
            transport, credentials: FixedCredential(Authorization(header: "Bearer t"))
        ).get(Secret.self, key)
        #expect(found.metadata.resourceVersion == "5")
        let request = try #require(transport.requests.first)
        #expect(request.url == "https://api.test:6443/api/v1/namespaces/web/secrets/a")
        #expect(request.headers[.authorization] == "Bearer t")
        #expect(request.headers[.userAgent] == "certwright/test")
    }

    @Test("429 and 503 are waited out as Retry-After says, reads and writes alike")
    func throttled() async throws {
        let transport = ScriptedTransport([
            .response(status: 429, headers: [.retryAfter: "2"], body: "slow down"),
            .response(status: 503, headers: [.retryAfter: "1"], body: refusal(503, "ServiceUnavailable")),
            .response(status: 201, body: secret),
        ])
        _ = try await client(transport).create(Secret(metadata: ObjectMeta(name: "a", namespace: "web")))
        let slept = time.slept.withLock { $0 }
        #expect(slept.count == 2)
        #expect(slept[0] >= .seconds(2) && slept[0] < .seconds(3))
        #expect(slept[1] >= .seconds(1) && slept[1] < .seconds(2))
    }

    @Test("a create whose answer was lost is never sent again; a get is")
    func lostAnswer() async throws {
        let lost = ScriptedTransport([.failure(.truncated("reset")), .response(status: 201, body: secret)])
        await #expect(throws: KubeError.self) {
            try await client(lost).create(Secret(metadata: ObjectMeta(name: "a", namespace: "web")))
        }
        #expect(lost.requests.count == 1)
        let read = ScriptedTransport([.failure(.truncated("reset")), .response(status: 200, body: secret)])
        _ = try await client(read).get(Secret.self, key)
        #expect(read.requests.count == 2)
    }

    @Test("a create that may have reached etcd is not sent again, though the server names a wait")
    func serverTimeout() async {
        let body = #"{"kind":"Status","reason":"ServerTimeout","code":500,"details":{"retryAfterSeconds":2}}"#
        let transport = ScriptedTransport([.response(status: 500, headers: [.retryAfter: "2"], body: body)])
        await #expect(throws: KubeError.self) {
            try await client(transport).create(Secret(metadata: ObjectMeta(name: "a", namespace: "web")))
        }
        #expect(transport.requests.count == 1)
    }

    @Test("a server that never recovers is asked five times and no more")
    func bounded() async {
        let transport = ScriptedTransport(
            Array(repeating: .response(status: 500, body: refusal(500, "InternalError")), count: 20))
        await #expect(throws: KubeError.self) { try await client(transport).get(Secret.self, key) }
        #expect(transport.requests.count == 5)
    }

    @Test("statuses are told apart and kept whole")
    func statuses() async throws {
        for (code, reason, check) in [
            (404, "NotFound", \KubeError.isNotFound), (409, "AlreadyExists", \.isAlreadyExists),
            (409, "Conflict", \.isConflict), (410, "Expired", \.isGone), (403, "Forbidden", \.isForbidden),
            (422, "Invalid", \.isInvalid),
        ] {
            let transport = ScriptedTransport([.response(status: code, body: refusal(code, reason))])
            do throws(KubeError) {
                _ = try await client(transport).get(Secret.self, key)
                Issue.record("\(code) \(reason) was no error")
            } catch {
                #expect(error[keyPath: check], "\(code) \(reason)")
                #expect(error.status?.message == "m")
            }
        }
    }

    @Test("a delete tells what finalizers keep, and nothing of what is gone")
    func deleted() async throws {
        let kept =
            #"{"kind":"Secret","metadata":{"name":"a","namespace":"web","deletionTimestamp":"2026-01-01T00:00:00Z"}}"#
        let transport = ScriptedTransport([
            .response(status: 200, body: kept), .response(status: 200, body: #"{"kind":"Status","status":"Success"}"#),
            .response(status: 404, body: refusal(404, "NotFound")),
            .response(status: 200, body: #"{"kind":"Secret","metadata":{"name":7}}"#),
        ])
        let api = client(transport)
        #expect(try await api.delete(Secret.self, key)?.metadata.isBeingDeleted == true)
        for _ in 1...3 { #expect(try await api.delete(Secret.self, key) == nil) }
        #expect(transport.unused == 0)
    }

    @Test("a closed gate lets reads through and no write")
    func gate() async throws {
        let transport = ScriptedTransport([.response(status: 200, body: secret)])
        let fenced = client(transport).guarded(by: ClosedGate())
        _ = try await fenced.get(Secret.self, key)
        await #expect(throws: KubeError.self) { try await fenced.delete(Secret.self, key) }
        #expect(transport.requests.count == 1)
    }

    @Test("a list is read in pages, and begun again when its token has expired")
    func pages() async throws {
        func page(_ name: String, _ token: String) -> ScriptedTransport.Answer {
            .response(
                status: 200,
                body: #"""
                    {"metadata":{"resourceVersion":"9","continue":"\#(token)"},
                     "items":[{"metadata":{"name":"\#(name)","namespace":"n"}},{"metadata":{"name":7}}]}
                    """#)
        }
        let transport = ScriptedTransport([
            page("lost", "t1"), .response(status: 410, body: refusal(410, "Expired")), page("a", "t2"), page("b", ""),
        ])
        let list = try await client(transport).listAll(Secret.self)
        #expect(list.items.map(\.metadata.name) == ["a", "b"])
        #expect(list.malformed.count == 2)
        #expect(list.resourceVersion == "9")
        #expect(transport.requests.last?.url == "https://api.test:6443/api/v1/secrets?limit=500&continue=t2")
    }

    @Test("an object that is nested too deeply takes no other away from its page")
    func tooDeep() async throws {
        let deep = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
        let body = #"""
            {"metadata":{"resourceVersion":"9"},"items":[
             {"metadata":{"name":"a","namespace":"n"}},
             {"metadata":{"name":"b","namespace":"n"},"data":\#(deep)},
             {"metadata":{"name":"c","namespace":"n"}}]}
            """#
        let transport = ScriptedTransport([.response(status: 200, body: body)])
        let list = try await client(transport).listAll(Secret.self)
        #expect(list.items.map(\.metadata.name) == ["a", "c"])
        #expect(
            list.malformed.map { "\($0.key?.name ?? "") \($0.problem)" } == ["b is nested more than 128 levels deep"])
    }

    @Test("a watch puts lines together across chunks, and passes over one that is no event")
    func watch() async throws {
        let transport = ScriptedTransport([
            .stream(
                [
                    #"{"type":"ADDED","obj"#, #"ect":{"metadata":{"name":"a"}}}"# + "\n{broken}\n",
                    #"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7"}}}"# + "\n",
                ], ending: nil)
        ])
        var events: [WatchEvent] = []
        var malformed = 0
        try await client(transport).watch(
            Secret.resource, ListOptions(), from: "1", timeoutSeconds: 10, onMalformed: { _ in malformed += 1 },
            take: { events.append($0) })
        #expect(events == [.added(["metadata": ["name": "a"]]), .bookmark(resourceVersion: "7")])
        #expect(malformed == 1)
    }

    @Test("a watch that is cut ends with an error, and one that is refused with the status")
    func watchErrors() async {
        let transport = ScriptedTransport([
            .stream([#"{"type":"#], ending: .truncated("reset")),
            .response(status: 410, body: refusal(410, "Gone")),
        ])
        let client = client(transport)
        for check in [{ (e: KubeError) in e.status == nil }, { $0.isGone }] {
            do throws(KubeError) {
                try await client.watch(
                    Secret.resource, ListOptions(), from: "1", timeoutSeconds: 10, onMalformed: { _ in }, take: { _ in }
                )
                Issue.record("no error")
            } catch {
                #expect(check(error))
            }
        }
    }

    @Test("a name that is another object's path, or none, is never sent", arguments: ["", ".", ".."])
    func hostileNames(name: String) async {
        let transport = ScriptedTransport([])
        let client = client(transport)
        for key in [
            ObjectKey(namespace: "web", name: name), ObjectKey(namespace: name.isEmpty ? "." : name, name: "a"),
        ] {
            await #expect(throws: KubeError.self) { try await client.delete(Secret.self, key) }
            await #expect(throws: KubeError.self) { try await client.get(Secret.self, key) }
        }
        #expect(transport.requests.isEmpty)
    }

    @Test("a refused credential is asked for again once, and what was shown is named")
    func refusedCredential() async throws {
        let credentials = RotatingCredential(["old", "new"])
        let transport = ScriptedTransport([
            .response(status: 401, body: refusal(401, "Unauthorized")), .response(status: 200, body: secret),
        ])
        _ = try await client(transport, credentials: credentials).get(Secret.self, key)
        #expect(transport.requests.map { $0.headers[.authorization] } == ["Bearer old", "Bearer new"])
        #expect(credentials.refused.withLock { $0 } == ["Bearer old"])
        let hopeless = ScriptedTransport(
            Array(repeating: .response(status: 401, body: refusal(401, "Unauthorized")), count: 5))
        await #expect(throws: KubeError.self) {
            try await client(hopeless, credentials: RotatingCredential(["a", "b", "c"])).get(Secret.self, key)
        }
        #expect(hopeless.requests.count == 2)
    }

    @Test("what the reader of a watch throws ends the watch, and is not taken for a malformed line")
    func watchReaderFails() async {
        let line = #"{"type":"ADDED","object":{"metadata":{"name":"a"}}}"# + "\n"
        let transport = ScriptedTransport([.stream([line, line], ending: nil)])
        var malformed = 0
        var taken = 0
        await #expect(throws: KubeError.self) {
            try await client(transport).watch(
                Secret.resource, ListOptions(), from: "1", timeoutSeconds: 10, onMalformed: { _ in malformed += 1 },
                take: { _ in
                    taken += 1
                    throw WatchEventError.shape
                })
        }
        #expect(taken == 1)
        #expect(malformed == 0)
    }

    @Test("an authorization prints as redacted")
    func redacted() {
        var dumped = ""
        dump(Authorization(header: "Bearer hunter2"), to: &dumped)
        #expect(!dumped.contains("hunter2"))
        #expect(!"\(Authorization(header: "Bearer hunter2"))".contains("hunter2"))
    }
}

/// Gives the next token once the last was refused.
private final class RotatingCredential: CredentialSource {
    private let tokens: Mutex<[String]>
    let refused = Mutex<[String]>([])

    init(_ tokens: [String]) { self.tokens = Mutex(tokens) }

    func authorization() async throws(KubeError) -> Authorization {
        Authorization(header: tokens.withLock { $0.first.map { "Bearer \($0)" } })
    }

    func wasRefused(_ authorization: Authorization) async -> Bool {
        refused.withLock { $0.append(authorization.header ?? "") }
        tokens.withLock { _ = $0.removeFirst() }
        return true
    }
}
