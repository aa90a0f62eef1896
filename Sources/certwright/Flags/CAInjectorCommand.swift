import ArgumentParser
import Injection
import Operations
import Wire

/// `certwright cainjector`: CA injection alone, in a process of its own.
struct CAInjectorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cainjector",
        abstract: "Injects CA bundles into webhook configurations, API services and definitions that ask for it.")

    @OptionGroup(title: "Configuration file") var file: ConfigFileFlags
    @OptionGroup(title: "Cluster") var connection: ConnectionFlags
    @OptionGroup(title: "Injection") var injection: InjectionFlags
    @OptionGroup(title: "Leader election") var leaderElection: LeaderElectionFlags
    @OptionGroup(title: "Serving") var serving: ServingFlags
    @OptionGroup(title: "TLS of /metrics") var metricsTLS: MetricsTLSFlags
    @OptionGroup(title: "Features") var features: FeatureFlags
    @OptionGroup(title: "Logging") var logging: LoggingFlags
    @OptionGroup(title: "Accepted for compatibility") var compatibility: CommonCompatibilityFlags

    @Option(
        name: .customLong("namespace"),
        help: "Take CAs only from these namespaces, separated by commas. Default: from all.",
        transform: CommaList.parse)
    var namespaces: [String] = []

    func validate() throws {
        try leaderElection.validate()
        try metricsTLS.validate()
        try features.validate(for: [.cainjector])
    }

    func run() async throws {
        try await CAInjectorAssembly(flags: self).run()
    }
}

struct InjectionFlags: ParsableArguments {
    @Option(help: "Namespaces to take no CA from, separated by commas.", transform: CommaList.parse)
    var ignoreNamespaces: [String] = []

    @Flag(inversion: .prefixedNo, help: "Take CAs from the Secrets of Certificates.")
    var enableCertificatesDataSource = true

    @Flag(inversion: .prefixedNo, help: "Inject into ValidatingWebhookConfigurations.")
    var enableValidatingwebhookconfigurationsInjectable = true

    @Flag(inversion: .prefixedNo, help: "Inject into MutatingWebhookConfigurations.")
    var enableMutatingwebhookconfigurationsInjectable = true

    @Flag(inversion: .prefixedNo, help: "Inject into the conversion webhooks of CustomResourceDefinitions.")
    var enableCustomresourcedefinitionsInjectable = true

    @Flag(inversion: .prefixedNo, help: "Inject into APIServices.")
    var enableApiservicesInjectable = true

    func settings(namespaces: [String]) -> InjectionSettings {
        var settings = InjectionSettings()
        settings.namespaces = Set(namespaces)
        settings.ignoredNamespaces = Set(ignoreNamespaces)
        settings.usesCertificates = enableCertificatesDataSource
        let switches: [(InjectionKind, Bool)] = [
            (.validatingWebhookConfigurations, enableValidatingwebhookconfigurationsInjectable),
            (.mutatingWebhookConfigurations, enableMutatingwebhookconfigurationsInjectable),
            (.customResourceDefinitions, enableCustomresourcedefinitionsInjectable),
            (.apiServices, enableApiservicesInjectable),
        ]
        settings.kinds = Set(switches.filter(\.1).map(\.0))
        return settings
    }
}
