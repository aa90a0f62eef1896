package import DNSWire

/// A record as a service keeps it.
package struct StoredRecord: Sendable, Hashable {
    package var id: String
    /// Without quotes.
    package var value: String

    package init(id: String, value: String) {
        self.id = id
        self.value = value
    }
}

/// A service that gives each record an id: one value is added and removed, and the others are not touched.
///
/// Ids are looked up whenever a record is removed, so that nothing is left behind after a restart.
package protocol RecordList: DNSProvider {
    func zone(of name: DNSName) async throws(DNSProviderError) -> ProviderZone
    /// All TXT records that have exactly this name.
    func records(at name: DNSName, in zone: ProviderZone) async throws(DNSProviderError) -> [StoredRecord]
    func create(_ record: TXTRecord, in zone: ProviderZone) async throws(DNSProviderError)
    /// Succeeds when there is no such record any more.
    func delete(_ stored: StoredRecord, in zone: ProviderZone) async throws(DNSProviderError)
}

extension RecordList {
    package func present(_ record: TXTRecord) async throws(DNSProviderError) {
        let zone = try await zone(of: record.name)
        let isThere = try await records(at: record.name, in: zone).contains { $0.value == record.value }
        if !isThere { try await create(record, in: zone) }
    }

    /// Removes every copy of the value: two replicas may have written one each.
    package func cleanUp(_ record: TXTRecord) async throws(DNSProviderError) {
        let zone = try await zone(of: record.name)
        for stored in try await records(at: record.name, in: zone) where stored.value == record.value {
            try await delete(stored, in: zone)
        }
    }
}
