package import DNSWire
import Wire

/// All TXT values under one name, as a service that knows only the whole keeps them.
package struct RecordSet: Sendable, Hashable {
    /// Without quotes.
    package var values: [String]
    package var ttlSeconds: Int?
    /// What the service compares before it overwrites, where it does: an ETag, or the set as it sent it.
    package var version: String?

    package init(values: [String], ttlSeconds: Int? = nil, version: String? = nil) {
        self.values = values
        self.ttlSeconds = ttlSeconds
        self.version = version
    }

    package static let empty = RecordSet(values: [])
}

/// A service that reads and writes all values of a name at once.
///
/// Within the process one zone is changed by one errand at a time. Against other replicas, and whoever else writes
/// there, it helps to try again (`SharedEdit`): where the service notices a conflict, from what it holds now; where it
/// does not, the set is read again when others have had the time to overwrite it.
package protocol RecordSetEdit: DNSProvider {
    /// Whether the service refuses to overwrite a set that has changed since it was read.
    static var noticesConflicts: Bool { get }
    /// What serialises: errands with the same text wait for each other.
    func turn(in zone: ProviderZone) -> String
    var context: ProviderContext { get }
    /// Nil where changes are not that few.
    func turnToWrite(in zone: ProviderZone) -> SharedEdit.TurnToWrite?

    func zone(of name: DNSName) async throws(DNSProviderError) -> ProviderZone
    /// Empty where there is none.
    func read(_ name: DNSName, in zone: ProviderZone) async throws(DNSProviderError) -> RecordSet
    /// Makes `values` all there is under the name; none removes the set. Throws `.conflict` where `old` is outdated.
    func write(
        _ values: [String], over old: RecordSet, at name: DNSName, in zone: ProviderZone
    ) async throws(DNSProviderError)
}

extension RecordSetEdit {
    package func turnToWrite(in zone: ProviderZone) -> SharedEdit.TurnToWrite? { nil }

    package func present(_ record: TXTRecord) async throws(DNSProviderError) {
        try await edit(record.name) { $0.contains(record.value) ? nil : $0 + [record.value] }
    }

    package func cleanUp(_ record: TXTRecord) async throws(DNSProviderError) {
        try await edit(record.name) { values in
            let rest = values.filter { $0 != record.value }
            return rest.count == values.count ? nil : rest
        }
    }

    /// `change` answers with the values that should be there, or nil when all is as it should be.
    private func edit(
        _ name: DNSName, _ change: @Sendable ([String]) -> [String]?
    ) async throws(DNSProviderError) {
        let zone = try await zone(of: name)
        let edit = SharedEdit(
            turn: turn(in: zone), noticesConflicts: Self.noticesConflicts, provider: Self.key, context: context,
            turnToWrite: turnToWrite(in: zone))
        try await edit.run(
            read: { () async throws(DNSProviderError) in try await read(name, in: zone) },
            change: { (set) throws(DNSProviderError) in change(set.values) },
            write: { (values, set) async throws(DNSProviderError) in
                try await write(values, over: set, at: name, in: zone)
            })
    }
}
