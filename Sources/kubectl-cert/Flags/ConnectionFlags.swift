import ArgumentParser
import KubeClient
import Wire

/// How the API server is reached: kubectl's flags, with kubectl's meanings.
struct ConnectionFlags: ParsableArguments {
    @Option(help: "The kubeconfig file. Default: those of KUBECONFIG, else ~/.kube/config.")
    var kubeconfig: String?

    @Option(help: "The context of the kubeconfig to use.")
    var context: String?

    @Option(help: "The cluster of the kubeconfig to use, in place of the context's.")
    var cluster: String?

    @Option(help: "The user of the kubeconfig to use, in place of the context's.")
    var user: String?

    @Option(name: [.customShort("s"), .long], help: "The URL of the API server, in place of the cluster's.")
    var server: String?

    @Option(help: "A bearer token, in place of the user's credentials. Others can see it in the list of processes.")
    var token: String?

    @Option(name: .customLong("as"), help: "The user to act as.")
    var impersonatedUser: String?

    @Option(name: .customLong("as-uid"), help: "The UID to act as.")
    var impersonatedUID: String?

    @Option(name: .customLong("as-group"), help: "A group to act as; may be given again.")
    var impersonatedGroups: [String] = []

    @Option(help: "A PEM file with the certificates that the API server's may end in.")
    var certificateAuthority: String?

    @Option(help: "A PEM file with a client certificate.")
    var clientCertificate: String?

    @Option(help: "A PEM file with the client certificate's key.")
    var clientKey: String?

    @Flag(help: "Take any certificate of the API server's. Whoever stands between can then read and change everything.")
    var insecureSkipTlsVerify = false

    @Option(help: "The name that the API server's certificate must have, in place of the URL's host.")
    var tlsServerName: String?

    @Option(
        help: "How long one request may take, such as 30s; a number alone is seconds, 0 is no limit.",
        transform: RequestTimeout.parse)
    var requestTimeout = RequestTimeout.none

    func validate() throws {
        if impersonatedUser == nil, impersonatedUID != nil || !impersonatedGroups.isEmpty {
            throw ValidationError("--as-uid and --as-group need --as.")
        }
    }

    func configuration(
        environment: ClusterConfiguration.Environment = ProcessSettings.environment
    ) throws(KubeconfigError) -> ClusterConfiguration {
        var overrides = KubeconfigOverrides()
        overrides.cluster = cluster
        overrides.user = user
        overrides.token = token.map { Redacted($0) }
        overrides.certificateAuthority = certificateAuthority
        overrides.clientCertificate = clientCertificate
        overrides.clientKey = clientKey
        overrides.insecureSkipTLSVerify = insecureSkipTlsVerify
        overrides.tlsServerName = tlsServerName
        overrides.impersonation = impersonatedUser.map {
            Impersonation(user: $0, uid: impersonatedUID, groups: impersonatedGroups)
        }
        return try .load(
            kubeconfig: kubeconfig, context: context, server: server, overrides: overrides, environment: environment)
    }
}

/// kubectl's `--request-timeout`.
struct RequestTimeout: Sendable, Equatable {
    /// Nil for no limit but the usual one.
    var duration: Duration?
    static let none = RequestTimeout(duration: nil)

    @Sendable static func parse(_ text: String) throws -> RequestTimeout {
        if let seconds = Int64(text), (0...86_400).contains(seconds) {
            return RequestTimeout(duration: seconds == 0 ? nil : .seconds(seconds))
        }
        guard let duration = GoDuration(text), duration.nanoseconds > 0 else {
            throw ValidationError("--request-timeout must be a number of seconds or a duration such as 30s.")
        }
        return RequestTimeout(duration: duration.duration)
    }
}

/// Which namespace is meant.
struct NamespaceFlags: ParsableArguments {
    @Option(name: [.customShort("n"), .long], help: "The namespace. Default: the context's.")
    var namespace: String?
}

/// Which namespaces are meant.
struct NamespacesFlags: ParsableArguments {
    @Option(name: [.customShort("n"), .long], help: "The namespace. Default: the context's.")
    var namespace: String?

    @Flag(name: [.customShort("A"), .long], help: "All namespaces.")
    var allNamespaces = false

    /// Nil for all.
    func chosen(_ configuration: ClusterConfiguration) -> String? {
        allNamespaces ? nil : namespace ?? configuration.namespace
    }
}

/// How the answer is written.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case table, wide, json, yaml, name
}

struct OutputFlags: ParsableArguments {
    @Option(name: [.customShort("o"), .long], help: "table, wide, json, yaml or name.")
    var output = OutputFormat.table

    @Option(
        help: "auto, always or never. auto colours only terminals, and none where NO_COLOR is set (no-color.org).")
    var color = ColourChoice.auto
}

enum ColourChoice: String, ExpressibleByArgument, CaseIterable {
    case auto, always, never
}
