import HTTPTransport
import KubeClient
import KubeModel
import Logging
import Synchronization
import TestSupport
import Testing
import Wire

@testable import KubeRuntime

@Suite("LeaderElection", .timeLimit(.minutes(5)))
struct LeaderElectionTests {
    let clock = ManualClock()

    func election(_ transport: ScriptedTransport) -> LeaderElection {
        LeaderElection(
            client: scriptedClient(transport, time: clock),
            lease: ObjectKey(namespace: "kube-system", name: "certwright"),
            identity: "me", time: clock, logger: .silent)
    }
    func lease(_ holder: String, version: Int) -> ScriptedTransport.Answer {
        .response(
            status: 200,
            body:
                #"{"metadata":{"name":"certwright","namespace":"kube-system","resourceVersion":"\#(version)"},"spec":{"holderIdentity":"\#(holder)","leaseDurationSeconds":60,"leaseTransitions":3}}"#
        )
    }
    func refusal(_ code: Int) -> ScriptedTransport.Answer {
        let reason = code == 404 ? "NotFound" : "Other"
        return .response(
            status: code, body: #"{"kind":"Status","status":"Failure","reason":"\#(reason)","code":\#(code)}"#)
    }
    func methods(_ transport: ScriptedTransport) -> [String] { transport.requests.map { "\($0.method)" } }

    @Test("creates the Lease, works, renews, and gives it up when the work has ended")
    func wholeLife() async throws {
        let transport = ScriptedTransport([
            refusal(404), lease("me", version: 1), lease("me", version: 2), lease("", version: 3),
        ])
        let election = election(transport)
        #expect(throws: KubeError.self) { try election.check() }
        let release = Signal()
        let run = Task {
            try await election.run {
                try election.check()
                await release.wait()
            }
        }
        try await until("it leads") { election.isLeading }
        await clock.waitForSleepers()
        clock.advance(by: .seconds(15))
        try await until("the lease is renewed") { election.timeSinceRenewal == .zero }
        release.raise()
        try await run.value
        #expect(methods(transport) == ["GET", "POST", "PATCH", "PATCH"])
        let bodies = try transport.requests.compactMap(\.body).map { try JSONValue(parsing: $0) }
        #expect(
            bodies == [
                [
                    "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                    "metadata": ["name": "certwright", "namespace": "kube-system"],
                    "spec": [
                        "holderIdentity": "me", "leaseDurationSeconds": 60, "leaseTransitions": 0,
                        "acquireTime": "2026-01-01T00:00:00.000000Z", "renewTime": "2026-01-01T00:00:00.000000Z",
                    ],
                ],
                [
                    "metadata": ["resourceVersion": "1"],
                    "spec": [
                        "holderIdentity": "me", "leaseDurationSeconds": 60, "leaseTransitions": 3,
                        "renewTime": "2026-01-01T00:00:15.000000Z",
                    ],
                ],
                [
                    "metadata": ["resourceVersion": "2"],
                    "spec": [
                        "holderIdentity": "", "leaseDurationSeconds": 1, "leaseTransitions": 3,
                        "acquireTime": "2026-01-01T00:00:15.000000Z", "renewTime": "2026-01-01T00:00:15.000000Z",
                    ],
                ],
            ])
        #expect(throws: KubeError.self) { try election.check() }
    }

    @Test("a lease that cannot be renewed closes the gate, cancels the work and ends with LeaseLost")
    func loses() async throws {
        let transport = ScriptedTransport([lease("", version: 1), lease("me", version: 2)])
        let election = election(transport)
        let (clock, wasCancelled) = (clock, Latch())
        let run = Task {
            try await election.run {
                do {
                    try await clock.sleep(for: .seconds(100_000))
                } catch {
                    #expect(throws: KubeError.self) { try election.check() }
                    wasCancelled.open()
                }
            }
        }
        await clock.waitForSleepers(2)
        clock.advance(by: .milliseconds(39_999))
        #expect(election.isLeading)
        #expect(throws: Never.self) { try election.check() }
        clock.advance(by: .milliseconds(1))
        #expect(!election.isLeading, "the gate closes by the clock alone")
        try await until("the work is cancelled") {
            clock.advance(by: .milliseconds(500))
            return wasCancelled.isOpen
        }
        await #expect(throws: LeaseLost.self) { try await run.value }
        #expect(!methods(transport).isEmpty)
    }

    @Test("cancelling keeps the lease until the work has ended, and then gives it up")
    func cancelled() async throws {
        let transport = ScriptedTransport([
            lease("", version: 1), lease("me", version: 2), lease("me", version: 3), lease("", version: 4),
        ])
        let election = election(transport)
        let release = Signal()
        let run = Task {
            try await election.run {
                // Winding down, deaf to cancellation, like a controller loop in its grace period.
                await Task { await release.wait() }.value
            }
        }
        try await until("it leads") { election.isLeading }
        await clock.waitForSleepers()
        run.cancel()
        clock.advance(by: .seconds(15))
        try await until("the lease is renewed while winding down") { election.timeSinceRenewal == .zero }
        release.raise()
        try await run.value
        #expect(methods(transport) == ["GET", "PATCH", "PATCH", "PATCH"])
    }

    @Test("a standby waits for the holder, and wakes when the watch shows a change")
    func standby() async throws {
        let transport = ScriptedTransport([
            lease("other", version: 1),
            .stream(
                [#"{"type":"MODIFIED","object":{"metadata":{"name":"certwright","resourceVersion":"2"}}}"# + "\n"],
                ending: nil),
            lease("", version: 2), lease("me", version: 3), lease("", version: 4),
        ])
        try await election(transport).run {}
        #expect(methods(transport) == ["GET", "GET", "GET", "PATCH", "PATCH"])
        #expect(transport.requests[1].url.contains("fieldSelector=metadata.name%3Dcertwright"))
        #expect(clock.elapsed() == .zero)
    }

    @Test("a standby that is cancelled gives up a lease that it may have got without knowing")
    func cancelledStandby() async throws {
        let transport = ScriptedTransport([
            lease("", version: 1), .failure(.truncated("reset")), .stream([], ending: nil), lease("me", version: 2),
            lease("", version: 3),
        ])
        let election = election(transport)
        let run = Task { try await election.run { Issue.record("it never led") } }
        try await until("the standby waits") { transport.requests.count >= 3 }
        await clock.waitForSleepers(2)
        run.cancel()
        try await run.value
        #expect(methods(transport) == ["GET", "PATCH", "GET", "GET", "PATCH"])
    }

    @Test("what the work throws comes out, after the lease is given up")
    func workFails() async throws {
        struct Broken: Error {}
        let transport = ScriptedTransport([lease("", version: 1), lease("me", version: 2), lease("", version: 3)])
        await #expect(throws: Broken.self) { try await election(transport).run { throw Broken() } }
        #expect(methods(transport) == ["GET", "PATCH", "PATCH"])
    }
}
