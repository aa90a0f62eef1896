import Wire

/// The fields of one kind of configuration file, by their paths, and the flag that each of them is.
///
/// Names and shapes are those of `pkg/apis/config/*/v1alpha1` of cert-manager.
struct ConfigurationFields {
    struct Field {
        enum Shape {
            case text, number, duration, list, gates
            case flag
        }
        var flag: String
        var shape: Shape
    }

    let kind: String
    let apiVersion: String
    private(set) var fields: [String: Field] = [:]
    /// Fields that say how Go's logger is set up, and are passed over.
    let ignored: Set<String> = ["logging.options", "logging.vmodule"]
    private var sections: Set<String> = []

    init(_ program: Program) {
        kind =
            switch program {
            case .controller: "ControllerConfiguration"
            case .webhook: "WebhookConfiguration"
            case .cainjector: "CAInjectorConfiguration"
            }
        apiVersion = "\(program.rawValue).config.cert-manager.io/v1alpha1"
        add("kubeConfig", "kubeconfig")
        add("featureGates", "feature-gates", .gates)
        add("enablePprof", "enable-profiling", .flag)
        add("pprofAddress", "profiler-address")
        addLogging()
        addMetricsTLS()
        switch program {
        case .controller: addController()
        case .webhook: addWebhook()
        case .cainjector: addCAInjector()
        }
        for path in fields.keys { addSections(of: path) }
    }

    func isSection(_ path: String) -> Bool { sections.contains(path) }

    private mutating func add(_ path: String, _ flag: String, _ shape: Field.Shape = .text) {
        fields[path] = Field(flag: flag, shape: shape)
    }

    private mutating func addSections(of path: String) {
        let parts = path.split(separator: ".")
        for count in 1..<max(parts.count, 1) { sections.insert(parts[..<count].joined(separator: ".")) }
    }

    // MARK: Sections that several kinds have

    private mutating func addLogging() {
        add("logging.format", "logging-format")
        add("logging.verbosity", "v", .number)
        add("logging.flushFrequency", "log-flush-frequency", .duration)
    }

    private mutating func addLeaderElection() {
        add("leaderElectionConfig.enabled", "leader-elect", .flag)
        add("leaderElectionConfig.namespace", "leader-election-namespace")
        add("leaderElectionConfig.leaseDuration", "leader-election-lease-duration", .duration)
        add("leaderElectionConfig.renewDeadline", "leader-election-renew-deadline", .duration)
        add("leaderElectionConfig.retryPeriod", "leader-election-retry-period", .duration)
    }

    private mutating func addMetricsTLS() {
        let tls = "metricsTLSConfig."
        add(tls + "cipherSuites", "metrics-tls-cipher-suites", .list)
        add(tls + "minTLSVersion", "metrics-tls-min-version")
        add(tls + "filesystem.certFile", "metrics-tls-cert-file")
        add(tls + "filesystem.keyFile", "metrics-tls-private-key-file")
        add(tls + "dynamic.secretNamespace", "metrics-dynamic-serving-ca-secret-namespace")
        add(tls + "dynamic.secretName", "metrics-dynamic-serving-ca-secret-name")
        add(tls + "dynamic.dnsNames", "metrics-dynamic-serving-dns-names", .list)
        add(tls + "dynamic.leafDuration", "metrics-dynamic-serving-leaf-duration", .duration)
    }

    // MARK: The kinds

    private mutating func addController() {
        add("apiServerHost", "master")
        add("kubernetesAPIQPS", "kube-api-qps", .number)
        add("kubernetesAPIBurst", "kube-api-burst", .number)
        add("namespace", "namespace")
        add("clusterResourceNamespace", "cluster-resource-namespace")
        addLeaderElection()
        add("leaderElectionConfig.healthzTimeout", "internal-healthz-leader-election-timeout", .duration)
        add("controllers", "controllers", .list)
        add("issuerAmbientCredentials", "issuer-ambient-credentials", .flag)
        add("clusterIssuerAmbientCredentials", "cluster-issuer-ambient-credentials", .flag)
        add("enableCertificateOwnerRef", "enable-certificate-owner-ref", .flag)
        add("enableGatewayAPI", "enable-gateway-api", .flag)
        add("enableGatewayAPIListenerSet", "enable-gateway-api-listenerset", .flag)
        add("copiedAnnotationPrefixes", "copied-annotation-prefixes", .list)
        add("numberOfConcurrentWorkers", "concurrent-workers", .number)
        add("maxConcurrentChallenges", "max-concurrent-challenges", .number)
        add("metricsListenAddress", "metrics-listen-address")
        add("healthzListenAddress", "healthz-listen-address")
        add(
            "certificateRequestMinimumBackoffDuration", "certificate-request-minimum-backoff-duration", .duration)
        add(
            "certificateRequestMaximumBackoffDuration", "certificate-request-maximum-backoff-duration", .duration)
        add("pemSizeLimitsConfig.maxCertificateSize", "max-certificate-size", .number)
        add("pemSizeLimitsConfig.maxPrivateKeySize", "max-private-key-size", .number)
        add("pemSizeLimitsConfig.maxChainLength", "max-certificate-chain-length", .number)
        add("pemSizeLimitsConfig.maxBundleSize", "max-certificate-bundle-size", .number)
        addIngressShim()
        addACME()
    }

    private mutating func addIngressShim() {
        add("ingressShimConfig.defaultIssuerName", "default-issuer-name")
        add("ingressShimConfig.defaultIssuerKind", "default-issuer-kind")
        add("ingressShimConfig.defaultIssuerGroup", "default-issuer-group")
        add("ingressShimConfig.defaultAutoCertificateAnnotations", "auto-certificate-annotations", .list)
        add("ingressShimConfig.extraCertificateAnnotations", "extra-certificate-annotations", .list)
    }

    private mutating func addACME() {
        let http = "acmeHTTP01Config."
        add(http + "solverImage", "acme-http01-solver-image")
        add(http + "solverResourceRequestCPU", "acme-http01-solver-resource-request-cpu")
        add(http + "solverResourceRequestMemory", "acme-http01-solver-resource-request-memory")
        add(http + "solverResourceLimitsCPU", "acme-http01-solver-resource-limits-cpu")
        add(http + "solverResourceLimitsMemory", "acme-http01-solver-resource-limits-memory")
        add(http + "solverRunAsNonRoot", "acme-http01-solver-run-as-non-root", .flag)
        add(http + "solverNameservers", "acme-http01-solver-nameservers", .list)
        let dns = "acmeDNS01Config."
        add(dns + "recursiveNameservers", "dns01-recursive-nameservers", .list)
        add(dns + "recursiveNameserversOnly", "dns01-recursive-nameservers-only", .flag)
        add(dns + "checkRetryPeriod", "dns01-check-retry-period", .duration)
    }

    private mutating func addWebhook() {
        add("apiServerHost", "api-server-host")
        add("securePort", "secure-port", .number)
        add("healthzPort", "healthz-port", .number)
        add("metricsListenAddress", "metrics-listen-address")
        add("tlsConfig.cipherSuites", "tls-cipher-suites", .list)
        add("tlsConfig.minTLSVersion", "tls-min-version")
        add("tlsConfig.filesystem.certFile", "tls-cert-file")
        add("tlsConfig.filesystem.keyFile", "tls-private-key-file")
        add("tlsConfig.dynamic.secretNamespace", "dynamic-serving-ca-secret-namespace")
        add("tlsConfig.dynamic.secretName", "dynamic-serving-ca-secret-name")
        add("tlsConfig.dynamic.dnsNames", "dynamic-serving-dns-names", .list)
        add("tlsConfig.dynamic.leafDuration", "dynamic-serving-leaf-duration", .duration)
    }

    private mutating func addCAInjector() {
        add("namespace", "namespace")
        addLeaderElection()
        add("metricsListenAddress", "metrics-listen-address")
        add("enableDataSourceConfig.certificates", "enable-certificates-data-source", .flag)
        let kinds = "enableInjectableConfig."
        add(
            kinds + "validatingWebhookConfigurations", "enable-validatingwebhookconfigurations-injectable", .flag)
        add(kinds + "mutatingWebhookConfigurations", "enable-mutatingwebhookconfigurations-injectable", .flag)
        add(kinds + "customResourceDefinitions", "enable-customresourcedefinitions-injectable", .flag)
        add(kinds + "apiServices", "enable-apiservices-injectable", .flag)
    }
}

extension ConfigurationFields.Field {
    /// The value as the flag takes it; nil for one that says nothing.
    func text(of value: JSONValue, at path: String) throws(ConfigurationFile.Problem) -> String? {
        switch (shape, value) {
        case (_, .null): return nil
        case (.text, .string(let text)), (.duration, .string(let text)): return text.isEmpty ? nil : text
        case (.number, .integer(let number)): return String(number)
        case (.number, .number(let number)): return String(number)
        case (.flag, .bool(let isOn)): return isOn ? "true" : "false"
        case (.list, .array(let values)):
            let texts = values.compactMap(\.stringValue)
            guard texts.count == values.count else { break }
            return texts.isEmpty ? nil : texts.joined(separator: ",")
        case (.gates, .object(let members)):
            let gates = members.compactMap { member in
                member.value.boolValue.map { "\(member.key)=\($0)" }
            }
            guard gates.count == members.count else { break }
            return gates.isEmpty ? nil : gates.joined(separator: ",")
        default: break
        }
        throw ConfigurationFile.Problem(description: "\(path) must be \(wanted); it is \(value.kindName).")
    }

    private var wanted: String {
        switch shape {
        case .text: "a text"
        case .number: "a number"
        case .duration: "a duration such as \"1h30m\""
        case .list: "a list of texts"
        case .flag: "true or false"
        case .gates: "an object of names with true or false"
        }
    }
}
