import Calendar
import CertificateAPI
import KubeModel
import Testing
import Wire

@Suite("When a certificate is renewed")
struct RenewalTests {
    private static func moment(_ text: String) throws -> Timestamp { try #require(Timestamp(rfc3339: text)) }
    private let window = Certificate.Renewal.Window(
        cron: "0 2 * * SAT", windowDuration: "4h", timezone: "Europe/Berlin")

    /// For a certificate of January to March 2026, looked at when it is a day old.
    private func plan(
        _ windows: [Certificate.Renewal.Window], notBefore: String = "2026-01-01T00:00:00Z",
        notAfter: String = "2026-04-01T00:00:00Z", now: String = "2026-01-02T00:00:00Z",
        _ change: (inout Certificate.Spec) -> Void = { _ in }
    ) throws -> RenewalPlan {
        let spec = Certificate.Spec.example {
            $0.renewal = .init(policy: "RenewBefore", windows: windows)
            change(&$0)
        }
        return RenewalPlan(
            spec, notBefore: try Self.moment(notBefore), notAfter: try Self.moment(notAfter),
            now: try Self.moment(now))
    }

    private func expect(_ plan: RenewalPlan, _ time: String, outside end: String? = nil) throws {
        #expect(plan.time?.rfc3339 == time)
        #expect(try plan.problem == end.map { .noneOpens(before: try Self.moment($0)) })
    }

    // MARK: Without windows

    @Test("renewBefore, else the percentage, else a third of the lifetime; to the second")
    func margins() throws {
        func time(_ change: (inout Certificate.Spec) -> Void, notAfter: String = "2026-01-01T10:00:00.9Z") throws
            -> String?
        {
            RenewalPlan(
                .example(change), notBefore: try Self.moment("2026-01-01T00:00:00Z"),
                notAfter: try Self.moment(notAfter), now: try Self.moment("2026-01-01T00:00:00Z")
            ).time?.rfc3339
        }
        #expect(try time { _ in } == "2026-01-01T06:40:00Z")
        #expect(try time { $0.renewBefore = "1h" } == "2026-01-01T09:00:00Z")
        #expect(try time { $0.renewBefore = "20m0.5s" } == "2026-01-01T09:40:00Z")
        #expect(try time { $0.renewBeforePercentage = 25 } == "2026-01-01T07:30:00Z")
        #expect(try time { $0.renewBeforePercentage = 1 } == "2026-01-01T09:54:00Z")
        #expect(try time { $0.renewBeforePercentage = 99 } == "2026-01-01T00:06:00Z")
        // What does not fit the lifetime that the issuer gave counts as absent.
        for text in ["10h0m1s", "0s", "-1h", "soon", ""] {
            #expect(try time { $0.renewBefore = text } == "2026-01-01T06:40:00Z", "\(text)")
        }
        for percentage in [0, 100, -1, Int.max, Int.min] {
            #expect(try time { $0.renewBeforePercentage = percentage } == "2026-01-01T06:40:00Z")
        }
        #expect(
            try time {
                $0.renewBefore = "11h"
                $0.renewBeforePercentage = 50
            } == "2026-01-01T05:00:00Z")
        #expect(try time({ $0.renewBefore = "1h" }, notAfter: "2025-12-31T00:00:00Z") == "2025-12-31T00:00:00Z")
        #expect(try time { $0.renewal = .init(policy: "Disabled") } == nil)
        #expect(try time { $0.renewal = .init(policy: "RenewBefore") } == "2026-01-01T06:40:00Z")
    }

    @Test("the widest lifetime and any margin give a time, and no trap")
    func extremes() throws {
        for percentage in [1, 50, 99] {
            let plan = try plan(
                [window], notBefore: "0000-01-01T00:00:00Z", notAfter: "9999-12-31T23:59:59Z",
                now: "0000-01-01T00:00:00Z"
            ) { $0.renewBeforePercentage = percentage }
            #expect(plan.time != nil && plan.problem == nil)
        }
        let never = Certificate.Renewal.Window(cron: "0 0 31 2 *", windowDuration: "4h")
        let plan = try plan(
            [never, never, never], notBefore: "0000-01-01T00:00:00Z", notAfter: "9999-12-31T23:59:59Z")
        #expect(plan.problem == .noneOpens(before: try Self.moment("9999-12-31T23:59:59Z")))
    }

    // MARK: Windows

    @Test("wanted while a window is open: then")
    func insideWindow() throws {
        // A third before the end is March 2, 00:00 UTC, a Monday, 01:00 in Berlin.
        try expect(
            try plan([.init(cron: "30 0 * * *", windowDuration: "1h", timezone: "Europe/Berlin")]),
            "2026-03-02T00:00:00Z")
        try expect(try plan([.init(cron: "0 0 * * MON", windowDuration: "1m")]), "2026-03-02T00:00:00Z")
        // At its last moment a window is closed.
        try expect(
            try plan([.init(cron: "0 23 * * SUN", windowDuration: "1h")]), "2026-03-08T23:00:00Z")
    }

    @Test("wanted outside of windows: when the next one opens, of several the first, on the clocks of its zone")
    func nextWindow() throws {
        try expect(try plan([window]), "2026-03-07T01:00:00Z")
        try expect(try plan([window, .init(cron: "0 3 * * WED", windowDuration: "1h")]), "2026-03-04T03:00:00Z")
        // Summer time begins in New York on March 8, in Sydney it ends on April 5.
        try expect(
            try plan([.init(cron: "30 2 8 3 *", windowDuration: "1h", timezone: "America/New_York")]),
            "2026-03-08T07:00:00Z")
        try expect(
            try plan(
                [.init(cron: "30 2 5 4 *", windowDuration: "1h", timezone: "Australia/Sydney")],
                notAfter: "2026-05-01T00:00:00Z"), "2026-04-04T15:30:00Z")
    }

    @Test("no window in time after it is wanted: the last one before")
    func earlierWindow() throws {
        let monthly = Certificate.Renewal.Window(cron: "0 3 20 2 *", windowDuration: "2h")
        try expect(try plan([monthly]), "2026-02-20T03:00:00Z")
        // Within it renewal is due; once it is over there is none left.
        try expect(try plan([monthly], now: "2026-02-20T04:59:59Z"), "2026-02-20T03:00:00Z")
        try expect(
            try plan([monthly], now: "2026-02-20T05:00:00Z"), "2026-03-02T00:00:00Z", outside: "2026-04-01T00:00:00Z")
    }

    @Test("a window that opens when it is nearly too late does not count, nor one at or past the end")
    func tooLate() throws {
        // A tenth of the 30 days left is more than a day: a day it is.
        try expect(try plan([.init(cron: "59 23 30 3 *", windowDuration: "8h")]), "2026-03-30T23:59:00Z")
        for cron in ["0 0 31 3 *", "0 0 1 4 *", "0 12 1 4 *"] {
            try expect(
                try plan([.init(cron: cron, windowDuration: "8h")]), "2026-03-02T00:00:00Z",
                outside: "2026-04-01T00:00:00Z")
        }
        // Short-lived: wanted at 16:00, a tenth of the eight hours left is 48 minutes.
        func shortLived(_ cron: String) throws -> RenewalPlan {
            try plan(
                [.init(cron: cron, windowDuration: "10m")], notBefore: "2026-01-01T00:00:00Z",
                notAfter: "2026-01-02T00:00:00Z", now: "2026-01-01T00:00:00Z")
        }
        try expect(try shortLived("11 23 * * *"), "2026-01-01T23:11:00Z")
        try expect(try shortLived("12 23 * * *"), "2026-01-01T16:00:00Z", outside: "2026-01-02T00:00:00Z")
    }

    @Test("a window soon after the certificate began is no reason to renew it again")
    func justIssued() throws {
        // Issued in the year's only window: nothing is due in the hours that it stays open.
        try expect(
            try plan(
                [.init(cron: "0 0 1 1 *", windowDuration: "240h")], now: "2026-01-01T00:01:00Z"),
            "2026-03-02T00:00:00Z", outside: "2026-04-01T00:00:00Z")
    }

    @Test("a window that passed without a renewal: the next one, and at last without one")
    func missed() throws {
        try expect(try plan([window], now: "2026-03-07T01:00:00Z"), "2026-03-07T01:00:00Z")
        try expect(try plan([window], now: "2026-03-07T04:59:59Z"), "2026-03-07T01:00:00Z")
        try expect(try plan([window], now: "2026-03-07T05:00:00Z"), "2026-03-14T01:00:00Z")
        // Summer time has begun by then.
        try expect(try plan([window], now: "2026-03-25T00:00:00Z"), "2026-03-28T01:00:00Z")
        try expect(
            try plan([window], now: "2026-03-28T06:00:00Z"), "2026-03-02T00:00:00Z", outside: "2026-04-01T00:00:00Z")
        try expect(
            try plan([window], now: "2026-05-01T12:00:00Z"), "2026-03-02T00:00:00Z", outside: "2026-04-01T00:00:00Z")
    }

    @Test("windows that cannot be read are told by field, and renewal goes on without them")
    func unreadable() throws {
        let plan = try plan([
            .init(cron: "0 25 * * *", windowDuration: "0s", timezone: "Mars/Base"),
            .init(cron: "@daily", windowDuration: ""),
        ])
        #expect(plan.time?.rfc3339 == "2026-03-02T00:00:00Z")
        guard case .unreadable(let problems)? = plan.problem else {
            Issue.record("\(plan)")
            return
        }
        #expect(
            problems.problems.map(\.path.text) == [
                "spec.renewal.windows[0].cron", "spec.renewal.windows[0].timezone",
                "spec.renewal.windows[0].windowDuration", "spec.renewal.windows[1].windowDuration",
            ])
    }

    // MARK: Rules

    @Test("a legal renewal has no problem")
    func legal() {
        let renewals: [Certificate.Renewal?] = [
            nil, .init(policy: "RenewBefore"), .init(policy: "Disabled"), .init(policy: "Disabled", windows: []),
            .init(policy: "RenewBefore", windows: [window, .init(cron: "@weekly", windowDuration: "1.5h")]),
        ]
        for renewal in renewals { #expect(Certificate.Spec.example { $0.renewal = renewal }.problemTexts == []) }
    }

    @Test("rules of spec.renewal")
    func rules() {
        func problems(_ policy: String?, _ windows: [Certificate.Renewal.Window]? = nil) -> [String] {
            Certificate.Spec.example { $0.renewal = .init(policy: policy, windows: windows) }.problemTexts
        }
        let policies = "supported values: \"RenewBefore\", \"Disabled\""
        #expect(problems(nil) == ["spec.renewal.policy: Unsupported value: \"\": \(policies)"])
        #expect(problems("Never") == ["spec.renewal.policy: Unsupported value: \"Never\": \(policies)"])
        #expect(
            problems("Disabled", [window])
                == ["spec.renewal.windows: Forbidden: must not be set when policy is Disabled"])
        #expect(
            problems("RenewBefore", [.init(cron: "0 2 * *", windowDuration: "30s")]) == [
                "spec.renewal.windows[0].cron: Invalid value: \"0 2 * *\": must be five fields: minute, hour, day of"
                    + " month, month, day of week; there are 4",
                "spec.renewal.windows[0].windowDuration: Invalid value: \"30s\": must be at least 1m",
            ])
        #expect(
            problems("RenewBefore", [.init(cron: "0 2 * * *", windowDuration: "", timezone: "../x")]) == [
                "spec.renewal.windows[0].timezone: Invalid value: \"../x\": must be the name of a time zone in the IANA"
                    + " database, such as Europe/Berlin",
                "spec.renewal.windows[0].windowDuration: Required value: must be specified",
            ])
    }
}
