import ArgumentParser
import KubeClient
import KubeModel
import Wire

/// Many certificates of ten different specs, each changed once.
struct Change: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Creates Certificates of ten specs, changes each once, and measures until every change has settled.")

    @OptionGroup var common: CommonOptions
    @Option(help: "How many Certificates.") var count = 10_000
    @Option(help: "Over how many namespaces.") var namespaces = 20
    @Option(help: "The ClusterIssuer with a CA.") var caIssuer = "bench-ca"
    @Option(help: "The ClusterIssuer that lets certificates sign themselves.") var selfSignedIssuer = "bench-selfsigned"
    @Option(help: "Requests of the driver at once.") var concurrency = 8

    func run() async throws {
        try await Bench.run(common) { bench in
            let (process, _) = try await bench.start()
            defer { process.stop() }
            let client = bench.client
            let create = load(client, Progress { $0.isReady }) { try await client.sendUnread(.create($0)) }
            try await create.makeNamespaces()
            try await create.run()
            return try await measure(bench, process)
        }
    }

    private func measure(_ bench: Bench, _ process: ControllerProcess) async throws -> Report {
        let client = bench.client
        var audit = AuditLog(path: common.audit, user: common.user)
        let wait = QuietWait(pid: process.pid, timeout: common.timeout)
        _ = try await wait.run(&audit)
        audit.restart()
        let before = try bench.reading(process)
        let change = load(client, Progress { $0.hasSettledChange }) { certificate in
            let patch: JSONValue = ["spec": Specs.changed(certificate.spec)]
            try await client.sendUnread(.mergePatch(LoadCertificate.resource, certificate.key, patch))
        }
        try await change.run()
        let atEnd = try bench.reading(process)
        let quiet = try await wait.run(&audit)

        var report = Report()
        let result = change.progress.result
        report.add("certificates", "\(count) of \(Specs.count) specs, \(namespaces) namespace(s)")
        report.add("first change to last settled", seconds: result.firstToLast)
        report.add(
            "time to settle p50 / p99",
            "\(result.times.percentile(0.5).secondsText) / \(result.times.percentile(0.99).secondsText) s")
        report.add(
            "CPU to settled / to quiet",
            """
            \(atEnd.cpuSeconds - before.cpuSeconds, digits: 2) / \
            \(quiet.cpuSeconds - before.cpuSeconds, digits: 2) s
            """)
        bench.addUsage(try bench.reading(process), to: &report)
        report.add("API writes a change, events apart", "\(Double(audit.writes) / Double(count), digits: 2)")
        report.add("events a change", "\(Double(audit.eventWrites) / Double(count), digits: 2)")
        report.add("API requests a change", audit.requests, per: count)
        return report
    }

    /// One request, `send`, for each certificate.
    private func load(
        _ client: KubeClient, _ progress: Progress, _ send: @escaping @Sendable (LoadCertificate) async throws -> Void
    ) -> LoadRun {
        LoadRun(
            client: client, count: count, namespaces: namespaces, concurrency: concurrency, timeout: common.timeout,
            progress: progress
        ) { [namespaces, caIssuer, selfSignedIssuer] number, progress in
            let issuer = number % 2 == 0 ? caIssuer : selfSignedIssuer
            let name = "change-\(number)"
            let certificate = LoadCertificate(
                name: name, namespace: "bench-\(number % namespaces)",
                spec: Specs.spec(number % Specs.count, name: name, issuer: issuer))
            progress.start(certificate.key)
            try await send(certificate)
        }
    }
}

/// The ten specs, half of them for each issuer.
private enum Specs {
    static let count = 10

    static func spec(_ variant: Int, name: String, issuer: String) -> JSONValue {
        var spec: JSONValue = [
            "secretName": .string(name), "dnsNames": [.string("\(name).bench.example")],
            "privateKey": ["algorithm": "ECDSA", "size": .integer(variant < 8 ? 256 : 384)],
            "issuerRef": ["name": .string(issuer), "kind": "ClusterIssuer"],
        ]
        switch variant / 2 {
        case 1: spec["commonName"] = .string("\(name).bench.example")
        case 2: spec["ipAddresses"] = ["192.0.2.7", "2001:db8::7"]
        case 3:
            spec["usages"] = ["digital signature", "server auth", "client auth"]
            spec["duration"] = "720h"
        default: break
        }
        return spec
    }

    /// The members that change: the names, whatever else the spec has.
    static func changed(_ spec: JSONValue) -> JSONValue {
        let names = spec["dnsNames"]?.arrayValue ?? []
        return ["dnsNames": .array(names + ["changed.bench.example"])]
    }
}
