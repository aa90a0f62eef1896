/// What a request was for; the names are those of the metric `certmanager_http_acme_client_request_count`.
package enum ACMEAction: String, Sendable, Hashable, CaseIterable {
    case acceptChallenge = "accept_challenge"
    case authorizeOrder = "authorize_order"
    case changeKey = "change_key"
    case createOrderCertificate = "create_order_cert"
    case deactivateAuthorization = "deactivate_authorization"
    case deactivateRegistration = "deactivate_registration"
    case discover = "discover"
    case fetchCertificate = "fetch_cert"
    case getAuthorization = "get_authorization"
    case getChallenge = "get_challenge"
    case getOrder = "get_order"
    case getRegistration = "get_registration"
    case getRenewalInfo = "get_renewal_info"
    case listOrders = "list_orders"
    case listCertificateAlternates = "list_cert_alternates"
    case registerAccount = "register_account"
    case revoke = "revoke_cert"
    case updateRegistration = "update_registration"
    case waitAuthorization = "wait_authorization"
    case waitOrder = "wait_order"
}

/// One request and how it ended, for whoever counts them.
package struct ACMERequestRecord: Sendable, Hashable {
    package var action: ACMEAction
    /// A nonce fetched on behalf of an action is a `HEAD` of that action.
    package var method: String
    package var scheme: String
    package var host: String
    /// The HTTP status, nil when no answer came.
    package var status: Int?
    /// The type of the problem that the answer was, in lower case and without its namespace, such as `ratelimited`; nil
    /// when it was none, `other` for a type that no RFC names.
    package var problem: String?
    package var duration: Duration
}

/// Told of every request; called on the requesting task, so it must be quick.
package typealias ACMEObserver = @Sendable (ACMERequestRecord) -> Void
