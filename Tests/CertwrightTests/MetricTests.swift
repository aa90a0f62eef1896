import CertificateAPI
import Issuers
import KubeModel
import KubeRuntime
import Operations
import SystemPackage
import TestSupport
import Testing
import Wire

@testable import ACME
@testable import certwright

@Suite("metrics")
struct MetricTests {
    static let project = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

    static func text(_ path: String) throws -> String {
        let file = try FileDescriptor.open(FilePath("\(project)/\(path)"), .readOnly)
        return try file.closeAfter {
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65536)
            while true {
                let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0) }
                if count == 0 { return String(decoding: bytes, as: UTF8.self) }
                bytes += buffer[..<count]
            }
        }
    }

    /// The metrics that the sources name: literals, and the counters of the machinery.
    static func named() throws -> Set<String> {
        let counters = Counters()
        for name in Counters.Name.allCases { counters.counter(name, of: "any").add() }
        var names = Set(counters.families.map(\.name))
        for path in [
            "certwright/ACMEMetrics.swift", "certwright/APIMetrics.swift", "certwright/BudgetMetrics.swift",
            "certwright/CertificateMetrics.swift", "certwright/VenafiMetrics.swift", "certwright/WorkMetrics.swift",
            "certwright/Webhook/WebhookParts.swift", "certwright/ACMEServer/ACMEServerParts.swift",
            "Operations/ProcessMetrics.swift",
        ] {
            for literal in try text("Sources/\(path)").matches(of: /"((?:certmanager|certwright|process)_[a-z0-9_]+)"/)
            {
                names.insert(String(literal.output.1))
            }
        }
        return names
    }

    @Test("docs/metrics.md names every metric that the sources do, and no other")
    func documented() throws {
        let rows = try Self.text("docs/metrics.md").matches(of: /(?m)^\| `([a-z0-9_]+)` \|/).map { String($0.output.1) }
        #expect(Set(rows).count == rows.count)
        #expect(Set(rows) == (try Self.named()))
    }

    @Test("alerts and the dashboard ask for metrics that there are, with labels that they have")
    func asked() throws {
        let named = try Self.named()
        for path in ["charts/certwright/files/alerts.yaml", "charts/certwright/files/dashboard.json"] {
            let asked = Set(
                try Self.text(path).matches(of: /(?:certmanager|certwright|process)_[a-z0-9_]+/).map {
                    String($0.output)
                })
            #expect(!asked.isEmpty)
            for name in asked {
                let family = ["_sum", "_count"].first {
                    name.hasSuffix($0) && named.contains(String(name.dropLast($0.count)))
                }
                #expect(named.contains(name) || family != nil, "\(path) asks for \(name)")
            }
        }
    }

    @Test(
        "a request to the API server is named as its audit log names it",
        arguments: [
            ("GET", "/api/v1/secrets?limit=500&resourceVersion=0", "list", "secrets"),
            ("GET", "/api/v1/namespaces/a/secrets/tls", "get", "secrets"),
            ("GET", "/apis/cert-manager.io/v1/certificates?watch=true&resourceVersion=1", "watch", "certificates"),
            ("PATCH", "/apis/cert-manager.io/v1/namespaces/a/certificates/b/status", "patch", "certificates/status"),
            ("POST", "/api/v1/namespaces/a/events", "create", "events"),
            ("PUT", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/l", "update", "leases"),
            ("GET", "/apis/cert-manager.io/v1", "get", ""), ("GET", "/version", "get", ""),
            ("GET", "/api/v1/namespaces", "list", "namespaces"), ("GET", "/api/v1/namespaces/a", "get", "namespaces"),
            ("DELETE", "/api/v1/namespaces/a/pods/p", "delete", "pods"),
        ])
    func subjects(method: String, target: String, verb: String, resource: String) {
        let subject = APIRequestSubject(method: method, url: "https://api.test:6443" + target)
        #expect(subject.verb == verb)
        #expect(subject.resource == resource)
    }

    @Test("what certificates are called in metrics is what cert-manager calls them, in its order")
    func certificates() throws {
        let stores = Stores(namespaces: ["a"], resourceNamespace: "a")
        stores.certificates.record(
            try JSONValue.object([
                "metadata": ["name": "site", "namespace": "a", "uid": "u", "resourceVersion": "1"],
                "spec": ["secretName": "s", "issuerRef": ["name": "ca"]],
                "status": [
                    "notAfter": "2026-01-02T00:00:00Z", "failedIssuanceAttempts": 3,
                    "lastFailureTime": "2026-01-01T00:00:00Z",
                    "conditions": [["type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"]],
                ],
            ]).decode(Certificate.self))
        let time = ManualClock()
        let text = MetricFamily.text(
            of: CertificateMetrics(stores: stores, time: time).families() + WorkMetrics(stores: stores).families())
        let labels =
            #"issuer_group="cert-manager.io",issuer_kind="Issuer",issuer_name="ca",name="site",namespace="a""#
        for line in [
            "certmanager_certificate_ready_status{condition=\"True\",\(labels)} 1",
            "certmanager_certificate_ready_status{condition=\"False\",\(labels)} 0",
            "certmanager_certificate_not_after_timestamp_seconds{\(labels)} 1767312000",
            "certmanager_certificate_expiration_timestamp_seconds{\(labels)} 1767312000",
            "certmanager_certificate_not_before_timestamp_seconds{\(labels)} 0",
            "certmanager_certificate_renewal_timestamp_seconds{\(labels)} 0",
            "certwright_certificate_failed_issuance_attempts{\(labels)} 3",
            "certwright_certificate_last_failure_timestamp_seconds{\(labels)} 1767225600",
        ] {
            #expect(text.contains(line + "\n"), "\(text)")
        }
    }

    /// Labels and their values as cert-manager's source has them (github.com/cert-manager/cert-manager, pkg/metrics,
    /// pkg/issuer/venafi/client and pkg/acme/client/http.go, 2026-08-22).
    @Test("what CAs are asked is counted with the values that cert-manager uses")
    func requests() {
        let venafi = VenafiMetrics()
        venafi.observer(.call(.readZone, .milliseconds(7)))
        venafi.observer(.call(.request, .milliseconds(7)))
        venafi.observer(.call(.retrieve, .milliseconds(7)))
        venafi.observer(.token(isGood: true, .milliseconds(7)))
        venafi.observer(.token(isGood: false, .milliseconds(70)))
        let acme = ACMEMetrics()
        for status in [201, nil] {
            acme.observer(
                ACMERequestRecord(
                    action: .authorizeOrder, method: "POST", scheme: "https", host: "ca.test", status: status,
                    problem: nil,
                    duration: .milliseconds(7)))
        }
        let text = MetricFamily.text(of: venafi.families + acme.families)
        let labels = #"action="authorize_order",method="POST",status="#
        for line in [
            #"certmanager_http_venafi_client_request_duration_seconds_count{api_call="read_zone_configuration"} 1"#,
            #"certmanager_http_venafi_client_request_duration_seconds_count{api_call="request_certificate"} 1"#,
            #"certmanager_http_venafi_client_request_duration_seconds_count{api_call="retrieve_certificate"} 1"#,
            #"certmanager_venafi_oauth_token_requests_total{status="success"} 1"#,
            #"certmanager_venafi_oauth_token_requests_total{status="failure"} 1"#,
            #"certmanager_venafi_oauth_token_request_duration_seconds_bucket{le="0.01"} 1"#,
            #"certmanager_venafi_oauth_token_request_duration_seconds_bucket{le="30"} 2"#,
            #"certmanager_http_acme_client_request_count{scheme="https",host="ca.test",\#(labels)"201"} 1"#,
            #"certmanager_http_acme_client_request_count{scheme="https",host="ca.test",\#(labels)"999"} 1"#,
        ] {
            #expect(text.contains(line + "\n"), "\(line) is not in \(text)")
        }
    }
}
