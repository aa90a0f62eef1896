import CertificateAPI
import Controllers
import KubeModel
import KubeRuntime
import Operations
import Wire

/// What is under way and what goes wrong, computed from the caches at each scrape.
struct WorkMetrics: Sendable {
    let stores: Stores

    func families() -> [MetricFamily] { [requests(), orders(), challenges()] + attempts() }

    private func requests() -> MetricFamily {
        Self.counts(
            "certwright_certificaterequests", help: "The number of CertificateRequests, by state.", label: "state",
            of: stores.requests.all().map(\.state.name))
    }

    private func orders() -> MetricFamily {
        Self.counts(
            "certwright_orders", help: "The number of Orders, by state.", label: "state",
            of: stores.orders.all().map { $0.status?.state?.rawValue ?? "new" })
    }

    private func challenges() -> MetricFamily {
        Self.counts(
            "certwright_challenges", help: "The number of Challenges, by state.", label: "state",
            of: stores.challenges.all().map { $0.status?.state?.rawValue ?? "new" })
    }

    /// Only of certificates whose last attempts failed.
    private func attempts() -> [MetricFamily] {
        let failing = stores.certificates.all().filter { ($0.status?.failedIssuanceAttempts ?? 0) > 0 }
            .sorted { $0.key < $1.key }
        return [
            MetricFamily(
                "certwright_certificate_failed_issuance_attempts", .gauge,
                help: "The number of failed attempts in a row to issue the certificate.",
                samples: failing.map {
                    .init(Double($0.status?.failedIssuanceAttempts ?? 0), labels: $0.metricLabels)
                }),
            MetricFamily(
                "certwright_certificate_last_failure_timestamp_seconds", .gauge,
                help: "When the last attempt to issue the certificate failed, expressed as a Unix Epoch Time.",
                samples: failing.map { certificate in
                    let seconds = certificate.status?.lastFailureTime?.secondsSince1970 ?? 0
                    return .init(Double(seconds), labels: certificate.metricLabels)
                }),
        ]
    }

    private static func counts(_ name: String, help: String, label: String, of values: [String]) -> MetricFamily {
        let counts = Dictionary(grouping: values) { $0 }.sorted { $0.key < $1.key }
        return MetricFamily(
            name, .gauge, help: help,
            samples: counts.map { .init(Double($0.value.count), labels: [(name: label, value: $0.key)]) })
    }
}

extension RequestFacts.State {
    fileprivate var name: String {
        switch self {
        case .undecided: "undecided"
        case .pending: "pending"
        case .issued: "issued"
        case .failed: "failed"
        case .denied: "denied"
        case .invalid: "invalid"
        }
    }
}

/// Whether this process holds a lease.
enum LeaderMetrics {
    /// Without an election there is no lease to hold, and every process works.
    static func family(_ elections: [String: LeaderElection?]) -> [MetricFamily] {
        let samples = elections.sorted { $0.key < $1.key }.compactMap { lease, election in
            election.map { MetricFamily.Sample($0.isLeading ? 1 : 0, labels: [(name: "lease", value: lease)]) }
        }
        return [
            MetricFamily(
                "certwright_leader", .gauge, help: "1 where this process holds the lease, and works; 0 where it waits.",
                samples: samples)
        ]
    }
}

extension Launch {
    /// What every program of ours tells of itself.
    func addMetrics(to metrics: Metrics) {
        metrics.add { ProcessMetrics.families() }
        metrics.add { [apiMetrics] in apiMetrics.families }
        metrics.add {
            [
                MetricFamily(
                    "certwright_build_info", .gauge, help: "Which version this is: always 1.",
                    samples: [.init(1, labels: [(name: "version", value: Version.text)])])
            ]
        }
    }
}
