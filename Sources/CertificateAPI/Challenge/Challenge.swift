package import KubeModel
package import Wire

/// One proof of control over one name, to be presented, checked, answered and cleaned up.
package struct Challenge: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: Names.acmeGroup, version: Names.version, kind: "Challenge", plural: "challenges", isNamespaced: true)

    package var metadata: ObjectMeta
    package var spec: Spec
    package var status: Status?

    package init(metadata: ObjectMeta, spec: Spec, status: Status? = nil) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }

    package enum Kind: String, Codable, Sendable, Hashable {
        case http01 = "HTTP-01"
        case dns01 = "DNS-01"
    }

    package struct Spec: Codable, Sendable, Hashable {
        package var url: String
        package var authorizationURL: String
        package var dnsName: String
        package var wildcard: Bool?
        package var type: Kind
        package var token: String
        /// HTTP-01: the key authorization. DNS-01: its digest, the text of the TXT record.
        package var key: String
        package var solver: Solver
        package var issuerRef: IssuerReference

        package init(
            url: String, authorizationURL: String, dnsName: String, wildcard: Bool? = nil, type: Kind, token: String,
            key: String, solver: Solver, issuerRef: IssuerReference
        ) {
            self.url = url
            self.authorizationURL = authorizationURL
            self.dnsName = dnsName
            self.wildcard = wildcard
            self.type = type
            self.token = token
            self.key = key
            self.solver = solver
            self.issuerRef = issuerRef
        }
    }

    package struct Status: Codable, Sendable, Hashable {
        package var processing: Bool?
        package var presented: Bool?
        package var presentedAt: Timestamp?
        package var reason: String?
        package var state: ACMEState?

        package init() {}
    }
}
