package import Calendar
import Wire

/// What `spec.renewal` says: whether a certificate is renewed by itself, and in which windows.
package enum RenewalRule: Sendable, Hashable {
    case disabled
    /// In these windows, at any time where there is none.
    case inTime([RenewalWindow])

    private static let policies = ["RenewBefore", "Disabled"]

    /// Throws every rule that `renewal` breaks.
    package init(_ renewal: Certificate.Renewal?, zones: ZoneDatabase = .system) throws(FieldProblems) {
        guard let renewal else {
            self = .inTime([])
            return
        }
        let path = FieldPath.spec["renewal"]
        var problems: [FieldProblem] = []
        let policy = renewal.policy ?? ""
        if !Self.policies.contains(policy) {
            problems.append(.notSupported(path["policy"], policy, Self.policies))
        }
        let written = renewal.windows ?? []
        if policy == "Disabled", !written.isEmpty {
            problems.append(.forbidden(path["windows"], "must not be set when policy is Disabled"))
        }
        var windows: [RenewalWindow] = []
        for (index, window) in written.enumerated() {
            do throws(FieldProblems) {
                windows.append(try RenewalWindow(window, at: path["windows"][index], zones: zones))
            } catch {
                problems += error.problems
            }
        }
        if let problems = FieldProblems(problems) { throw problems }
        self = policy == "Disabled" ? .disabled : .inTime(windows)
    }
}

/// A recurring time in which renewal is allowed.
package struct RenewalWindow: Sendable, Hashable {
    package let starts: CronSchedule
    package let zone: Zone
    /// At least a minute.
    package let length: Duration

    package static let shortest = Duration.seconds(60)

    init(_ window: Certificate.Renewal.Window, at path: FieldPath, zones: ZoneDatabase) throws(FieldProblems) {
        var problems: [FieldProblem] = []
        var starts: CronSchedule?
        var zone: Zone?
        var length: Duration?
        do throws(CronSchedule.Malformed) {
            starts = try CronSchedule(window.cron)
        } catch {
            problems.append(.invalid(path["cron"], window.cron, error.description))
        }
        do throws(ZoneDatabase.Unknown) {
            zone = try zones.zone(window.timezone ?? "")
        } catch {
            problems.append(.invalid(path["timezone"], window.timezone ?? "", error.description))
        }
        do throws(FieldProblem) {
            length = try Self.length(window.windowDuration, at: path["windowDuration"])
        } catch {
            problems.append(error)
        }
        guard let starts, let zone, let length else {
            throw FieldProblems(problems) ?? FieldProblems(.required(path))
        }
        (self.starts, self.zone, self.length) = (starts, zone, length)
    }

    private static func length(_ text: String, at path: FieldPath) throws(FieldProblem) -> Duration {
        guard let duration = try Durations.parse(text, at: path) else { throw .required(path, "must be specified") }
        guard duration.duration >= shortest else { throw .invalid(path, text, "must be at least 1m") }
        return duration.duration
    }

    /// When the window began that is open at `moment`; nil when none is.
    func start(openAt moment: Timestamp) -> Timestamp? {
        guard let start = starts.last(upTo: moment, notBefore: moment - length, in: zone), start + length > moment
        else {
            return nil
        }
        return start
    }
}
