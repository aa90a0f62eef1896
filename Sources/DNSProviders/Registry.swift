package import CertificateAPI
package import Wire

/// A provider that the shared schema has no field for: it stands in `dns01.webhook` with the group `certwright.dev`.
package protocol OwnDNSProvider: DNSProvider {
    /// The fields that its configuration may have; the schema does not check them.
    static var fields: [String] { get }
}

/// Every DNS provider there is, by its key under `dns01`.
package struct DNSProviderRegistry: Sendable {
    package static let standard = DNSProviderRegistry(
        [
            ACMEDNS.self, Akamai.self, AzureDNS.self, CloudDNS.self, Cloudflare.self, DigitalOcean.self, RFC2136.self,
            Route53.self, Webhook.self,
        ],
        own: [
            DeSEC.self, DNSimple.self, Gandi.self, GoDaddy.self, HTTPHook.self, Hetzner.self, Infoblox.self,
            Linode.self, Namecheap.self, OVH.self, Porkbun.self, PowerDNS.self, Program.self, Scaleway.self,
        ])

    /// The group under `dns01.webhook` that means a provider of this program.
    package static let ownGroup = Solver.DNS01.ownGroup

    private let entries: [String: Entry]
    private let own: [String: Entry]

    private struct Entry: Sendable {
        var problems: @Sendable (JSONValue, FieldPath) -> [FieldProblem]
        var make: @Sendable (JSONValue, ProviderContext) async throws(DNSProviderError) -> any DNSProvider
    }

    package init(_ providers: [any DNSProvider.Type], own: [any OwnDNSProvider.Type] = []) {
        var entries: [String: Entry] = [:]
        for provider in providers { entries[provider.key] = Self.entry(for: provider) }
        self.entries = entries
        entries = [:]
        for provider in own { entries[provider.key] = Self.ownEntry(for: provider) }
        self.own = entries
    }

    /// The fields under `dns01` that are served.
    package var keys: Set<String> { Set(entries.keys).union(own.isEmpty ? [] : ["webhook"]) }
    /// The names of providers under `dns01.webhook` with our group.
    package var ownKeys: Set<String> { Set(own.keys) }

    /// What is wrong with a stanza, `path` being that of its `dns01`.
    package func problems(in solver: Solver.DNS01, at path: FieldPath) -> [FieldProblem] {
        if solver.isManual { return [] }
        do throws(DNSProviderError) {
            let found = try find(solver, at: path)
            let shared = ProviderRules.problems(in: solver, at: path)
            return shared.isEmpty ? found.entry.problems(found.config, found.path) : shared
        } catch .invalid(let problems) {
            return problems
        } catch {
            return [
                .forbidden(
                    path[solver.provider?.key ?? ""],
                    "this provider is not supported yet; supported are \(keys.sorted().joined(separator: ", "))")
            ]
        }
    }

    /// The provider that a stanza configures, ready to write.
    package func provider(
        for solver: Solver.DNS01, at path: FieldPath, in context: ProviderContext
    ) async throws(DNSProviderError) -> any DNSProvider {
        let found = try find(solver, at: path)
        var context = context
        context.path = found.path
        let problems = problems(in: solver, at: path)
        if !problems.isEmpty { throw .invalid(problems) }
        return try await found.entry.make(found.config, context)
    }

    private func find(
        _ solver: Solver.DNS01, at path: FieldPath
    ) throws(DNSProviderError) -> (entry: Entry, config: JSONValue, path: FieldPath) {
        guard let (key, config) = solver.provider else {
            throw .invalid([.required(path, "exactly one DNS provider must be configured")])
        }
        if let inner = Self.ownConfig(of: solver, at: path) {
            let namePath = path[key]["solverName"]
            guard let name = inner.name else { throw .invalid([.required(namePath)]) }
            guard let entry = own[name] else {
                throw .invalid([.notSupported(namePath, name, own.keys.sorted())])
            }
            return (entry, inner.config, inner.path)
        }
        guard let entry = entries[key] else { throw .unsupported(path[key], key: key, supported: keys.sorted()) }
        return (entry, config, path[key])
    }

    /// The provider of this program that stands in `dns01.webhook`, with its configuration; nil for every other stanza.
    package static func ownConfig(
        of solver: Solver.DNS01, at path: FieldPath
    ) -> (name: String?, config: JSONValue, path: FieldPath)? {
        guard let (key, config) = solver.provider, key == "webhook", config["groupName"]?.stringValue == ownGroup else {
            return nil
        }
        let inner = config["config"] ?? .null
        return (
            config["solverName"]?.stringValue.nonEmpty, inner.isNull ? [:] : inner, path[key]["config"]
        )
    }
}

extension DNSProviderRegistry {
    private static func entry<Provider: DNSProvider>(for provider: Provider.Type) -> Entry {
        Entry(
            problems: { config, path in
                do throws(DNSProviderError) {
                    return Provider.problems(in: try decode(Provider.Config.self, config, path), at: path)
                } catch .invalid(let problems) {
                    return problems
                } catch {
                    return [.invalid(path, "", error.description)]
                }
            },
            make: { config, context throws(DNSProviderError) in
                try await Provider(try decode(Provider.Config.self, config, context.path), in: context)
            })
    }

    /// The schema lets every field through here, so one that nobody reads is refused.
    private static func ownEntry<Provider: OwnDNSProvider>(for provider: Provider.Type) -> Entry {
        let inner = entry(for: provider)
        return Entry(
            problems: { config, path in
                let unknown = (config.objectValue?.keys ?? []).filter { !Provider.fields.contains($0) }
                let known = Provider.fields.joined(separator: ", ")
                return unknown.map { .forbidden(path[$0], "\(Provider.key) has no such field; it has \(known)") }
                    + inner.problems(config, path)
            }, make: inner.make)
    }

    private static func decode<Config: Decodable>(
        _ type: Config.Type, _ config: JSONValue, _ path: FieldPath
    ) throws(DNSProviderError) -> Config {
        do {
            return try config.decode(type)
        } catch {
            let field = error.path.isEmpty ? path : FieldPath("\(path.text).\(error.path)")
            throw .invalid([.invalid(field, "", error.reason)])
        }
    }
}

extension DNSProvider {
    /// For those whose rules all stand in `ProviderRules`.
    package static func problems(in config: Config, at path: FieldPath) -> [FieldProblem] { [] }
}

extension SecretKeySelector {
    /// A reference names both the Secret and its key.
    func problems(at path: FieldPath) -> [FieldProblem] {
        (name.isEmpty ? [.required(path["name"], "secret name is required")] : [])
            + (key.nonEmpty == nil ? [.required(path["key"], "secret key is required")] : [])
    }
}
