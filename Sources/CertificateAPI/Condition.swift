package import Wire

/// One observed truth about an object, as Kubernetes writes it in `status.conditions`.
package struct Condition: Codable, Sendable, Hashable {
    package enum Status: String, Codable, Sendable, Hashable {
        case yes = "True"
        case no = "False"
        case unknown = "Unknown"
    }

    package var type: String
    package var status: Status
    package var reason: String?
    package var message: String?
    /// When `status` last changed; a new reason or message leaves it alone.
    package var lastTransitionTime: Timestamp?
    /// The `metadata.generation` this was observed at. CertificateRequests have none: their spec never changes.
    package var observedGeneration: Int64?

    package init(
        type: String, status: Status, reason: String? = nil, message: String? = nil,
        lastTransitionTime: Timestamp? = nil, observedGeneration: Int64? = nil
    ) {
        self.type = type
        self.status = status
        self.reason = reason
        self.message = message
        self.lastTransitionTime = lastTransitionTime
        self.observedGeneration = observedGeneration
    }

    /// Condition types of all our kinds.
    package enum Kind {
        package static let ready = "Ready"
        package static let issuing = "Issuing"
        package static let approved = "Approved"
        package static let denied = "Denied"
        package static let invalidRequest = "InvalidRequest"
    }
}

extension [Condition] {
    package subscript(type type: String) -> Condition? { first { $0.type == type } }

    package func isTrue(_ type: String) -> Bool { self[type: type]?.status == .yes }

    /// These conditions with `new` in place of any of its type; the transition time stays unless the status flips.
    package func setting(_ new: Condition, now: Timestamp) -> [Condition] {
        var new = new
        guard let index = firstIndex(where: { $0.type == new.type }) else {
            new.lastTransitionTime = now.wholeSeconds
            return self + [new]
        }
        let old = self[index]
        new.lastTransitionTime = old.status == new.status ? old.lastTransitionTime : now.wholeSeconds
        var result = self
        result[index] = new
        return result
    }

    package func removing(_ type: String) -> [Condition] { filter { $0.type != type } }
}

extension Optional where Wrapped == [Condition] {
    package subscript(type type: String) -> Condition? { self?[type: type] }

    package func isTrue(_ type: String) -> Bool { self?.isTrue(type) ?? false }

    package func setting(_ new: Condition, now: Timestamp) -> [Condition] { (self ?? []).setting(new, now: now) }

    /// Without conditions of this type; nil when none is left.
    package func removing(_ type: String) -> [Condition]? {
        guard let left = self?.removing(type), !left.isEmpty else { return nil }
        return left
    }
}
