package import CertificateAPI
package import KubeClient
import KubeModel
import Synchronization
package import Wire

/// Looks at the issuer that a Certificate names, for advice only: it is quick or gives up.
package final class IssuerSight: Sendable {
    package typealias Find = @Sendable (IssuerReference, _ namespace: String) async -> IssuerSighting

    private struct Place: Hashable {
        var reference: IssuerReference
        var namespace: String
    }
    private struct Entry {
        var sighting: IssuerSighting
        var until: Duration
    }

    private let find: Find
    private let time: any TimeSource
    private let known = Mutex<[Place: Entry]>([:])

    package init(time: any TimeSource = SystemTime(), find: @escaping Find) {
        self.time = time
        self.find = find
    }

    /// Asks the API server, for at most half a second.
    package convenience init(client: KubeClient, time: any TimeSource = SystemTime()) {
        self.init(time: time) { reference, namespace in
            await withTimeLimit(.milliseconds(500), time: time) {
                await Self.ask(client, reference, namespace)
            } ?? .unknown
        }
    }

    func look(_ question: IssuerQuestion) async -> IssuerSighting {
        let reference = question.issuer.normalized
        guard reference.isIssuer || reference.isClusterIssuer, !reference.name.isEmpty else { return .unknown }
        let place = Place(reference: reference, namespace: reference.isClusterIssuer ? "" : question.namespace)
        let now = time.elapsed()
        if let entry = known.withLock({ $0[place] }), entry.until > now { return entry.sighting }
        let sighting = await find(reference, place.namespace)
        // What was missing is looked for again soon: it is often created right after.
        let until = now + (sighting == .missing ? .seconds(1) : .seconds(10))
        known.withLock { known in
            if known.count >= 1024 { known.removeAll() }
            known[place] = Entry(sighting: sighting, until: until)
        }
        return sighting
    }

    private static func ask(
        _ client: KubeClient, _ reference: IssuerReference, _ namespace: String
    ) async -> IssuerSighting {
        do throws(KubeError) {
            let key = ObjectKey(namespace: namespace, name: reference.name)
            let spec =
                reference.isClusterIssuer
                ? try await client.find(ClusterIssuer.self, key)?.spec
                : try await client.find(Issuer.self, key)?.spec
            return spec.map { .found($0) } ?? .missing
        } catch {
            return .unknown  // advice is not worth an error
        }
    }
}
