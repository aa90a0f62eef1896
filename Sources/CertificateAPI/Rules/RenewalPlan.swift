package import Calendar
package import Wire

/// When a certificate is renewed.
///
/// Without windows that is the moment that `renewBefore` or `renewBeforePercentage` names, else a third of the lifetime
/// before its end. With windows it is the first moment from then on at which one is open, as long as that leaves time
/// for a second try; else the last window before then. Where no window serves, it is renewed when it must be.
package struct RenewalPlan: Sendable, Hashable {
    /// To the second; nil when it is never renewed by itself. It may be past: renewal is due.
    package let time: Timestamp?
    package let problem: Problem?

    /// Why renewal does not keep to the windows.
    package enum Problem: Sendable, Hashable, CustomStringConvertible {
        /// They cannot be read.
        case unreadable(FieldProblems)
        /// None opens in time.
        case noneOpens(before: Timestamp)

        package var description: String {
            switch self {
            case .unreadable(let problems): "\(problems); until that is mended renewal is planned without windows"
            case .noneOpens(let end):
                "no renewal window opens in time before it expires at \(end), so it is renewed outside of them;"
                    + " change spec.renewal.windows to have one open earlier"
            }
        }
    }

    private init(_ time: Timestamp?, _ problem: Problem? = nil) {
        self.time = time
        self.problem = problem
    }

    /// - Parameter suggested: what the CA makes of the moment without windows (RFC 9773), if it has said so. The
    ///   windows apply to that.
    package init(
        _ spec: Certificate.Spec, notBefore: Timestamp, notAfter: Timestamp, now: Timestamp,
        zones: ZoneDatabase = .system, suggested: ((Timestamp) -> Timestamp)? = nil
    ) {
        let usual = Self.desired(spec, notBefore: notBefore, notAfter: notAfter)
        let desired = suggested?(usual) ?? usual
        do throws(FieldProblems) {
            switch try RenewalRule(spec.renewal, zones: zones) {
            case .disabled: self.init(nil)
            case .inTime([]): self.init(desired)
            case .inTime(let windows):
                let search = WindowSearch(
                    windows: windows, desired: desired, notBefore: notBefore, notAfter: notAfter, now: now)
                let found = search.found
                self.init(found ?? desired, found == nil ? .noneOpens(before: notAfter) : nil)
            }
        } catch {
            self.init(desired, .unreadable(error))
        }
    }

    /// The moment without windows. Values that do not fit the lifetime count as absent.
    private static func desired(_ spec: Certificate.Spec, notBefore: Timestamp, notAfter: Timestamp) -> Timestamp {
        let lifetime = notAfter - notBefore
        // A certificate that ends before it begins has no time to divide.
        guard lifetime > .zero else { return notAfter.wholeSeconds }
        return (notAfter - margin(spec, lifetime)).wholeSeconds
    }

    private static func margin(_ spec: Certificate.Spec, _ lifetime: Duration) -> Duration {
        if let text = spec.renewBefore, let margin = GoDuration(text)?.duration, margin > .zero, margin < lifetime {
            return margin
        }
        if let percentage = spec.renewBeforePercentage, percentage > 0, percentage < 100 {
            return lifetime * percentage / 100
        }
        return lifetime / 3
    }
}

/// The choice of a window for one renewal.
private struct WindowSearch {
    let windows: [RenewalWindow]
    /// When renewal would be without windows.
    let desired: Timestamp
    let notBefore: Timestamp
    let notAfter: Timestamp
    let now: Timestamp

    /// From when on renewal is wanted.
    private var wanted: Timestamp { max(desired, now) }
    /// A later renewal leaves too little time to try again: a tenth of what is left when it is first wanted, at most a day.
    private var latest: Timestamp { notAfter - min((notAfter - desired) / 10, .seconds(86400)) }
    /// An earlier renewal would come soon after the last one, and could follow upon itself.
    private var earliest: Timestamp { notBefore + (notAfter - notBefore) / 10 }

    /// Nil when no window serves.
    var found: Timestamp? { open ?? next ?? previous }

    /// In a window that is open.
    private var open: Timestamp? {
        windows.compactMap { $0.start(openAt: wanted) }.min().map { max(desired, $0) }
    }

    private var next: Timestamp? {
        windows.compactMap { $0.starts.first(after: wanted, before: latest, in: $0.zone) }.min()
    }

    /// The last one before renewal is wanted that is not over yet.
    private var previous: Timestamp? {
        guard now < desired, earliest < desired else { return nil }
        return windows.compactMap { window in
            window.starts.last(upTo: desired, notBefore: earliest, in: window.zone)
                .flatMap { $0 + window.length > now ? $0 : nil }
        }.max()
    }
}
