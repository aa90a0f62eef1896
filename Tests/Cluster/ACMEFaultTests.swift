import CertificateAPI
import HTTPTransport
import HTTPTypes
import KubeClient
import KubeModel
import Synchronization
import TestSupport
import Testing
import Wire

/// What was asked of an ACME server, by the first part of the path: Pebble has one for each kind of request.
private final class Tally: Sendable {
    private let counts = Mutex<[String: Int]>([:])

    /// Counts the request; answers its kind and how often that has been asked for now.
    func add(_ request: TransportRequest) -> (kind: String, count: Int) {
        let path = request.url.split(separator: "/", omittingEmptySubsequences: true).dropFirst(2)
        let kind = path.first.map { String($0.prefix { $0 != "?" }) } ?? ""
        let count = counts.withLock { counts in
            counts[kind, default: 0] += 1
            return counts[kind, default: 0]
        }
        return (kind, count)
    }

    subscript(_ kind: String) -> Int { counts.withLock { $0[kind] ?? 0 } }
    var total: Int { counts.withLock { $0.values.reduce(0, +) } }
    var kinds: Set<String> { counts.withLock { Set($0.keys) } }
    var description: String { counts.withLock { "\($0)" } }
}

/// The ways in which a server answers badly.
enum ServerFault: String, Sendable, CaseIterable {
    case error500, page503, garbage, html, busyForSeconds, busyUntilDate, timeout, reset, answerLost, answerCut

    func fault(now: Timestamp) -> FaultyTransport.Fault {
        let problem = #"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many"}"#
        switch self {
        case .error500: return answer(500, #"{"type":"urn:ietf:params:acme:error:serverInternal"}"#)
        case .page503: return answer(503, "<html>Be back soon</html>")
        case .garbage: return answer(200, "{{{")
        case .html: return answer(200, "<html>Log in to the hotel's network</html>")
        case .busyForSeconds: return answer(429, problem, retryAfter: "9")
        case .busyUntilDate: return answer(429, problem, retryAfter: (now + .seconds(9)).httpDate)
        case .timeout: return .fail(.timeout)
        case .reset: return .fail(.truncated("reset by the test"))
        case .answerLost: return .loseAnswer(.truncated("lost by the test"))
        case .answerCut: return .cut(afterBytes: 1)
        }
    }

    private func answer(_ status: Int, _ body: String, retryAfter: String? = nil) -> FaultyTransport.Fault {
        var headers = HTTPFields()
        headers[.retryAfter] = retryAfter
        return .answer(
            Response(head: ResponseHead(status: .init(code: status), headers: headers), body: Array(body.utf8)))
    }
}

@Suite(
    "the whole program and an ACME server on a bad day",
    .enabled(if: Cluster.isAvailable && Pebble.isInstalled(), "\(Cluster.hint)"))
struct ACMEFaultTests {
    /// Waits of a minute take two seconds.
    private let time = HurriedTime(times: 30)
    private let tally = Tally()

    private func run(
        _ options: Pebble.Options = Pebble.Options(), validates: Bool = false, time: HurriedTime? = nil,
        flags: [String] = [], watching: @escaping @Sendable (TransportRequest) -> Void = { _ in },
        plan: @escaping @Sendable (_ kind: String, _ count: Int) -> FaultyTransport.Fault?,
        _ body: @escaping @Sendable (Cluster) async throws -> Void
    ) async throws {
        var options = options
        options.validatesNothing = !validates
        try await Pebble.run(options, over: Cluster.engine) { pebble in
            let outside = FaultyTransport(
                Cluster.engine,
                plan: { [tally] request in
                    let (kind, count) = tally.add(request)
                    return plan(kind, count)
                })
            let issuer = Manifests.acmeIssuer(pebble, solver: Manifests.blindHTTP01)
            try await Cluster.withNamespace { cluster in
                try await cluster.apply(issuer)
                let life = ProgramLife(flags: flags, outside: outside, time: time ?? self.time)
                let inside = FaultyTransport(
                    cluster.transport,
                    plan: { request in
                        watching(request)
                        return nil
                    })
                try await life.live(in: cluster, over: inside) { try await body(cluster) }
            }
        }
    }

    private func issue(_ name: String = "site", in cluster: Cluster) async throws {
        try await cluster.apply(Manifests.certificate(name, issuer: "acme", names: "\(name).example"))
        try await cluster.eventually("\(name) is issued; asked so far: \(tally.description)", within: .seconds(90)) {
            try await cluster.isDone(name)
        }
    }

    @Test("every request meets a fault once, and the certificate comes", arguments: ServerFault.allCases)
    func eachOnce(_ fault: ServerFault) async throws {
        var options = Pebble.Options()
        options.refusedNoncesPercent = 0
        options.reusedAuthorizationsPercent = 0
        try await run(options, plan: { [time] _, count in count == 1 ? fault.fault(now: time.now()) : nil }) {
            cluster in
            try await self.issue(in: cluster)
            // Directory, nonces, account, order, authorization, challenge, finalizing, looking, certificate. Where the
            // order may have been made, the account and its list of orders are read too.
            let search: Set = ["my-account", "list-orderz"]
            #expect(self.tally.kinds.subtracting(search).count == 9, "\(self.tally.description)")
            #expect(self.tally["order-plz"] <= 2, "\(self.tally.description)")
            #expect(self.tally.total < 45, "\(self.tally.description)")
        }
    }

    @Test("half of all nonces are refused, half of all authorizations reused, every answer takes its time")
    func pebbleAtItsWorst() async throws {
        try await run(plan: { _, _ in .delay(.milliseconds(100)) }) { cluster in
            for name in ["one", "two", "three", "four"] {
                try await cluster.apply(Manifests.certificate(name, issuer: "acme", names: "same.example"))
            }
            for name in ["one", "two", "three", "four"] {
                try await cluster.eventually("\(name) is issued", within: .seconds(90)) {
                    try await cluster.isDone(name)
                }
            }
            #expect(self.tally.total < 300, "\(self.tally.description)")
        }
    }

    @Test("a server that is down for ten minutes hears of it a few times, and then issues")
    func down() async throws {
        let isDown = Mutex(false)
        let countWhileDown = Mutex(0)
        try await run(plan: { [time] _, _ in
            guard isDown.withLock({ $0 }) else { return nil }
            countWhileDown.withLock { $0 += 1 }
            return ServerFault.error500.fault(now: time.now())
        }) { cluster in
            try await self.issue("before", in: cluster)
            isDown.withLock { $0 = true }
            try await cluster.apply(Manifests.certificate("after", issuer: "acme", names: "after.example"))
            try await Task.sleep(for: .seconds(20))
            isDown.withLock { $0 = false }
            // 5 s, doubling: 5, 15, 35, 75, 155, 315, 635 s after the first.
            #expect((2...9).contains(countWhileDown.withLock { $0 }), "\(countWhileDown.withLock { $0 })")
            try await self.issue("after", in: cluster)
        }
    }

    @Test("a server that is busy for two minutes is left alone for two minutes, and the wait is told")
    func busy() async throws {
        let times = Mutex<[Timestamp]>([])
        let isTold = Mutex(false)
        try await run(
            watching: { request in
                guard request.url.contains("/orders/"), let body = request.body else { return }
                let text = String(decoding: body, as: UTF8.self)
                if text.contains("next attempt at") { isTold.withLock { $0 = true } }
            },
            plan: { [time] kind, count in
                guard kind == "order-plz" else { return nil }
                times.withLock { $0.append(time.now()) }
                return count == 1 ? Self.busyForTwoMinutes : nil
            }
        ) { cluster in
            try await self.issue(in: cluster)
            #expect(isTold.withLock { $0 })
            let asked = times.withLock { $0 }
            // A refused nonce is another request, and says nothing of haste.
            let waited = try #require(asked.dropFirst().first) - (try #require(asked.first))
            #expect(waited >= .seconds(119), "\(waited)")
        }
    }

    private static let busyForTwoMinutes: FaultyTransport.Fault = {
        var headers = HTTPFields()
        headers[.retryAfter] = "120"
        let problem = #"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many"}"#
        return .answer(
            Response(head: ResponseHead(status: .tooManyRequests, headers: headers), body: Array(problem.utf8)))
    }()

    @Test("names that cannot be proved cost one order each, however long one waits")
    func refusedNames() async throws {
        var options = Pebble.Options()
        options.refusedNoncesPercent = 0
        // The next order is a year away, so that no slow machine gets there; half an hour passes in six seconds.
        let flags = [
            "--certificate-request-minimum-backoff-duration=8760h",
            "--certificate-request-maximum-backoff-duration=8760h",
        ]
        try await run(
            options, validates: true, time: HurriedTime(times: 300), flags: flags, plan: { _, _ in nil }
        ) { cluster in
            for number in 1...3 {
                try await cluster.apply(
                    Manifests.certificate("bad\(number)", issuer: "acme", names: "bad\(number).example"))
            }
            for number in 1...3 {
                try await cluster.eventually("bad\(number) has failed", within: .seconds(60)) {
                    let status = try await cluster.certificateStatus("bad\(number)")
                    let isTidy = try await cluster.isTidy()
                    return status?.failedIssuanceAttempts == 1 && isTidy
                }
            }
            let before = self.tally.total
            try await Task.sleep(for: .seconds(6))
            #expect(self.tally.total == before, "\(self.tally.description)")
            #expect(self.tally["order-plz"] == 3)
        }
    }
}
