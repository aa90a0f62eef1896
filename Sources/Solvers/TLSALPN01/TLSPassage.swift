import CertificateAPI
import HTTPServer
import KubeModel
import Wire

extension SolverObjects {
    /// What a CA sends as server name: the name, or the reverse name of an address (RFC 8738 §6).
    var serverName: String { ServerIdentity.validationServerName(of: challenge.spec.dnsName) }

    /// A route of the Gateway API for the server name; its Gateway needs a listener that passes TLS on.
    func tlsRoute(as solver: Solver.GatewaySolver) -> TLSRoute {
        let spec: JSONValue = [
            "parentRefs": .array((solver.parentRefs ?? []).map(reference)), "hostnames": [.string(serverName)],
            "rules": [
                [
                    "backendRefs": [
                        [
                            "group": "", "kind": "Service", "name": .string(key.name),
                            "namespace": .string(key.namespace), "port": .integer(Int64(servicePort)), "weight": 1,
                        ]
                    ]
                ]
            ],
        ]
        return TLSRoute(metadata: ownMetadata(labels: solver.labels), spec: spec)
    }

    /// A route of Traefik's for the server name. Traefik decides by the name alone: it keeps `acme-tls/1` as an ALPN
    /// matcher to itself. So for as long as the challenge is open, other clients of the name meet the solver, too.
    var traefikRoute: IngressRouteTCP {
        let spec: JSONValue = [
            "routes": [
                [
                    "match": .string("HostSNI(`\(serverName)`)"),
                    "services": [["name": .string(key.name), "port": .integer(Int64(servicePort))]],
                ]
            ],
            "tls": ["passthrough": true],
        ]
        return IngressRouteTCP(metadata: ownMetadata(labels: nil), spec: spec)
    }
}
