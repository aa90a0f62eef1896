package import Wire

/// The durations that Certificates and their requests name.
package enum Durations {
    /// A certificate's lifetime where nothing else was asked for: 90 days.
    package static let defaultLifetime = GoDuration(hours: 2160)
    package static let minimumLifetime = GoDuration(hours: 1)
    package static let minimumRenewBefore = GoDuration(nanoseconds: 300_000_000_000)

    /// A Go duration; nil when the field is absent, a problem when it is something else.
    package static func parse(_ text: String?, at path: FieldPath) throws(FieldProblem) -> GoDuration? {
        guard let text = text.nonEmpty else { return nil }
        guard let duration = GoDuration(text) else {
            throw .invalid(path, text, "must be a Go duration such as 2160h or 1h30m")
        }
        return duration
    }
}

/// When a certificate is renewed.
package enum RenewalTime {
    /// The instant, to the second: `renewBefore` or `renewBeforePercentage` ahead of the end, else a third of the lifetime.
    /// Values that do not fit the lifetime count as absent. Nil when the certificate is never renewed by itself.
    package static func of(_ spec: Certificate.Spec, notBefore: Timestamp, notAfter: Timestamp) -> Timestamp? {
        guard spec.renewal?.policy != "Disabled" else { return nil }
        return (notAfter - margin(spec, lifetime: notAfter - notBefore)).wholeSeconds
    }

    private static func margin(_ spec: Certificate.Spec, lifetime: Duration) -> Duration {
        if let text = spec.renewBefore, let margin = GoDuration(text)?.duration, margin > .zero, margin < lifetime {
            return margin
        }
        if let percentage = spec.renewBeforePercentage, percentage > 0, percentage < 100 {
            return lifetime * percentage / 100
        }
        return lifetime / 3
    }
}
