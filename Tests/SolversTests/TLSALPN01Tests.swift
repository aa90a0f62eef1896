import CertificateAPI
import HTTPServer
import KubeModel
import PKI
import Testing
import Wire

@testable import Solvers

@Suite("Objects and self-check of TLS-ALPN-01")
struct TLSALPN01Tests {
    static func challenge(_ http01: String = #"{"ingress": {}}"#, dnsName: String = "a.example") throws -> Challenge {
        var challenge = Samples.challenge(
            .http01, dnsName: dnsName, solver: try Samples.solver(#"{"http01": \#(http01)}"#))
        challenge.metadata.annotations = [
            Names.Annotation.challengeType: "tls-alpn-01", Names.Annotation.solverMode: "shared",
        ]
        return challenge
    }

    static func objects(_ challenge: Challenge) throws -> SolverObjects {
        let http01 = try #require(challenge.spec.solver.http01)
        let options = HTTP01Options(image: "i")
        if let gateway = http01.gatewayHTTPRoute {
            return SolverObjects(challenge: challenge, way: .gateway(gateway), options: options)
        }
        return SolverObjects(
            challenge: challenge, way: .ingress(try #require(http01.ingress)), options: options)
    }

    @Test("the pod shows a certificate for one name, and the Service has the port that CAs ask")
    func objects() throws {
        let objects = try Self.objects(Self.challenge())
        #expect(objects.shared == nil)
        let container = objects.pod.spec?["containers"]?[0]
        #expect(
            container?["args"] == ["--listen-port=8089", "--tls-alpn", "--domain=a.example", "--key=token.thumb"])
        #expect(container?["ports"] == [["name": "tls-alpn", "containerPort": 8089]])
        #expect(
            objects.service.spec?["ports"] == [
                ["name": "tls-alpn", "port": 443, "targetPort": 8089, "protocol": "TCP"]
            ]
        )
        #expect(objects.pod.metadata.labels?["certwright.dev/tls-alpn-01-solver"] == "true")
    }

    @Test("a TLSRoute passes the server name on, that of an address too (L4)")
    func route() throws {
        let gateway =
            #"{"gatewayHTTPRoute": {"labels": {"a": "b"}, "parentRefs": [{"name": "edge", "sectionName": "tls"}]}}"#
        for (domain, name) in [("a.example", "a.example"), ("192.0.2.1", "1.2.0.192.in-addr.arpa")] {
            let challenge = try Self.challenge(gateway, dnsName: domain)
            let solver = try #require(challenge.spec.solver.http01?.gatewayHTTPRoute)
            let objects = try Self.objects(challenge)
            let route = objects.tlsRoute(as: solver)
            let expected: JSONValue = [
                "parentRefs": [
                    [
                        "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge", "sectionName": "tls",
                    ]
                ],
                "hostnames": [.string(name)],
                "rules": [
                    [
                        "backendRefs": [
                            [
                                "group": "", "kind": "Service", "name": .string(objects.key.name), "namespace": "ns",
                                "port": 443, "weight": 1,
                            ]
                        ]
                    ]
                ],
            ]
            #expect(route.spec == expected)
            #expect(route.metadata.labels?["a"] == "b")
            #expect(route.metadata.ownerReferences?.map(\.kind) == ["Challenge"])
        }
    }

    @Test("Traefik passes the server name on by a route of its own kind")
    func traefik() throws {
        let objects = try Self.objects(Self.challenge())
        let expected: JSONValue = [
            "routes": [
                [
                    "match": "HostSNI(`a.example`)",
                    "services": [["name": .string(objects.key.name), "port": 443]],
                ]
            ],
            "tls": ["passthrough": true],
        ]
        #expect(objects.traefikRoute.spec == expected)
    }

    @Test("the self-check wants the protocol and the digest of this challenge (L1, L2)")
    func check() throws {
        let challenge = try Self.challenge()
        let digest = Digest.sha256(Array("token.thumb".utf8))
        let identifier = TLSALPN01Check.identifierExtension(for: "token.thumb")
        #expect(identifier.suffix(32) == digest[...])
        func problem(_ spoken: String?, _ certificate: [UInt8]) -> String? {
            TLSALPN01Check.problem(
                with: ValidationSight(applicationProtocol: spoken, certificate: certificate), of: challenge)
        }
        #expect(problem("acme-tls/1", [1, 2] + identifier + [3]) == nil)
        #expect(problem("acme-tls/1", [1, 2])?.contains("none of this challenge's") == true)
        #expect(problem(nil, identifier)?.contains("must pass TLS on unread") == true)
        #expect(problem("h2", identifier)?.hasPrefix("speaks h2 and not acme-tls/1") == true)
    }

    @Test("a challenge of a type that this version does not know is refused, and never answered as another")
    func unknown() async throws {
        var challenge = try Self.challenge()
        challenge.metadata.annotations?[Names.Annotation.challengeType] = "device-attest-01"
        #expect(challenge.method == nil)
        // A type of the other family would be answered with the wrong credentials.
        challenge.metadata.annotations?[Names.Annotation.challengeType] = "dns-01"
        #expect(challenge.method == nil)
    }
}
