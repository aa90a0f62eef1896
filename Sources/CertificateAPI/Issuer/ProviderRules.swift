import Wire

/// The rules of DNS provider stanzas, for every provider that the API knows: also those that no room here serves.
package enum ProviderRules {
    package static func problems(in stanza: Solver.DNS01, at path: FieldPath) -> [FieldProblem] {
        stanza.providers.flatMap { member -> [FieldProblem] in
            guard let rules = table[member.key] else { return [] }
            var reader = StanzaReader(config: member.value, path: path[member.key])
            rules(&reader)
            return reader.problems
        }
    }

    private static let table: [String: @Sendable (inout StanzaReader) -> Void] = [
        "akamai": { stanza in
            for field in ["accessTokenSecretRef", "clientSecretSecretRef", "clientTokenSecretRef"] {
                stanza.requireSecretKey(field)
            }
            stanza.requireText("serviceConsumerDomain")
        },
        "azureDNS": azure,
        "cloudDNS": { stanza in
            stanza.requireText("project")
            stanza.checkSecretKey("serviceAccountSecretRef")
        },
        "cloudflare": cloudflare,
        "route53": { stanza in
            if stanza.text("accessKeyID") != nil, stanza.has("accessKeyIDSecretRef") {
                stanza.forbid("accessKeyIDSecretRef", "accessKeyID and accessKeyIDSecretRef cannot both be specified")
            }
            stanza.checkSecretKey("accessKeyIDSecretRef")
        },
        "acmeDNS": { stanza in
            stanza.requireSecretKey("accountSecretRef")
            stanza.requireText("host")
        },
        "digitalocean": { $0.requireSecretKey("tokenSecretRef") },
        "webhook": { $0.requireText("solverName") },
    ]

    private static let clouds = [
        "AzurePublicCloud", "AzureChinaCloud", "AzureGermanCloud", "AzureUSGovernmentCloud",
    ]

    @Sendable private static func azure(_ stanza: inout StanzaReader) {
        let principal = ["clientID", "clientSecretSecretRef", "tenantID"]
        let set = principal.filter { stanza.has($0) }
        if !set.isEmpty {
            for field in principal where !set.contains(field) {
                stanza.require(field, "must be set along with \(set.joined(separator: " and "))")
            }
            stanza.checkSecretKey("clientSecretSecretRef")
            if stanza.has("managedIdentity") {
                stanza.forbid("managedIdentity", "managed identity can not be used with a service principal")
            }
        } else if let identity = stanza.config["managedIdentity"] {
            var inner = StanzaReader(config: identity, path: stanza.path["managedIdentity"])
            if inner.has("resourceID") {
                for field in ["clientID", "tenantID"] where inner.has(field) {
                    inner.forbid(field, "\(field) and resourceID cannot both be specified")
                }
            } else if inner.has("tenantID"), !inner.has("clientID") {
                inner.require("clientID", "must be set along with tenantID")
            }
            stanza.problems += inner.problems
        }
        stanza.requireText("subscriptionID")
        stanza.requireText("resourceGroupName")
        if let cloud = stanza.text("environment"), !clouds.contains(cloud) {
            stanza.problems.append(.notSupported(stanza.path["environment"], cloud, clouds))
        }
    }

    @Sendable private static func cloudflare(_ stanza: inout StanzaReader) {
        switch (stanza.has("apiKeySecretRef"), stanza.has("apiTokenSecretRef")) {
        case (false, false):
            stanza.problems.append(
                .required(stanza.path, "apiKeySecretRef or apiTokenSecretRef is required"))
        case (true, true):
            stanza.forbid("apiTokenSecretRef", "apiKeySecretRef and apiTokenSecretRef cannot both be specified")
        case (true, false):
            stanza.checkSecretKey("apiKeySecretRef")
            if stanza.text("email") == nil { stanza.require("email", "is required when apiKeySecretRef is used") }
        case (false, true): stanza.checkSecretKey("apiTokenSecretRef")
        }
    }
}

/// One provider's stanza, read field by field; what is empty counts as absent.
struct StanzaReader {
    let config: JSONValue
    let path: FieldPath
    var problems: [FieldProblem] = []

    init(config: JSONValue, path: FieldPath) {
        self.config = config
        self.path = path
    }

    func text(_ field: String) -> String? { config[field]?.stringValue.nonEmpty }

    func has(_ field: String) -> Bool {
        switch config[field] {
        case nil, .null?: false
        case .string(let text)?: !text.isEmpty
        default: true
        }
    }

    mutating func require(_ field: String, _ detail: String = "") { problems.append(.required(path[field], detail)) }
    mutating func forbid(_ field: String, _ detail: String) { problems.append(.forbidden(path[field], detail)) }
    mutating func requireText(_ field: String) { if text(field) == nil { require(field) } }

    mutating func requireSecretKey(_ field: String) {
        if has(field) { checkSecretKey(field) } else { require(field) }
    }

    /// A reference that is set names both the Secret and its key.
    mutating func checkSecretKey(_ field: String) {
        guard let reference = config[field], has(field) else { return }
        if reference["name"]?.stringValue.nonEmpty == nil {
            problems.append(.required(path[field]["name"], "secret name is required"))
        }
        if reference["key"]?.stringValue.nonEmpty == nil {
            problems.append(.required(path[field]["key"], "secret key is required"))
        }
    }
}
