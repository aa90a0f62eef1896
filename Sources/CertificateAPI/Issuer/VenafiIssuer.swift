package import Wire

/// Signs through a Venafi (CyberArk) server: exactly one of the three kinds.
package struct VenafiIssuer: Codable, Sendable, Hashable {
    package var zone: String
    package var tpp: TPP?
    package var cloud: Cloud?
    package var ngts: NGTS?

    package init(zone: String) {
        self.zone = zone
    }

    package struct TPP: Codable, Sendable, Hashable {
        package var url: String
        package var credentialsRef: LocalReference
        package var caBundle: Base64Data?
        package var caBundleSecretRef: SecretKeySelector?

        package init(url: String, credentialsRef: LocalReference) {
            self.url = url
            self.credentialsRef = credentialsRef
        }
    }

    package struct Cloud: Codable, Sendable, Hashable {
        package var apiTokenSecretRef: SecretKeySelector
        package var url: String?

        package init(apiTokenSecretRef: SecretKeySelector) {
            self.apiTokenSecretRef = apiTokenSecretRef
        }
    }

    package struct NGTS: Codable, Sendable, Hashable {
        package var tsgID: String
        package var credentialsRef: LocalReference
        package var url: String?
        package var tokenEndpoint: String?

        package init(tsgID: String, credentialsRef: LocalReference) {
            self.tsgID = tsgID
            self.credentialsRef = credentialsRef
        }
    }
}
