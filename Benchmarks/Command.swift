import ArgumentParser
import CurlTransport
import HTTPTransport
import KubeClient
import KubeModel
import Logging
import Wire

@main
struct Benchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certwright-bench",
        abstract: "Loads a controller with Certificates on a real API server and measures it.",
        discussion: "scripts/bench starts the cluster, the issuers and their servers, and calls this.",
        subcommands: [Issue.self, Change.self, Restart.self, Idle.self, Webhook.self, Open.self, Floor.self])
}

struct CommonOptions: ParsableArguments {
    @Option(help: "A cluster-admin's kubeconfig, for the driver itself.")
    var kubeconfig: String

    @Option(help: "The controller's command line; it is started, measured and stopped.")
    var controller: String

    @Option(help: "Where the controller's log goes.")
    var log = "controller.log"

    @Option(help: "The API server's audit log (level Metadata, JSON lines).")
    var audit: String

    @Option(help: "The user in the audit log that is the controller.")
    var user: String

    @Option(help: "The controller's health address.")
    var health = "http://127.0.0.1:9403/readyz"

    @Option(help: "The controller's metrics address.")
    var metrics = "http://127.0.0.1:9402/metrics"

    @Option(help: "How long a run may take, in seconds.")
    var timeoutSeconds = 600

    @Flag(help: "Print one JSON object instead of a table.")
    var json = false

    var timeout: Duration { .seconds(timeoutSeconds) }
}

/// What every run needs: the API, a transport for health and metrics, and the engine that runs them.
struct Bench {
    let options: CommonOptions
    let transport: CurlTransport
    let client: KubeClient

    static func run(_ options: CommonOptions, _ body: (Bench) async throws -> Report) async throws {
        let transport = CurlTransport(.init(userAgent: "certwright-bench"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await transport.run() }
            let configuration = try ClusterConfiguration.load(kubeconfig: options.kubeconfig, environment: { _ in nil })
            let client = KubeClient(configuration: configuration, transport: transport, userAgent: "certwright-bench")
            let report = try await body(Bench(options: options, transport: transport, client: client))
            print(options.json ? report.json : report.text)
            group.cancelAll()
        }
    }

    /// Starts the controller and waits until it says it is ready.
    func start() async throws -> (ControllerProcess, readyAfter: Duration) {
        let process = try ControllerProcess(command: options.controller, logPath: options.log)
        let time = try await ACMECount.awaitHealthy(transport, url: options.health, timeout: .seconds(30))
        return (process, time)
    }

    func reading(_ process: ControllerProcess) throws -> ProcessReading {
        guard let reading = ProcessReading.of(process.pid) else {
            throw BenchmarkError.timeout("the controller: it has ended, see \(options.log)")
        }
        return reading
    }

    func addUsage(_ reading: ProcessReading, to report: inout Report) {
        report.add("resident memory", "\(Double(reading.residentKiB) / 1024, digits: 1) MiB")
        report.add("of it anonymous", "\(Double(reading.anonymousKiB) / 1024, digits: 1) MiB")
        report.add("peak memory", "\(Double(reading.peakKiB) / 1024, digits: 1) MiB")
    }
}

struct Issue: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Creates Certificates and measures until all are Ready and the controller is quiet.")

    @OptionGroup var common: CommonOptions
    @Option(help: "How many Certificates.") var count = 1000
    @Option(help: "Over how many namespaces.") var namespaces = 1
    @Option(help: "The issuer's name.") var issuer = "bench-ca"
    @Option(help: "The issuer's kind.") var kind = "ClusterIssuer"
    @Option(help: "The DNS zone of the names.") var zone = "bench.example"
    @Option(help: "Create requests at once.") var concurrency = 8
    @Flag(help: "Ask for the wildcard of each name as well.") var wildcards = false
    @Flag(help: "Wait, too, until the CA was asked when to renew each, so that this is counted (RFC 9773).")
    var renewalTimes = false

    func run() async throws {
        try await Bench.run(common) { bench in
            let rate = try await WriteRate.measure(bench.client, concurrency: concurrency)
            let (process, _) = try await bench.start()
            defer { process.stop() }
            return try await measure(bench, process, writeRate: rate)
        }
    }

    private func measure(_ bench: Bench, _ process: ControllerProcess, writeRate: Double) async throws -> Report {
        let (client, choice) = (bench.client, IssuerChoice(name: issuer, kind: kind))
        let load = LoadRun(
            client: client, count: count, namespaces: namespaces, concurrency: concurrency, timeout: common.timeout,
            progress: Progress { $0.isReady }
        ) { [zone, namespaces, wildcards] number, progress in
            let certificate = LoadCertificate(
                number: number, namespace: "bench-\(number % namespaces)", issuer: choice, zone: zone,
                withWildcard: wildcards)
            progress.start(certificate.key)
            try await client.sendUnread(.create(certificate))
        }
        try await load.makeNamespaces()
        var audit = AuditLog(path: common.audit, user: common.user)
        let wait = QuietWait(pid: process.pid, timeout: common.timeout)
        _ = try await wait.run(&audit)
        audit.restart()
        ProcessReading.resetPeak(of: process.pid)
        let before = try bench.reading(process)
        let acmeBefore = await ACMECount.read(bench.transport, metricsURL: common.metrics)
        try await load.run()
        let atReady = try bench.reading(process)
        if renewalTimes { try await load.awaitRenewalTimes() }
        let quiet = try await wait.run(&audit)
        let after = try bench.reading(process)
        let acmeAfter = await ACMECount.read(bench.transport, metricsURL: common.metrics)

        var report = Report()
        let result = load.progress.result
        report.add("certificates", "\(count), issuer \(issuer), \(namespaces) namespace(s)")
        report.add("first create to last Ready", seconds: result.firstToLast)
        report.add("certificates a second", "\(Double(count) / result.firstToLast.seconds, digits: 1)")
        report.add("small writes a second that the API server took before", "\(writeRate, digits: 0)")
        report.add(
            "such writes in the time of a certificate",
            "\(writeRate * result.firstToLast.seconds / Double(count), digits: 2)")
        report.add(
            "time to Ready p50 / p99",
            "\(result.times.percentile(0.5).secondsText) / \(result.times.percentile(0.99).secondsText) s")
        report.add(
            "CPU to Ready / to quiet",
            """
            \(atReady.cpuSeconds - before.cpuSeconds, digits: 2) / \
            \(quiet.cpuSeconds - before.cpuSeconds, digits: 2) s
            """)
        bench.addUsage(after, to: &report)
        report.add("API writes a certificate, events apart", "\(Double(audit.writes) / Double(count), digits: 2)")
        report.add("events a certificate", "\(Double(audit.eventWrites) / Double(count), digits: 2)")
        report.add("API requests a certificate", audit.requests, per: count)
        report.add(
            "API answers by status", "\(audit.statuses.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" })")
        if let acmeBefore, let acmeAfter, acmeAfter > acmeBefore {
            report.add("ACME requests a certificate", "\((acmeAfter - acmeBefore) / Double(count), digits: 2)")
        }
        return report
    }
}

struct Restart: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Starts the controller where all Certificates are Ready already, and measures until it is quiet.")

    @OptionGroup var common: CommonOptions

    func run() async throws {
        try await Bench.run(common) { bench in
            let count = try await bench.client.listAll(LoadCertificate.self).items.count
            var audit = AuditLog(path: common.audit, user: common.user)
            let (start, startTime) = (ContinuousClock.now, Timestamp.now())
            let (process, ready) = try await bench.start()
            defer { process.stop() }
            let quiet = try await QuietWait(pid: process.pid, timeout: common.timeout).run(&audit)
            var report = Report()
            report.add("certificates", "\(count)")
            report.add("start to /readyz", seconds: ready)
            report.add("start to last request", seconds: (audit.lastAnswer ?? startTime) - startTime)
            report.add("start to quiet", seconds: quiet.quietSince - start)
            report.add("CPU to settle", "\(quiet.cpuSeconds, digits: 2) s")
            if let reading = ProcessReading.of(process.pid) { bench.addUsage(reading, to: &report) }
            report.add("API requests", "\(audit.total)")
            report.add("writes, events apart", "\(audit.writes)")
            report.add("events written", "\(audit.eventWrites)")
            return report
        }
    }
}

struct Idle: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Starts the controller beside one waiting Certificate, then leaves it idle for 30 s.")

    @OptionGroup var common: CommonOptions
    @Option(help: "An issuer that answers at once.") var issuer = "bench-selfsigned"

    func run() async throws {
        try await Bench.run(common) { bench in
            let waiting = LoadCertificate(
                number: 0, namespace: "bench-0", issuer: IssuerChoice(name: issuer, kind: "ClusterIssuer"),
                zone: "idle.example")
            let load = LoadRun(
                client: bench.client, count: 1, namespaces: 1, concurrency: 1, timeout: common.timeout,
                progress: Progress { $0.isReady }
            ) { _, progress in progress.start(waiting.key) }
            try await load.makeNamespaces()
            _ = try await bench.client.create(waiting)
            var audit = AuditLog(path: common.audit, user: common.user)
            let (start, startTime) = (ContinuousClock.now, Timestamp.now())
            let process = try ControllerProcess(command: common.controller, logPath: common.log)
            defer { process.stop() }
            try await load.run()
            let ready = load.progress.result.last - start
            try await Task.sleep(for: .seconds(30))
            audit.read()
            var report = Report()
            if let first = audit.firstWrite {
                report.add("start to the first reconcile's first write", seconds: first - startTime)
            }
            report.add("start to a waiting Certificate Ready", seconds: ready)
            if let reading = ProcessReading.of(process.pid) {
                bench.addUsage(reading, to: &report)
                report.add("CPU so far", "\(reading.cpuSeconds, digits: 2) s")
            }
            return report
        }
    }
}
