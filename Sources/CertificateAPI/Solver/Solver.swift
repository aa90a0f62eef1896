package import Wire

/// One way to prove control of names: the stanza of an ACME issuer, copied into each Challenge that uses it.
package struct Solver: Codable, Sendable, Hashable {
    package var selector: Selector?
    package var http01: HTTP01?
    package var dns01: DNS01?
    /// Skip the self-check and wait this long after presenting instead.
    package var waitInsteadOfSelfCheck: String?

    package init() {}

    package struct Selector: Codable, Sendable, Hashable {
        package var matchLabels: [String: String]?
        package var dnsNames: [String]?
        package var dnsZones: [String]?

        package init(
            matchLabels: [String: String]? = nil, dnsNames: [String]? = nil, dnsZones: [String]? = nil
        ) {
            self.matchLabels = matchLabels
            self.dnsNames = dnsNames
            self.dnsZones = dnsZones
        }
    }

    /// Exactly one member is set in a legal solver.
    package struct HTTP01: Codable, Sendable, Hashable {
        package var ingress: IngressSolver?
        package var gatewayHTTPRoute: GatewaySolver?

        package init() {}
    }

    package struct IngressSolver: Codable, Sendable, Hashable {
        package var serviceType: String?
        package var ingressClassName: String?
        package var `class`: String?
        /// The existing Ingress to edit instead of making one.
        package var name: String?
        package var podTemplate: PodTemplate?
        package var ingressTemplate: IngressTemplate?

        package init() {}
    }

    package struct IngressTemplate: Codable, Sendable, Hashable {
        package var metadata: TemplateMetadata?

        package init() {}
    }

    package struct TemplateMetadata: Codable, Sendable, Hashable {
        package var annotations: [String: String]?
        package var labels: [String: String]?

        package init(annotations: [String: String]? = nil, labels: [String: String]? = nil) {
            self.annotations = annotations
            self.labels = labels
        }
    }

    package struct GatewaySolver: Codable, Sendable, Hashable {
        package var serviceType: String?
        package var labels: [String: String]?
        package var parentRefs: [ParentReference]?
        package var podTemplate: PodTemplate?

        package init() {}
    }

    /// A Gateway, or what else a route attaches to (Gateway API's ParentReference).
    package struct ParentReference: Codable, Sendable, Hashable {
        package var group: String?
        package var kind: String?
        package var namespace: String?
        package var name: String
        package var sectionName: String?
        package var port: Int?

        package init(name: String) {
            self.name = name
        }
    }
}

extension Solver {
    /// How DNS records are written: settings of ours, and the provider as its key and uninterpreted configuration, so
    /// that a new provider changes nothing here. A legal solver has exactly one provider.
    package struct DNS01: Codable, Sendable, Hashable {
        package var cnameStrategy: String?
        package var nameservers: [String]?
        package var providers: JSONObject = [:]

        package init() {}

        /// The provider's key under `dns01` and its configuration; nil when there is none or more than one.
        package var provider: (key: String, config: JSONValue)? {
            var iterator = providers.makeIterator()
            guard let first = iterator.next(), iterator.next() == nil else { return nil }
            return (first.key, first.value)
        }

        /// Whether a person writes the records. The API has no provider for that, so it takes the shape of one outside of
        /// this controller: a webhook of our own group.
        package var isManual: Bool {
            guard let provider, provider.key == "webhook" else { return false }
            return provider.config["groupName"]?.stringValue == Self.ownGroup
                && provider.config["solverName"]?.stringValue == "manual"
        }

        /// The group under `dns01.webhook` that means something of this program.
        package static let ownGroup = "certwright.dev"

        package init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: PathKey.self)
            for key in container.allKeys {
                switch key.stringValue {
                case "cnameStrategy": cnameStrategy = try container.decodeIfPresent(String.self, forKey: key)
                case "nameservers": nameservers = try container.decodeIfPresent([String].self, forKey: key)
                default: providers[key.stringValue] = try container.decode(JSONValue.self, forKey: key)
                }
            }
        }

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: PathKey.self)
            try container.encodeIfPresent(cnameStrategy, forKey: PathKey("cnameStrategy"))
            try container.encodeIfPresent(nameservers, forKey: PathKey("nameservers"))
            for member in providers { try container.encode(member.value, forKey: PathKey(member.key)) }
        }
    }
}
