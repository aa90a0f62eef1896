import ArgumentParser
import KubeClient
import KubeModel
import Wire

/// As much of a Challenge as the driver needs: whether it is waited for.
struct LoadChallenge: KubeObject {
    static let resource = ResourceType(
        group: "acme.cert-manager.io", version: "v1", kind: "Challenge", plural: "challenges", isNamespaced: true)

    var metadata: ObjectMeta
    var spec: JSONValue?
}

struct Open: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "open",
        abstract: "Creates Certificates whose names nobody can prove, and measures what their open Challenges cost.")

    @OptionGroup var common: CommonOptions
    @Option(help: "How many Certificates, of one name each.") var count = 500
    @Option(help: "An issuer whose challenges are never answered.") var issuer = "bench-open"
    @Option(help: "The DNS zone of the names.") var zone = "nowhere.example"
    @Option(help: "How long they are left open, in seconds.") var seconds = 60

    func run() async throws {
        try await Bench.run(common) { bench in
            let (process, _) = try await bench.start()
            defer { process.stop() }
            var audit = AuditLog(path: common.audit, user: common.user)
            _ = try await QuietWait(pid: process.pid, timeout: common.timeout).run(&audit)
            let before = try bench.reading(process)
            try await openAll(bench)
            // The first minute of looking, in which each has its turn.
            try await Task.sleep(for: .seconds(seconds))
            let settled = try bench.reading(process)
            try await Task.sleep(for: .seconds(30))
            let after = try bench.reading(process)
            var report = Report()
            report.add("open challenges", "\(count)")
            bench.addUsage(after, to: &report)
            let grown = Double(after.anonymousKiB - before.anonymousKiB) / Double(count)
            report.add("anonymous memory a challenge, Certificate to Challenge", "\(grown, digits: 1) KiB")
            report.add("CPU while they are open", "\((after.cpuSeconds - settled.cpuSeconds) / 30 * 100, digits: 1) %")
            return report
        }
    }

    private func openAll(_ bench: Bench) async throws {
        let (client, choice) = (bench.client, IssuerChoice(name: issuer, kind: "ClusterIssuer"))
        let load = LoadRun(
            client: client, count: count, namespaces: 1, concurrency: 8, timeout: common.timeout,
            progress: Progress { _ in false }
        ) { _, _ in }
        try await load.makeNamespaces()
        for number in 0..<count {
            try await client.sendUnread(
                .create(LoadCertificate(number: number, namespace: "bench-0", issuer: choice, zone: zone)))
        }
        let deadline = ContinuousClock.now + common.timeout
        while try await client.listAll(LoadChallenge.self, ListOptions(metadataOnly: true)).items.count < count {
            guard ContinuousClock.now < deadline else { throw BenchmarkError.timeout("\(count) Challenges") }
            try await Task.sleep(for: .milliseconds(500))
        }
    }
}
