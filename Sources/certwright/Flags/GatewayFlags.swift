import ArgumentParser

struct GatewayFlags: ParsableArguments {
    @Flag(
        inversion: .prefixedNo,
        help: """
            Make Certificates for annotated Gateways, and HTTPRoutes for solvers with gatewayHTTPRoute. The definitions \
            of the Gateway API may be installed before or after.
            """)
    var enableGatewayApi = false

    @Flag(
        inversion: .prefixedNo,
        help: "Make Certificates for ListenerSets too; takes --enable-gateway-api.")
    var enableGatewayApiListenerset = false

    @Option(
        help: "Protocols of listeners that terminate TLS, beside HTTPS and TLS, separated by commas.",
        transform: CommaList.parse)
    var gatewayApiExtraProtocols: [String] = []

    func validate() throws {
        guard enableGatewayApi || !enableGatewayApiListenerset else {
            throw ValidationError("--enable-gateway-api-listenerset needs --enable-gateway-api as well.")
        }
    }

    /// What the feature gates leave of it: each can only take away.
    mutating func limit(by gates: FeatureGates) {
        enableGatewayApi = enableGatewayApi && gates.isOn(.gatewayAPI)
        enableGatewayApiListenerset =
            enableGatewayApi && enableGatewayApiListenerset && gates.given[.listenerSets] != false
    }
}
