package import DNSWire

/// What the flags say about HTTP-01.
package struct HTTP01Options: Sendable, Hashable {
    package var image: String
    package var requestCPU: String
    package var requestMemory: String
    package var limitCPU: String
    package var limitMemory: String
    package var runAsNonRoot: Bool
    /// On every object made, beside the labels it is found by.
    package var extraLabels: [String: String]
    package var runtimeClassName: String?
    /// Servers that the self-check resolves with; empty for the system's.
    package var nameservers: [DNSServer]
    /// Where the self-check connects for a domain, as an IP address, whatever DNS says.
    package var addressOverrides: [String: String]
    /// Whether routes of the Gateway API may be made (`--enable-gateway-api`).
    package var gatewayAPI: Bool
    /// Whether routes of Traefik's may be made (`--enable-traefik-routes`).
    package var traefikRoutes: Bool

    package init(
        image: String, requestCPU: String = "10m", requestMemory: String = "64Mi", limitCPU: String = "100m",
        limitMemory: String = "64Mi", runAsNonRoot: Bool = true, extraLabels: [String: String] = [:],
        runtimeClassName: String? = nil, nameservers: [DNSServer] = [], addressOverrides: [String: String] = [:],
        gatewayAPI: Bool = false, traefikRoutes: Bool = false
    ) {
        self.image = image
        self.requestCPU = requestCPU
        self.requestMemory = requestMemory
        self.limitCPU = limitCPU
        self.limitMemory = limitMemory
        self.runAsNonRoot = runAsNonRoot
        self.extraLabels = extraLabels
        self.runtimeClassName = runtimeClassName
        self.nameservers = nameservers
        self.addressOverrides = addressOverrides
        self.gatewayAPI = gatewayAPI
        self.traefikRoutes = traefikRoutes
    }
}
