import HTTPTransport
import HTTPTypes
import KubeClient
import KubeModel
import Logging
import Synchronization
import TestSupport
import Testing
import Wire

@testable import KubeRuntime

@Suite("EventRecorder", .timeLimit(.minutes(5)))
struct EventRecorderTests {
    let clock = ManualClock()
    let counters = Counters()
    let object = ObjectReference(
        apiVersion: "cert-manager.io/v1", kind: "Certificate", namespace: "ns", name: "web", uid: "u1")

    func recorder(_ transport: ScriptedTransport) -> EventRecorder {
        EventRecorder(
            client: scriptedClient(transport, time: clock), time: clock, counters: counters, logger: .silent,
            priority: .medium)
    }
    func bodies(_ transport: ScriptedTransport) throws -> [JSONValue] {
        try transport.requests.map { try JSONValue(parsing: $0.body ?? []) }
    }

    @Test("what the filter leaves out is never queued")
    func filter() async throws {
        let transport = ScriptedTransport([.response(status: 201, body: "{}")])
        let recorder = EventRecorder(
            client: scriptedClient(transport, time: clock), time: clock, counters: counters, logger: .silent,
            leavesOut: { kind, reason, component in kind == .normal && reason == "Dull" && component == "x" })
        recorder.record(.normal, reason: "Dull", message: "It is as it was.", on: object, component: "x")
        recorder.record(.warning, reason: "Dull", message: "It is not.", on: object, component: "x")
        let run = Task { try await recorder.run() }
        try await until("one Event is sent") { counters.counter(.eventSentCount, of: "events").value >= 1 }
        run.cancel()
        try await run.value
        #expect(try bodies(transport).map { $0["type"]?.stringValue } == ["Warning"])
    }

    @Test("writes an Event that kubectl describe shows, then counts on by a patch")
    func writes() async throws {
        let transport = ScriptedTransport([.response(status: 201, body: "{}"), .response(status: 200, body: "{}")])
        let recorder = recorder(transport)
        recorder.record(.warning, reason: "Failed", message: "No.", on: object, component: "cert-manager-x")
        let run = Task { try await recorder.run() }
        try await until("one Event is sent") { counters.counter(.eventSentCount, of: "events").value >= 1 }
        clock.advance(by: .seconds(60))
        recorder.record(.warning, reason: "Failed", message: "No.", on: object, component: "cert-manager-x")
        try await until("two Events are sent") { counters.counter(.eventSentCount, of: "events").value >= 2 }
        run.cancel()
        try await run.value

        let name = try #require(try bodies(transport).first?["metadata"]?["name"]?.stringValue)
        #expect(transport.requests.map(\.method) == [.post, .patch])
        #expect(
            transport.requests.map(\.url) == [
                "https://api.test/api/v1/namespaces/ns/events?fieldManager=certwright",
                "https://api.test/api/v1/namespaces/ns/events/\(name)?fieldManager=certwright",
            ])
        #expect(
            try bodies(transport) == [
                [
                    "apiVersion": "v1", "kind": "Event", "metadata": ["name": .string(name), "namespace": "ns"],
                    "involvedObject": [
                        "apiVersion": "cert-manager.io/v1", "kind": "Certificate", "namespace": "ns", "name": "web",
                        "uid": "u1",
                    ],
                    "reason": "Failed", "message": "No.", "type": "Warning",
                    "source": ["component": "cert-manager-x"], "reportingComponent": "cert-manager-x",
                    "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:00Z", "count": 1,
                ],
                ["count": 2, "lastTimestamp": "2026-01-01T00:01:00Z"],
            ])
    }

    @Test("holds events while the controller is busy, and sends them when it is not")
    func holds() async throws {
        let transport = ScriptedTransport([.response(status: 201, body: "{}")])
        let recorder = recorder(transport)
        let isBusy = Mutex(true)
        recorder.holdWhile { isBusy.withLock { $0 } }
        recorder.record(.normal, reason: "Issued", message: "Done.", on: object, component: "c")
        let run = Task { try await recorder.run() }
        for _ in 0..<3 {
            await clock.waitForSleepers()
            #expect(transport.requests.isEmpty)
            clock.advance(by: .milliseconds(200))
        }
        isBusy.withLock { $0 = false }
        await clock.waitForSleepers()
        clock.advance(by: .milliseconds(200))
        try await until("one Event is sent") { counters.counter(.eventSentCount, of: "events").value >= 1 }
        run.cancel()
        try await run.value
    }

    @Test("sends what is left when it is cancelled, even while busy")
    func flushes() async throws {
        let transport = ScriptedTransport(Array(repeating: .response(status: 201, body: "{}"), count: 20))
        let recorder = recorder(transport)
        recorder.holdWhile { true }
        for i in 0..<20 { recorder.record(.normal, reason: "Issued", message: "\(i)", on: object, component: "c") }
        let run = Task { try await recorder.run() }
        run.cancel()
        try await run.value
        #expect(counters.counter(.eventSentCount, of: "events").value == 20)
    }

    @Test("gives up flushing when the limit has passed")
    func flushLimit() async throws {
        let recorder = recorder(ScriptedTransport(Array(repeating: .failure(.connect("down")), count: 10)))
        recorder.record(.normal, reason: "Issued", message: "Done.", on: object, component: "c")
        let run = Task { try await recorder.run() }
        run.cancel()
        var passed = Duration.zero
        while passed < .seconds(5) {
            await clock.waitForSleepers()
            clock.advance(by: .seconds(1))
            passed += .seconds(1)
        }
        try await run.value
        #expect(counters.counter(.eventSentCount, of: "events").value == 0)
    }

    @Test("messages are cut at 1024 bytes, between characters", arguments: ["é", "a", "👩‍👩‍👧"])
    func cut(character: String) {
        let text = String(repeating: character, count: 2_000).cut(toBytes: 1024)
        #expect(text.utf8.count <= 1024 && text.utf8.count > 990)
        #expect(text.hasSuffix(character + "…"))
        #expect("short".cut(toBytes: 1024) == "short")
    }
}
