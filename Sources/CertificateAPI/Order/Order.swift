package import KubeModel
package import Wire

/// Where an ACME order, authorization or challenge stands. An object we have not looked at yet has none.
package enum ACMEState: String, Codable, Sendable, Hashable, CaseIterable {
    case valid, ready, pending, processing, invalid, expired, errored

    /// Nothing changes any more.
    package var isFinal: Bool { self == .valid || isFailure }
    package var isFailure: Bool { self == .invalid || self == .expired || self == .errored }
}

/// One ACME order for one CertificateRequest, mirrored.
package struct Order: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: Names.acmeGroup, version: Names.version, kind: "Order", plural: "orders", isNamespaced: true)

    package var metadata: ObjectMeta
    package var spec: Spec
    package var status: Status?

    package init(metadata: ObjectMeta, spec: Spec, status: Status? = nil) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }

    package struct Spec: Codable, Sendable, Hashable {
        /// The signing request, PEM or DER.
        package var request: Base64Data
        package var issuerRef: IssuerReference
        package var commonName: String?
        package var dnsNames: [String]?
        package var ipAddresses: [String]?
        package var duration: String?
        package var profile: String?
        /// The RFC 9773 identifier of the certificate this one replaces.
        package var replaces: String?

        package init(request: Base64Data, issuerRef: IssuerReference) {
            self.request = request
            self.issuerRef = issuerRef
        }
    }

    package struct Status: Codable, Sendable, Hashable {
        package var url: String?
        package var finalizeURL: String?
        package var authorizations: [Authorization]?
        /// PEM, leaf first.
        package var certificate: Base64Data?
        package var state: ACMEState?
        package var reason: String?
        package var failureTime: Timestamp?

        package init() {}
    }

    package struct Authorization: Codable, Sendable, Hashable {
        package var url: String
        /// The name without a wildcard's `*.`; nil until it was fetched.
        package var identifier: String?
        package var wildcard: Bool?
        package var initialState: ACMEState?
        package var challenges: [OfferedChallenge]?

        package init(url: String) {
            self.url = url
        }
    }

    package struct OfferedChallenge: Codable, Sendable, Hashable {
        package var url: String
        package var token: String
        /// As ACME spells it, such as `http-01`.
        package var type: String

        package init(url: String, token: String, type: String) {
            self.url = url
            self.token = token
            self.type = type
        }
    }
}
