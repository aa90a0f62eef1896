import ArgumentParser
import CurlTransport
import HTTPTransport
import HTTPTypes
import Wire

/// `certwright-bench webhook`: admission reviews over kept connections, as the API server sends them.
struct Webhook: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Starts the webhook and sends it reviews of new Certificates, each connection one after the other.")

    @OptionGroup var common: CommonOptions
    @Option(help: "Where reviews go.") var url: String
    @Option(help: "How many reviews.") var count = 20_000
    @Option(help: "Over how many connections at once.") var connections = 8

    func run() async throws {
        var options = CurlTransport.Options(userAgent: "certwright-bench")
        options.concurrencyPerHost = connections
        let transport = CurlTransport(options)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await transport.run() }
            let report = try await measure(transport)
            print(common.json ? report.json : report.text)
            group.cancelAll()
        }
    }

    private func measure(_ transport: CurlTransport) async throws -> Report {
        let process = try ControllerProcess(command: common.controller, logPath: common.log)
        defer { process.stop() }
        _ = try await ACMECount.awaitHealthy(transport, url: common.health, timeout: .seconds(30))
        _ = try await load(transport, reviews: 200 * connections)
        let before = ProcessReading.of(process.pid)
        let start = ContinuousClock.now
        let times = try await load(transport, reviews: count).sorted()
        let wall = (ContinuousClock.now - start).seconds
        guard let before, let after = ProcessReading.of(process.pid) else {
            throw BenchmarkError.timeout("the webhook: it has ended, see \(common.log)")
        }
        let cpu = after.cpuSeconds - before.cpuSeconds
        var report = Report()
        report.add("reviews", "\(times.count) over \(connections) connections")
        report.add("reviews a second", "\(Double(times.count) / wall, digits: 0)")
        report.add("reviews a second of the webhook's own CPU", "\(Double(times.count) / max(cpu, 0.01), digits: 0)")
        report.add(
            "time p50 / p99",
            "\(times.percentile(0.5).seconds * 1000, digits: 2) / \(times.percentile(0.99).seconds * 1000, digits: 2) ms"
        )
        report.add("resident memory", "\(Double(after.residentKiB) / 1024, digits: 1) MiB")
        report.add("of it anonymous", "\(Double(after.anonymousKiB) / 1024, digits: 1) MiB")
        report.add("peak memory", "\(Double(after.peakKiB) / 1024, digits: 1) MiB")
        return report
    }

    /// The time each review took.
    private func load(_ transport: CurlTransport, reviews: Int) async throws -> [Duration] {
        try await withThrowingTaskGroup(of: [Duration].self) { group in
            for connection in 0..<connections {
                group.addTask {
                    var times: [Duration] = []
                    for number in 0..<(reviews / connections) {
                        let request = TransportRequest(
                            url: url, method: .post, headers: [.contentType: "application/json"],
                            body: Self.review("\(connection)-\(number)"), tls: TLSOptions(trust: .insecure))
                        let start = ContinuousClock.now
                        let response = try await transport.send(request)
                        times.append(ContinuousClock.now - start)
                        guard String(decoding: response.body, as: UTF8.self).contains(#""allowed":true"#) else {
                            throw BenchmarkError.timeout("an allowed review; it was answered \(response.status)")
                        }
                    }
                    return times
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    /// A new Certificate such as users write, with what the API server adds.
    private static func review(_ name: String) -> [UInt8] {
        let fields: JSONValue = ["f:spec": ["f:dnsNames": [:], "f:secretName": [:], "f:issuerRef": ["f:name": [:]]]]
        let object: JSONValue = [
            "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
            "metadata": [
                "name": .string("site-\(name)"), "namespace": "shop", "uid": "5f1c9c2e-1111-4222-8333-944455556666",
                "creationTimestamp": "2026-01-02T03:04:05Z", "generation": 1,
                "labels": ["app.kubernetes.io/name": "shop", "app.kubernetes.io/instance": .string(name)],
                "managedFields": [["manager": "kubectl", "operation": "Update", "fieldsV1": fields]],
            ],
            "spec": [
                "secretName": .string("site-\(name)-tls"), "duration": "2160h", "renewBefore": "720h",
                "dnsNames": [.string("\(name).shop.example"), .string("www.\(name).shop.example")],
                "privateKey": ["algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"],
                "issuerRef": ["name": "bench-ca", "kind": "ClusterIssuer"],
            ],
        ]
        let resource: JSONValue = ["group": "cert-manager.io", "version": "v1", "resource": "certificates"]
        let kind: JSONValue = ["group": "cert-manager.io", "version": "v1", "kind": "Certificate"]
        let review: JSONValue = [
            "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
            "request": [
                "uid": .string("uid-\(name)"), "kind": kind, "resource": resource, "requestKind": kind,
                "requestResource": resource, "name": .string("site-\(name)"), "namespace": "shop",
                "operation": "CREATE",
                "userInfo": ["username": "jane", "groups": ["devs", "system:authenticated"]],
                "object": object, "oldObject": nil, "dryRun": false,
                "options": ["kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"],
            ],
        ]
        return review.serialized()
    }
}
