import CertificateAPI
import HTTPTransport
import HTTPTypes
import Testing
import Wire

/// The service behind a provider, real or not, with a door of the test's own.
protocol ContractServer: Sendable {
    var transport: any HTTPTransport { get }
    /// Sorted, without quotes.
    func values(at name: String) async throws -> [String]
    /// The names of the zones that hold TXT records of the name.
    func zone(holdingRecordsOf name: String) async throws -> [String]
    /// What somebody else does.
    func add(_ value: String, at name: String) async throws
    func remove(_ value: String, at name: String) async throws
    /// How many requests were one too many.
    var refusedCount: Int { get }
}

/// How many requests one errand takes. Cold: nothing is known of zones and tokens; warm: they were used a moment ago.
struct CallCounts: Sendable, Hashable, CustomStringConvertible {
    var coldPresent: Int
    var warmPresent: Int
    var warmCleanUp: Int

    var description: String { "\(coldPresent) / \(warmPresent) / \(warmCleanUp)" }
}

/// One provider, and what the contract has to know of it.
struct ContractSubject: Sendable, CustomTestStringConvertible {
    /// What a provider cannot do, whoever writes it; said in its page of docs/dns.
    enum Limit: Sendable {
        /// There is no list of zones: the service takes every name.
        case noZones
        /// Values of more than 255 octets are refused by the service.
        case noLongValues
        /// The service cannot remove a value.
        case noRemoval
        /// The service keeps so few values of a name that two challenges fill it.
        case twoValues
        /// The service lets the last writer win, unnoticed.
        case overwrites
        /// The service has no accounts that may read and not write.
        case noRestriction
        /// No 429, no status of HTTP at all, says that something failed.
        case noStatus
    }

    /// The key under `dns01`, or the name of one of our own.
    var key: String
    /// Where a provider is asked for more than once.
    var variant = ""
    var isOwn = false
    var config: JSONValue
    /// Secrets by name and key.
    var secrets: [String: [String: String]]
    /// Those that the service does not know.
    var wrongSecrets: [String: [String: String]]
    /// Those of an account that may not write.
    var restrictedSecrets: [String: [String: String]] = [:]
    /// What an account that may not write is told that it needs.
    var permission = ""
    var limits: Set<Limit> = []
    var calls: CallCounts
    /// Of a clean-up where the name has no other value, for services that are asked for each value.
    var callsToCleanUpAlone: Int?
    /// How the service says that it is asked too often, and for how long; its own words where it has some.
    var throttled = Response(head: ResponseHead(status: .tooManyRequests, headers: [.retryAfter: "7"]))
    var throttledFor: Duration = .seconds(7)
    var machine: [String: String] = [:]
    var files: [String: String] = [:]
    /// The service with these zones, and nothing in them.
    var serve: @Sendable (_ zones: [String], _ time: LeapingTime) -> any ContractServer

    var testDescription: String { variant.isEmpty ? key : "\(key) (\(variant))" }

    var stanza: Solver.DNS01 {
        var stanza = Solver.DNS01()
        if isOwn {
            stanza.providers["webhook"] = ["groupName": "certwright.dev", "solverName": .string(key), "config": config]
        } else {
            stanza.providers[key] = config
        }
        return stanza
    }

    /// A reference as configurations have them.
    static func reference(_ name: String, _ key: String) -> JSONValue { ["name": .string(name), "key": .string(key)] }

    /// The secrets of a provider that has one credential.
    static func secrets(_ name: String, _ key: String, _ credential: String) -> [String: [String: String]] {
        [name: [key: credential]]
    }
}
