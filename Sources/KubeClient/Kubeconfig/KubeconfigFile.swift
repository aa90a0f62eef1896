import Wire
import YAML

/// A kubeconfig as it stands in a file (client.config/v1); what we do not use is passed over.
struct KubeconfigFile: Codable, Sendable {
    struct NamedCluster: Codable, Sendable {
        var name: String
        var cluster: Cluster?
    }
    struct Cluster: Codable, Sendable {
        var server: String?
        var tlsServerName: String?
        var insecureSkipTLSVerify: Bool?
        var certificateAuthority: String?
        var certificateAuthorityData: Base64Data?
        var proxyURL: String?

        enum CodingKeys: String, CodingKey {
            case server
            case tlsServerName = "tls-server-name"
            case insecureSkipTLSVerify = "insecure-skip-tls-verify"
            case certificateAuthority = "certificate-authority"
            case certificateAuthorityData = "certificate-authority-data"
            case proxyURL = "proxy-url"
        }
    }
    struct NamedUser: Codable, Sendable {
        var name: String
        var user: User?
    }
    struct User: Codable, Sendable {
        var clientCertificate: String?
        var clientCertificateData: Base64Data?
        var clientKey: String?
        var clientKeyData: Base64Data?
        var token: String?
        var tokenFile: String?
        var username: String?
        var password: String?
        var impersonate: String?
        var impersonateUID: String?
        var impersonateGroups: [String]?
        var impersonateExtra: JSONObject?
        var exec: ExecConfig?
        var authProvider: JSONValue?

        enum CodingKeys: String, CodingKey {
            case clientCertificate = "client-certificate"
            case clientCertificateData = "client-certificate-data"
            case clientKey = "client-key"
            case clientKeyData = "client-key-data"
            case token, tokenFile, username, password, exec
            case impersonate = "as"
            case impersonateUID = "as-uid"
            case impersonateGroups = "as-groups"
            case impersonateExtra = "as-user-extra"
            case authProvider = "auth-provider"
        }
    }
    struct ExecConfig: Codable, Sendable {
        struct Variable: Codable, Sendable {
            var name: String
            var value: String
        }
        var command: String
        var args: [String]?
        var env: [Variable]?
        var apiVersion: String?
        var installHint: String?
        var provideClusterInfo: Bool?
        var interactiveMode: String?
    }
    struct NamedContext: Codable, Sendable {
        var name: String
        var context: Context?
    }
    struct Context: Codable, Sendable {
        var cluster: String?
        var user: String?
        var namespace: String?
    }

    var currentContext: String?
    var clusters: [NamedCluster]?
    var users: [NamedUser]?
    var contexts: [NamedContext]?

    enum CodingKeys: String, CodingKey {
        case clusters, users, contexts
        case currentContext = "current-context"
    }
}

/// Why no configuration could be made: names the file and the field, never a value.
package struct KubeconfigError: Error, Sendable, Equatable, CustomStringConvertible {
    package let file: String
    package let problem: String

    package init(file: String, problem: String) {
        self.file = file
        self.problem = problem
    }

    package var description: String { "The kubeconfig \(file) cannot be used: \(problem)" }
}

/// Several kubeconfig files read as one: for each name and for the current context the first file to say it wins, as
/// kubectl has it. Each entry remembers its file's folder, against which its paths are resolved.
struct MergedKubeconfig: Sendable {
    struct Sourced<Value: Sendable>: Sendable {
        var value: Value
        var file: String
    }
    private(set) var currentContext: String?
    private(set) var clusters: [String: Sourced<KubeconfigFile.Cluster>] = [:]
    private(set) var users: [String: Sourced<KubeconfigFile.User>] = [:]
    private(set) var contexts: [String: Sourced<KubeconfigFile.Context>] = [:]
    private(set) var files: [String] = []

    mutating func add(_ bytes: [UInt8], file: String) throws(KubeconfigError) {
        let content = try Self.read(bytes, file: file)
        files.append(file)
        if currentContext == nil, let current = content.currentContext, !current.isEmpty { currentContext = current }
        for entry in content.clusters ?? [] where clusters[entry.name] == nil {
            clusters[entry.name] = entry.cluster.map { Sourced(value: $0, file: file) }
        }
        for entry in content.users ?? [] where users[entry.name] == nil {
            users[entry.name] = entry.user.map { Sourced(value: $0, file: file) }
        }
        for entry in content.contexts ?? [] where contexts[entry.name] == nil {
            contexts[entry.name] = entry.context.map { Sourced(value: $0, file: file) }
        }
    }

    private static func read(_ bytes: [UInt8], file: String) throws(KubeconfigError) -> KubeconfigFile {
        let documents: [JSONValue]
        do throws(YAMLError) {
            documents = try YAMLDocuments.parse(bytes)
        } catch {
            throw KubeconfigError(file: file, problem: "\(error).")
        }
        guard let document = documents.first else { throw KubeconfigError(file: file, problem: "it is empty.") }
        do throws(ValueDecodingError) {
            return try document.decode(KubeconfigFile.self)
        } catch {
            throw KubeconfigError(file: file, problem: "\(error).")
        }
    }
}
