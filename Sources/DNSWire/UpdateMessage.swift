/// A change to one zone (RFC 2136).
package struct UpdateMessage: Sendable, Hashable {
    package var zone: DNSName
    package var changes: [Change]

    package enum Change: Sendable, Hashable {
        /// Adds the record; one that is there already is no error (RFC 2136 §3.4.2.2).
        case insert(ResourceRecord)
        /// Removes exactly the record with this data; one that is gone already is no error (RFC 2136 §3.4.2.4).
        case remove(ResourceRecord)
    }

    package init(zone: DNSName, changes: [Change]) {
        self.zone = zone
        self.changes = changes
    }

    package func message(id: UInt16) -> DNSMessage {
        var message = DNSMessage(id: id)
        message.opcode = .update
        message.questions = [DNSMessage.Question(name: zone, type: .soa)]
        message.authorities = changes.map(\.record)
        return message
    }
}

extension UpdateMessage.Change {
    fileprivate var record: ResourceRecord {
        switch self {
        case .insert(let record): return record
        case .remove(var record):
            record.recordClass = .none
            record.ttlSeconds = 0
            return record
        }
    }
}
