/// The controllers that `--controllers` can name. The names are those that users' flags already say; where one controller
/// here does the work of several there, those names stand together as parts of one.
enum ControllerName: String, CaseIterable {
    case issuers
    case clusterissuers
    case certificatesMetrics = "certificates-metrics"
    case ingressShim = "ingress-shim"
    case gatewayShim = "gateway-shim"
    case listenerSet = "listenerset"
    case orders
    case challenges
    case requestsACME = "certificaterequests-issuer-acme"
    case requestsCA = "certificaterequests-issuer-ca"
    case requestsSelfSigned = "certificaterequests-issuer-selfsigned"
    case requestsVault = "certificaterequests-issuer-vault"
    case requestsVenafi = "certificaterequests-issuer-venafi"
    case signingRequestsACME = "certificatesigningrequests-issuer-acme"
    case signingRequestsCA = "certificatesigningrequests-issuer-ca"
    case signingRequestsSelfSigned = "certificatesigningrequests-issuer-selfsigned"
    case signingRequestsVault = "certificatesigningrequests-issuer-vault"
    case signingRequestsVenafi = "certificatesigningrequests-issuer-venafi"
    case requestsApprover = "certificaterequests-approver"
    case certificatesTrigger = "certificates-trigger"
    case certificatesIssuing = "certificates-issuing"
    case certificatesKeyManager = "certificates-key-manager"
    case certificatesRequestManager = "certificates-request-manager"
    case certificatesReadiness = "certificates-readiness"
    case certificatesRevisionManager = "certificates-revision-manager"

    static var allNames: String { allCases.map(\.rawValue).joined(separator: ", ") }

    /// The parts of the one controller of Certificates: switched on and off together.
    static let certificateParts: Set<ControllerName> = [
        .certificatesTrigger, .certificatesIssuing, .certificatesKeyManager, .certificatesRequestManager,
        .certificatesReadiness, .certificatesRevisionManager,
    ]

    struct UnknownName: Error, CustomStringConvertible {
        var description: String
    }

    /// What a list such as `*,-ingress-shim` selects. The order does not matter: what is left out is left out.
    static func selected(by list: [String]) throws(UnknownName) -> Set<ControllerName> {
        var added: Set<ControllerName> = []
        var removed: Set<ControllerName> = []
        for entry in list {
            if entry == "*" {
                added.formUnion(allCases)
            } else if let controller = ControllerName(rawValue: entry) {
                added.insert(controller)
            } else if entry.hasPrefix("-"), let controller = ControllerName(rawValue: String(entry.dropFirst())) {
                removed.insert(controller)
            } else {
                throw UnknownName(
                    description: "--controllers names \"\(entry)\", which is not a controller. Known: *, \(allNames).")
            }
        }
        let selected = added.subtracting(removed)
        let parts = selected.intersection(certificateParts)
        guard parts.isEmpty || parts == certificateParts else {
            let missing = certificateParts.subtracting(parts).map(\.rawValue).sorted().joined(separator: ", ")
            throw UnknownName(
                description: """
                    --controllers selects only part of the controller of Certificates; it works as one here. Also \
                    missing: \(missing). Name all of certificates-* or none.
                    """)
        }
        return selected
    }
}
