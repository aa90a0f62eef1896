package import KubeModel
import PKI
package import Wire

/// An issuer whose server is asked over the network. It keeps nothing but sessions: what an unfinished request needs to
/// go on is in the request itself.
package protocol RemoteIssuer: Sendable {
    /// Of all that is asked of one server only so much is under way at a time.
    var lane: String { get }
    /// Whether it could sign now, found out without signing.
    func check() async -> IssuerReadiness
    func sign(_ request: RemoteRequest) async throws(RemoteError) -> RemoteAnswer
}

/// A request for a certificate as a remote issuer gets it.
package struct RemoteRequest: Sendable, Hashable {
    package let wanted: IssuanceRequest
    /// Names it in the server's records.
    package let name: ObjectKey
    /// What the issuer and the requester say beside the request, in that order, as JSON texts (Venafi's custom fields).
    package let customFields: [String]
    /// What the server has called this request, when it was asked before.
    package let pickupID: String?

    package init(wanted: IssuanceRequest, name: ObjectKey, customFields: [String] = [], pickupID: String? = nil) {
        self.wanted = wanted
        self.name = name
        self.customFields = customFields
        self.pickupID = pickupID
    }
}

package enum RemoteAnswer: Sendable, Hashable {
    case issued(IssuedCertificate)
    /// The server works on it, or a person has to approve it there; ask again then or later, with the id.
    case pending(pickupID: String, message: String, until: Timestamp)
}

/// Why a remote issuer has not signed. `reason` is that of the event.
package enum RemoteError: Error, Sendable, Hashable, CustomStringConvertible {
    /// It may work later: the server could not be asked, or something there or in the cluster has to be put right first.
    case later(reason: String, message: String, notBefore: Timestamp? = nil)
    /// The server has refused this request, and would again.
    case failed(reason: String, message: String)

    package var description: String {
        switch self {
        case .later(_, let message, _), .failed(_, let message): message
        }
    }
}

/// Which issuer it is.
package struct IssuerIdentity: Sendable, Hashable {
    package var uid: String
    package var name: String
    /// Nil for a ClusterIssuer.
    package var namespace: String?
    /// Where its Secrets and service accounts lie.
    package var resourceNamespace: String

    package init(uid: String, name: String, namespace: String?, resourceNamespace: String) {
        self.uid = uid
        self.name = name
        self.namespace = namespace
        self.resourceNamespace = resourceNamespace
    }
}
