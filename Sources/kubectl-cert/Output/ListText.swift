import Diagnosis
import Wire

/// Certificates in rows.
enum ListText {
    static func show(_ list: CertificateList, now: Timestamp, _ console: Console, withNamespace: Bool) {
        if console.printed(["items": .array(list.entries.map(\.json))]) { return }
        if console.format == .name {
            for entry in list.entries { console.say("certificate.cert-manager.io/\(entry.name)") }
            return
        }
        guard !list.entries.isEmpty else { return Console.note("No Certificates found.") }
        table(list, now: now, isWide: console.format == .wide, withNamespace: withNamespace).lines(console)
            .forEach(console.say)
    }

    static func table(_ list: CertificateList, now: Timestamp, isWide: Bool, withNamespace: Bool) -> Table {
        var headings = ["NAME", "READY", "EXPIRES", "RENEWAL", "ISSUER", "NAMES"]
        if isWide { headings += ["SECRET", "REASON", "NOT AFTER", "AGE"] }
        if withNamespace { headings.insert("NAMESPACE", at: 0) }
        var table = Table(headings: headings)
        for entry in list.entries {
            var row: [Table.Cell] = [
                .init(entry.name), .init(entry.isReady ? "True" : "False", entry.isReady ? .good : .bad),
                expiry(entry.notAfter, now), .init(entry.renewalTime.map { relative($0, now) } ?? "-"),
                .init(entry.issuer), .init(names(entry.names, isWide: isWide)),
            ]
            if isWide {
                row += [
                    .init(entry.secretName), .init(entry.reason), .init(entry.notAfter?.rfc3339 ?? "-"),
                    .init(HumanDuration.age(entry.createdAt, now)),
                ]
            }
            if withNamespace { row.insert(.init(entry.namespace), at: 0) }
            table.rows.append(row)
        }
        return table
    }

    private static func expiry(_ end: Timestamp?, _ now: Timestamp) -> Table.Cell {
        guard let end else { return .init("no certificate", .bad) }
        if end <= now { return .init("expired", .bad) }
        return .init(relative(end, now), end - now < .seconds(7 * 86_400) ? .waiting : .plain)
    }

    private static func relative(_ time: Timestamp, _ now: Timestamp) -> String {
        time <= now ? "due" : "in \(HumanDuration.text(time - now))"
    }

    private static func names(_ names: [String], isWide: Bool) -> String {
        isWide || names.count < 3
            ? names.joined(separator: ",") : "\(names.prefix(2).joined(separator: ",")) +\(names.count - 2)"
    }
}
