import Wire

/// Hears of everything that is asked of Venafi servers.
package typealias VenafiObserver = @Sendable (VenafiRecord) -> Void

package enum VenafiRecord: Sendable, Hashable {
    /// What the server was asked for, by the names that dashboards know.
    package enum Call: String, Sendable, Hashable {
        case readZone = "read_zone_configuration"
        case request = "request_certificate"
        case retrieve = "retrieve_certificate"
    }

    /// All requests that it took, those for a token included.
    case call(Call, Duration)
    /// A token for client credentials, and whether there was one.
    case token(isGood: Bool, Duration)
}

/// A server that is listened to.
struct ObservedVenafiServer: VenafiServer {
    let inner: any VenafiServer
    let time: any TimeSource
    let observer: VenafiObserver

    func check() async throws(VenafiError) {
        let start = time.elapsed()
        defer { observer(.call(.readZone, time.elapsed() - start)) }
        try await inner.check()
    }

    func request(_ request: RemoteRequest, _ fields: [VenafiCustomField]) async throws(VenafiError) -> String {
        let start = time.elapsed()
        defer { observer(.call(.request, time.elapsed() - start)) }
        return try await inner.request(request, fields)
    }

    func retrieve(_ pickupID: String) async throws(VenafiError) -> VenafiPickup {
        let start = time.elapsed()
        defer { observer(.call(.retrieve, time.elapsed() - start)) }
        return try await inner.retrieve(pickupID)
    }
}
