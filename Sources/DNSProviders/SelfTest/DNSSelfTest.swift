package import CertificateAPI
package import DNSWire
import PKI
import Wire

/// Tries, in one zone, what the credentials of a DNS stanza have to do for a challenge: list, create, read back, delete. It leaves
/// nothing behind that it could remove.
///
/// Of a service with an account for each name (acme-dns) it tries the account of the zone's own name, as a challenge for that name
/// does: it registers one where there is none.
package struct DNSSelfTest: Sendable {
    /// Whether the value can be seen under the name by whoever asks DNS.
    package typealias Sight = @Sendable (TXTRecord) async throws -> Bool

    package enum Step: String, Sendable, Hashable, CaseIterable {
        case create = "find the zone and create a record"
        case createAgain = "create it again without harm"
        case readBack = "see it by DNS"
        case delete = "delete it"
        case deleteAgain = "delete it again without harm"
    }

    package enum Outcome: Sendable, Hashable {
        case done
        /// A sentence that says what is missing.
        case failed(String)
        /// An earlier step has failed.
        case skipped
    }

    package struct Report: Sendable, Hashable {
        package var outcomes: [Step: Outcome]
        /// What the credentials may do beyond what is needed, as sentences.
        package var excess: [String]
        /// What else is worth knowing, as sentences.
        package var remarks: [String] = []

        /// Whether everything worked; rights that go too far are no failure.
        package var isGood: Bool { outcomes.values.allSatisfy { $0 == .done } }
    }

    private let registry: DNSProviderRegistry
    private let stanza: Solver.DNS01
    private let path: FieldPath
    private let context: ProviderContext
    private let sight: Sight
    /// How long the record may take to be seen.
    private let patience: Duration

    /// - Parameter path: of the stanza, for errors that name a field.
    package init(
        _ stanza: Solver.DNS01, at path: FieldPath, in context: ProviderContext,
        registry: DNSProviderRegistry = .standard, patience: Duration = .seconds(120), sight: @escaping Sight
    ) {
        self.registry = registry
        self.stanza = stanza
        self.path = path
        // Nothing known from before: the zones are listed anew.
        var context = context
        context.memory = ProviderMemory()
        self.context = context
        self.patience = patience
        self.sight = sight
    }

    /// - Parameter label: a part of the record's name that nobody else uses, such as random letters.
    package func run(zone: DNSName, label: String) async -> Report {
        var report = Report(outcomes: [:], excess: [])
        let record: TXTRecord
        let home: RecordHome
        do {
            home = type(of: try await provider()).home
            let name = home == .account ? zone : try zone.prefixed(by: label)
            // What a challenge's value looks like; some services take nothing else.
            record = TXTRecord(
                name: try name.prefixed(by: "_acme-challenge"),
                value: Base64.encodeURL(Digest.sha256(Array("certwright-check-\(label)".utf8))))
        } catch let error as DNSNameError {
            report.outcomes[.create] = .failed("\"\(label)\" and \(zone.text) make no name: \(error)")
            return finished(report, zone)
        } catch {
            report.outcomes[.create] = .failed("\(error)")
            return finished(report, zone)
        }
        await attempt(.create, &report) { try await provider().present(record) }
        guard report.outcomes[.create] == .done else {
            // The answer may have been lost, and not the record.
            await quietly { try await provider().cleanUp(record) }
            return finished(report, zone)
        }
        await attempt(.createAgain, &report) { try await provider().present(record) }
        await attempt(.readBack, &report) { try await waitForSight(of: record) }
        await attempt(.delete, &report) { try await provider().cleanUp(record) }
        if report.outcomes[.delete] == .done {
            await attempt(.deleteAgain, &report) { try await provider().cleanUp(record) }
        }
        if home == .account {
            report.remarks.append(
                "The service removes no values: \(record.value) stays until the next ones of the account push it out")
        }
        return finished(report, zone)
    }

    /// One for each step, as the controller makes them.
    private func provider() async throws -> any DNSProvider {
        try await registry.provider(for: stanza, at: path, in: context)
    }

    private func attempt(_ step: Step, _ report: inout Report, _ work: () async throws -> Void) async {
        do {
            try await work()
            report.outcomes[step] = .done
        } catch {
            report.outcomes[step] = .failed("\(error)")
        }
    }

    private func quietly(_ work: () async throws -> Void) async {
        do { try await work() } catch { return }  // that it failed is told already
    }

    private struct Unseen: Error, CustomStringConvertible {
        var description: String
    }

    private func waitForSight(of record: TXTRecord) async throws {
        let start = context.time.elapsed()
        while try await !sight(record) {
            guard context.time.elapsed() - start < patience else {
                throw Unseen(
                    description: "\(record.name.text) was written, and is not seen by DNS after "
                        + "\(patience.components.seconds) s; is the zone that was written the one that the world asks?")
            }
            try await context.time.sleep(for: .seconds(2))
        }
    }

    private func finished(_ report: Report, _ zone: DNSName) -> Report {
        var report = report
        for step in Step.allCases where report.outcomes[step] == nil { report.outcomes[step] = .skipped }
        let others = context.memory.zones.names.filter { $0 != zone }
        if !others.isEmpty {
            report.excess.append(
                "The credentials can see \(others.count) more zone(s), such as \(others[0].text); limit them to "
                    + "\(zone.text) where the service lets you")
        }
        return report
    }
}
