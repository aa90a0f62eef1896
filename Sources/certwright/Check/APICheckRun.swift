import CurlTransport
import Diagnosis
import HTTPTransport
import KubeClient
import Operations
import Wire

/// Asks the API server again and again whether the API can be used.
struct APICheckRun {
    let flags: CheckAPICommand

    /// Whether the API was ready in time; `say` is told what is waited for as that changes, and how it ended.
    func run(_ say: (String) -> Void) async throws -> Bool {
        ProcessSettings.apply()
        let configuration = try flags.connection.configuration()
        let transport = CurlTransport(flags.connection.transportOptions)
        let client = KubeClient(
            configuration: configuration, transport: transport, fieldManager: "certwright-check",
            userAgent: Version.userAgent, retries: RetryPolicy(tries: 1))
        let probe = APIProbe(
            client: client, namespace: flags.namespace ?? ProcessSettings.podNamespace ?? configuration.namespace,
            goodRequest: try await APIProbe.signingRequest())
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await transport.run() }
            defer { transport.shutDown() }
            return try await wait(for: probe, say)
        }
    }

    private func wait(for probe: APIProbe, _ say: (String) -> Void) async throws -> Bool {
        let time = SystemTime()
        let end = time.elapsed() + flags.wait.duration
        var said: String?
        while let missing = await probe.missing() {
            let left = end - time.elapsed()
            guard left > .zero else {
                say("Not ready: \(missing)")
                return false
            }
            if missing != said || flags.isVerbose { say("Waiting: \(missing)") }
            said = missing
            try await time.sleep(for: min(flags.interval.duration, left))
        }
        say("The API is ready.")
        return true
    }
}
