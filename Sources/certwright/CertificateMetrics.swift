import CertificateAPI
import KubeModel
import KubeRuntime
import Operations
import Wire

/// What the cluster's certificates and issuers look like, computed from the caches at each scrape.
struct CertificateMetrics: Sendable {
    let stores: Stores
    let time: any TimeSource

    func families() -> [MetricFamily] { clock() + certificates() + challenges() + issuers() }

    private func clock() -> [MetricFamily] {
        let now = Double(time.now().secondsSince1970)
        let help = "The clock time given in seconds (from 1970/01/01 UTC)."
        return [
            MetricFamily(
                "certmanager_clock_time_seconds", .counter,
                help: "DEPRECATED: use clock_time_seconds_gauge instead. " + help, samples: [.init(now)]),
            MetricFamily("certmanager_clock_time_seconds_gauge", .gauge, help: help, samples: [.init(now)]),
        ]
    }

    private func certificates() -> [MetricFamily] {
        let all = stores.certificates.all().sorted { $0.key < $1.key }
        func times(_ name: String, _ help: String, _ time: (Certificate.Status) -> Timestamp?) -> MetricFamily {
            MetricFamily(
                name, .gauge, help: help,
                samples: all.map { certificate in
                    let seconds = certificate.status.flatMap(time)?.secondsSince1970 ?? 0
                    return .init(Double(seconds), labels: certificate.metricLabels)
                })
        }
        let ready = all.flatMap { certificate in
            Self.conditions(certificate.status?.conditions).map { name, value in
                MetricFamily.Sample(
                    value,
                    labels: [(name: "condition", value: name)] + certificate.metricLabels)
            }
        }
        return [
            MetricFamily(
                "certmanager_certificate_ready_status", .gauge, help: "The ready status of the certificate.",
                samples: ready),
            times(
                "certmanager_certificate_expiration_timestamp_seconds",
                "The timestamp after which the certificate expires, expressed in Unix Epoch Time."
            ) {
                $0.notAfter
            },
            times(
                "certmanager_certificate_not_after_timestamp_seconds",
                "The timestamp after which the certificate is invalid, expressed as a Unix Epoch Time."
            ) {
                $0.notAfter
            },
            times(
                "certmanager_certificate_not_before_timestamp_seconds",
                "The timestamp before which the certificate is invalid, expressed as a Unix Epoch Time."
            ) {
                $0.notBefore
            },
            times(
                "certmanager_certificate_renewal_timestamp_seconds",
                "The timestamp after which the certificate should be renewed, expressed in Unix Epoch Time."
            ) {
                $0.renewalTime
            },
        ]
    }

    /// One sample for each state that a challenge may have, none yet included: 1 for the one it has.
    private func challenges() -> [MetricFamily] {
        let states = ["", "errored", "expired", "invalid", "pending", "processing", "ready", "valid"]
        let samples = stores.challenges.all().sorted { $0.key < $1.key }.flatMap { challenge in
            let state = challenge.status?.state?.rawValue ?? ""
            return states.map { name in
                MetricFamily.Sample(
                    state == name ? 1 : 0,
                    labels: [
                        (name: "domain", value: challenge.spec.dnsName), (name: "name", value: challenge.metadata.name),
                        (name: "namespace", value: challenge.metadata.namespace ?? ""),
                        (name: "processing", value: challenge.status?.processing == true ? "true" : "false"),
                        (name: "reason", value: challenge.status?.reason ?? ""), (name: "status", value: name),
                        (name: "type", value: challenge.spec.type.rawValue),
                    ])
            }
        }
        return [
            MetricFamily(
                "certmanager_certificate_challenge_status", .gauge, help: "The status of certificate challenges",
                samples: samples)
        ]
    }

    private func issuers() -> [MetricFamily] {
        let issuers = stores.issuers.all().sorted { $0.key < $1.key }.flatMap { issuer in
            Self.conditions(issuer.status?.conditions).map { name, value in
                MetricFamily.Sample(
                    value,
                    labels: [
                        (name: "condition", value: name), (name: "name", value: issuer.metadata.name),
                        (name: "namespace", value: issuer.metadata.namespace ?? ""),
                    ])
            }
        }
        let clusterIssuers = (stores.clusterIssuers?.all() ?? []).sorted { $0.key < $1.key }.flatMap { issuer in
            Self.conditions(issuer.status?.conditions).map { name, value in
                MetricFamily.Sample(
                    value, labels: [(name: "condition", value: name), (name: "name", value: issuer.metadata.name)])
            }
        }
        return [
            MetricFamily(
                "certmanager_issuer_ready_status", .gauge, help: "The ready status of the issuer.", samples: issuers),
            MetricFamily(
                "certmanager_clusterissuer_ready_status", .gauge, help: "The ready status of the cluster issuer.",
                samples: clusterIssuers),
        ]
    }

    /// One sample for each value that the Ready condition may have: 1 for the one it has.
    private static func conditions(_ conditions: [Condition]?) -> [(name: String, value: Double)] {
        let status = conditions?.first { $0.type == "Ready" }?.status.rawValue ?? "Unknown"
        return ["False", "True", "Unknown"].map { ($0, $0 == status ? 1 : 0) }
    }
}

extension Certificate {
    var metricLabels: [(name: String, value: String)] {
        [
            (name: "issuer_group", value: spec.issuerRef.effectiveGroup),
            (name: "issuer_kind", value: spec.issuerRef.effectiveKind),
            (name: "issuer_name", value: spec.issuerRef.name),
            (name: "name", value: metadata.name), (name: "namespace", value: metadata.namespace ?? ""),
        ]
    }
}
