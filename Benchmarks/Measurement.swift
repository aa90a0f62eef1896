import HTTPTransport
import HTTPTypes
import Wire

/// Watches the controller's processor time and API requests until both rest.
struct QuietWait {
    let pid: Int32
    /// Quiet is no request and under this share of one core, for `span`.
    let coreShare = 0.03
    let span = Duration.seconds(5)
    let timeout: Duration

    struct Outcome {
        /// When the quiet span began.
        var quietSince: ContinuousClock.Instant
        var cpuSeconds: Double
    }

    /// Reads `audit` as it goes. Throws when the process ends or the time is up.
    func run(_ audit: inout AuditLog) async throws -> Outcome {
        let deadline = ContinuousClock.now + timeout
        var quietSince = ContinuousClock.now
        var cpuAtQuiet = try cpu()
        while true {
            try await Task.sleep(for: .milliseconds(250))
            let now = ContinuousClock.now
            let cpu = try cpu()
            let requested = audit.read() > 0
            let share = (cpu - cpuAtQuiet) / max((now - quietSince).seconds, 0.25)
            if requested || share > coreShare {
                quietSince = now
                cpuAtQuiet = cpu
            } else if now - quietSince >= span {
                return Outcome(quietSince: quietSince, cpuSeconds: cpu)
            }
            guard now < deadline else { throw BenchmarkError.timeout("the controller to be quiet") }
        }
    }

    private func cpu() throws -> Double {
        guard let reading = ProcessReading.of(pid) else { throw BenchmarkError.timeout("process \(pid): it has ended") }
        return reading.cpuSeconds
    }
}

/// The controller's own count of what it asked of ACME servers, from `/metrics`.
enum ACMECount {
    static func read(_ transport: any HTTPTransport, metricsURL: String) async -> Double? {
        guard let response = try? await transport.send(TransportRequest(url: metricsURL)) else { return nil }
        let text = String(decoding: response.body, as: UTF8.self)
        var total = 0.0
        for line in text.split(separator: "\n")
        where line.hasPrefix("certmanager_http_acme_client_request_count{")
            || line.hasPrefix("certmanager_http_acme_client_request_count ")
        {
            if let value = line.split(separator: " ").last.flatMap({ Double($0) }) { total += value }
        }
        return total
    }

    /// Waits until `/livez` or `/readyz` answers 200; the time it took.
    static func awaitHealthy(_ transport: any HTTPTransport, url: String, timeout: Duration) async throws -> Duration {
        let start = ContinuousClock.now
        while ContinuousClock.now - start < timeout {
            if let response = try? await transport.send(TransportRequest(url: url)), response.head.status.code == 200 {
                return ContinuousClock.now - start
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw BenchmarkError.timeout("\(url) to answer 200")
    }
}
