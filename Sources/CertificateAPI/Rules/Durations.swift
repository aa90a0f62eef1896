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
