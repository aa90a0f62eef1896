package import CertificateAPI
import Wire

/// Every DNS provider there is, by its key under `dns01`.
package struct DNSProviderRegistry: Sendable {
    package static let standard = DNSProviderRegistry([RFC2136.self])

    private let entries: [String: Entry]

    private struct Entry: Sendable {
        var problems: @Sendable (JSONValue, FieldPath) -> [FieldProblem]
        var make: @Sendable (JSONValue, FieldPath, ProviderContext) async throws(DNSProviderError) -> any DNSProvider
    }

    package init(_ providers: [any DNSProvider.Type]) {
        var entries: [String: Entry] = [:]
        for provider in providers { entries[provider.key] = Self.entry(for: provider) }
        self.entries = entries
    }

    package var keys: Set<String> { Set(entries.keys) }

    /// What is wrong with a stanza, `path` being that of its `dns01`.
    package func problems(in solver: Solver.DNS01, at path: FieldPath) -> [FieldProblem] {
        guard let (key, config) = solver.provider else {
            return [.required(path, "exactly one DNS provider must be configured")]
        }
        guard let entry = entries[key] else {
            return [.forbidden(path[key], "this provider is not supported yet; supported are \(supportedText)")]
        }
        return entry.problems(config, path[key])
    }

    /// The provider that a stanza configures, ready to write.
    package func provider(
        for solver: Solver.DNS01, at path: FieldPath, in context: ProviderContext
    ) async throws(DNSProviderError) -> any DNSProvider {
        guard let (key, config) = solver.provider else {
            throw .invalid([.required(path, "exactly one DNS provider must be configured")])
        }
        guard let entry = entries[key] else {
            throw .unsupported(path[key], key: key, supported: keys.sorted())
        }
        return try await entry.make(config, path[key], context)
    }

    private var supportedText: String { keys.sorted().joined(separator: ", ") }

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
            make: { config, path, context throws(DNSProviderError) in
                let config = try decode(Provider.Config.self, config, path)
                let problems = Provider.problems(in: config, at: path)
                if !problems.isEmpty { throw .invalid(problems) }
                return try await Provider(config, in: context)
            })
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
