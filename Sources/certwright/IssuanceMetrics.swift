import CertificateAPI
import KubeModel
import KubeRuntime
import Operations

/// What needs a person's eye, computed from the caches at each scrape: one sample for each object that it is about.
struct IssuanceMetrics: Sendable {
    let stores: Stores

    func families() -> [MetricFamily] { [expiringSoon, revocation, preflight, trouble] }

    private var expiringSoon: MetricFamily {
        let samples = stores.certificates.all().sorted { $0.key < $1.key }.compactMap { certificate in
            certificate.status?.conditions[type: "ExpiringSoon"].map { condition in
                MetricFamily.Sample(1, labels: Self.labels(certificate.key, reason: condition.reason ?? ""))
            }
        }
        return MetricFamily(
            "certwright_certificate_expiring_soon", .gauge,
            help: "1 for a certificate in the last third of the time between its renewal and its end.", samples: samples
        )
    }

    private var revocation: MetricFamily {
        let samples = stores.certificates.all().sorted { $0.key < $1.key }.compactMap { certificate in
            certificate.status?.conditions[type: "Revocation"].map { condition in
                MetricFamily.Sample(1, labels: Self.labels(certificate.key, reason: condition.reason ?? ""))
            }
        }
        return MetricFamily(
            "certwright_certificate_revocation", .gauge,
            help: "1 for a certificate that is to be revoked, or was, with how far that is.", samples: samples)
    }

    private var trouble: MetricFamily {
        let samples = stores.orders.all().sorted { $0.key < $1.key }.compactMap { order -> MetricFamily.Sample? in
            guard order.status?.state != .valid, let kind = order.metadata.annotations?[Names.Annotation.trouble] else {
                return nil
            }
            return MetricFamily.Sample(1, labels: Self.labels(order.key, reason: kind))
        }
        return MetricFamily(
            "certwright_order_trouble", .gauge,
            help: "1 for an ACME order whose CA cannot certify now, with why.", samples: samples)
    }

    private var preflight: MetricFamily {
        let samples = stores.orders.all().sorted { $0.key < $1.key }.filter { order in
            order.status?.state?.isFinal != true && order.metadata.annotations?[Names.Annotation.preflight] != nil
        }.map { MetricFamily.Sample(1, labels: Self.labels($0.key)) }
        return MetricFamily(
            "certwright_order_preflight_obstacle", .gauge,
            help: "1 for an open ACME order that something is in the way of; its annotation says what.",
            samples: samples)
    }

    private static func labels(_ key: ObjectKey, reason: String? = nil) -> [(name: String, value: String)] {
        [(name: "name", value: key.name), (name: "namespace", value: key.namespace)]
            + (reason.map { [(name: "reason", value: $0)] } ?? [])
    }
}
