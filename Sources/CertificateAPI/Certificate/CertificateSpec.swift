extension Certificate {
    /// What the user asks for, as written: durations and enumerations stay text here, and `DesiredCertificate` judges them.
    package struct Spec: Codable, Sendable, Hashable {
        package var secretName: String
        package var issuerRef: IssuerReference
        package var commonName: String?
        package var dnsNames: [String]?
        package var ipAddresses: [String]?
        package var uris: [String]?
        package var emailAddresses: [String]?
        package var otherNames: [OtherName]?
        package var subject: Subject?
        package var literalSubject: String?
        package var isCA: Bool?
        package var usages: [String]?
        package var encodeUsagesInRequest: Bool?
        package var nameConstraints: NameConstraints?
        package var duration: String?
        package var renewBefore: String?
        package var renewBeforePercentage: Int?
        package var renewal: Renewal?
        package var revisionHistoryLimit: Int?
        package var privateKey: PrivateKey?
        package var signatureAlgorithm: String?
        package var secretTemplate: SecretTemplate?
        package var keystores: Keystores?
        package var additionalOutputFormats: [OutputFormat]?

        package init(secretName: String, issuerRef: IssuerReference) {
            self.secretName = secretName
            self.issuerRef = issuerRef
        }
    }

    package struct OtherName: Codable, Sendable, Hashable {
        package var oid: String?
        package var utf8Value: String?

        package init(oid: String? = nil, utf8Value: String? = nil) {
            self.oid = oid
            self.utf8Value = utf8Value
        }
    }

    /// The parts of the subject other than the common name.
    package struct Subject: Codable, Sendable, Hashable {
        package var organizations: [String]?
        package var countries: [String]?
        package var organizationalUnits: [String]?
        package var localities: [String]?
        package var provinces: [String]?
        package var streetAddresses: [String]?
        package var postalCodes: [String]?
        package var serialNumber: String?

        package init() {}
    }

    package struct NameConstraints: Codable, Sendable, Hashable {
        package var critical: Bool?
        package var permitted: Subtrees?
        package var excluded: Subtrees?

        package init() {}

        package struct Subtrees: Codable, Sendable, Hashable {
            package var dnsDomains: [String]?
            package var ipRanges: [String]?
            package var emailAddresses: [String]?
            package var uriDomains: [String]?

            package init() {}
        }
    }

    /// When renewal may happen.
    package struct Renewal: Codable, Sendable, Hashable {
        package var policy: String?
        package var windows: [Window]?

        package init(policy: String? = nil, windows: [Window]? = nil) {
            self.policy = policy
            self.windows = windows
        }

        package struct Window: Codable, Sendable, Hashable {
            package var cron: String
            package var windowDuration: String
            package var timezone: String?

            package init(cron: String, windowDuration: String, timezone: String? = nil) {
                self.cron = cron
                self.windowDuration = windowDuration
                self.timezone = timezone
            }
        }
    }

    package struct PrivateKey: Codable, Sendable, Hashable {
        package var rotationPolicy: String?
        package var encoding: String?
        package var algorithm: String?
        package var size: Int?

        package init() {}
    }

    package struct SecretTemplate: Codable, Sendable, Hashable {
        package var annotations: [String: String]?
        package var labels: [String: String]?

        package init(annotations: [String: String]? = nil, labels: [String: String]? = nil) {
            self.annotations = annotations
            self.labels = labels
        }
    }

    package struct OutputFormat: Codable, Sendable, Hashable {
        package var type: String

        package init(type: String) {
            self.type = type
        }
    }

    package struct Keystores: Codable, Sendable, Hashable {
        package var jks: JKS?
        package var pkcs12: PKCS12?

        package init() {}

        package struct JKS: Codable, Sendable, Hashable {
            package var create: Bool
            package var alias: String?
            package var passwordSecretRef: SecretKeySelector?
            package var password: String?

            package init(create: Bool) {
                self.create = create
            }
        }

        package struct PKCS12: Codable, Sendable, Hashable {
            package var create: Bool
            package var profile: String?
            package var passwordSecretRef: SecretKeySelector?
            package var password: String?

            package init(create: Bool) {
                self.create = create
            }
        }
    }
}
