import CertificateAPI
import KubeModel
import Testing
import Wire

@testable import Solvers

@Suite("The HTTPRoute of HTTP-01")
struct SolverRouteTests {
    static func solver(_ gateway: String) throws -> Solver {
        try Samples.solver(#"{"http01": {"gatewayHTTPRoute": \#(gateway)}}"#)
    }

    static func route(_ gateway: String, dnsName: String = "www.example.com") throws -> HTTPRoute {
        let solver = try solver(gateway)
        let gateway = try #require(solver.http01?.gatewayHTTPRoute)
        let objects = SolverObjects(
            challenge: Samples.challenge(.http01, dnsName: dnsName, solver: solver), way: .gateway(gateway),
            options: HTTP01Options(image: "solver:1", extraLabels: ["extra": "1"]))
        return objects.route(as: gateway)
    }

    static let gateway = #"{"labels": {"team": "web"}, "parentRefs": [{"name": "edge", "namespace": "infra"}]}"#

    @Test("the route leads the one path from the parents to the pod, and its hosts are names only")
    func route() throws {
        let route = try Self.route(
            """
            {"labels": {"team": "web"}, "serviceType": "ClusterIP", "parentRefs": [
              {"name": "edge", "namespace": "infra", "sectionName": "http", "port": 80},
              {"group": "gateway.networking.x-k8s.io", "kind": "XListenerSet", "name": "set"}]}
            """)
        let name = route.metadata.name
        let expected: JSONValue = [
            "parentRefs": [
                [
                    "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge", "namespace": "infra",
                    "sectionName": "http", "port": 80,
                ],
                ["group": "gateway.networking.x-k8s.io", "kind": "XListenerSet", "name": "set"],
            ],
            "rules": [
                [
                    "matches": [["path": ["type": "Exact", "value": "/.well-known/acme-challenge/token"]]],
                    "backendRefs": [
                        [
                            "group": "", "kind": "Service", "name": .string(name), "namespace": "ns", "port": 8089,
                            "weight": 1,
                        ]
                    ],
                ]
            ],
            "hostnames": ["www.example.com"],
        ]
        #expect(route.spec == expected)
        #expect(route.metadata.labels == SolverObjectsTests.labels.merging(["team": "web", "extra": "1"]) { $1 })
        #expect(route.metadata.ownerReferences?.map(\.kind) == ["Challenge"])
        #expect(try Self.route(Self.gateway, dnsName: "192.0.2.1").spec?["hostnames"] == nil)
    }

    @Test("what the API server fills in is no difference, and what somebody changed is mended")
    func difference() throws {
        let wanted = try Self.route(Self.gateway)
        var present = wanted
        present.metadata.resourceVersion = "7"
        present.metadata.labels?["theirs"] = "1"
        present.spec?["rules"] = [
            [
                "matches": [
                    [
                        "path": ["type": "Exact", "value": "/.well-known/acme-challenge/token"], "method": "GET",
                    ]
                ],
                "backendRefs": wanted.spec?["rules"]?[0]?["backendRefs"] ?? .null,
            ]
        ]
        #expect(present.difference(from: wanted) == nil)
        present.spec?["parentRefs"] = []
        let patch = try #require(present.difference(from: wanted))
        let mended = try present.manifest().merging(patch: patch).decode(HTTPRoute.self)
        #expect(mended.spec == wanted.spec)
        #expect(mended.metadata.labels?["theirs"] == "1")
        #expect(patch["metadata"]?["resourceVersion"] == "7")
        present = mended
        present.metadata.labels?["team"] = nil
        #expect(present.difference(from: wanted) != nil)
    }

    @Test(
        "what Gateways think of a route is told",
        arguments: [
            (
                "{}",
                "no Gateway says yet that it serves the HTTPRoute ns/r; see that its parentRefs name one whose controller runs"
            ),
            (
                #"{"parents": [{"parentRef": {"name": "edge", "namespace": "infra"}, "conditions": [{"type": "Accepted", "status": "False", "reason": "NotAllowedByListeners", "message": "no"}]}]}"#,
                "Gateway infra/edge does not serve the HTTPRoute ns/r: NotAllowedByListeners: no"
            ),
            (
                #"{"parents": [{"parentRef": {"name": "edge"}, "conditions": [{"type": "Accepted", "status": "True"}]}]}"#,
                nil
            ),
        ] as [(String, String?)])
    func news(status: String, sentence: String?) throws {
        var route = HTTPRoute(metadata: ObjectMeta(name: "r", namespace: "ns"), spec: nil)
        route.status = try JSONValue(parsing: Array(status.utf8)).decode(HTTPRoute.Status.self)
        #expect(route.news == sentence)
    }

    // MARK: Choosing the parents

    static func choose(_ gateway: String, _ annotations: [String: String]) throws -> [Solver.ParentReference]? {
        try SolverSelection.choose(
            from: [solver(gateway)], for: SolverSelectionTests.authorization("a.example"), labels: [:],
            annotations: annotations, namespace: "web"
        ).solver.http01?.gatewayHTTPRoute?.parentRefs
    }

    static func parent(_ kind: String, _ name: String, _ namespace: String) -> Solver.ParentReference {
        var reference = Solver.ParentReference(name: name)
        reference.kind = kind
        reference.namespace = namespace
        reference.group = "gateway.networking.k8s.io"
        return reference
    }

    @Test("annotations add their parent to those of the issuer, unless the issuer names it already")
    func parents() throws {
        typealias Key = Names.Annotation
        let annotations = [Key.http01ParentRefName: "edge", Key.http01ParentRefKind: "Gateway"]
        #expect(try Self.choose("{}", annotations) == [Self.parent("Gateway", "edge", "web")])
        let elsewhere = annotations.merging([Key.http01ParentRefNamespace: "infra"]) { $1 }
        #expect(try Self.choose("{}", elsewhere) == [Self.parent("Gateway", "edge", "infra")])
        let sectioned = #"{"parentRefs": [{"name": "edge", "namespace": "infra", "sectionName": "http"}]}"#
        var own = Solver.ParentReference(name: "edge")
        own.namespace = "infra"
        own.sectionName = "http"
        #expect(try Self.choose(sectioned, elsewhere) == [own])
        #expect(try Self.choose(sectioned, annotations) == [own, Self.parent("Gateway", "edge", "web")])
        let experimental = [Key.http01ParentRefName: "set", Key.http01ParentRefKind: "XListenerSet"]
        #expect(try Self.choose("{}", experimental)?.map(\.group) == ["gateway.networking.x-k8s.io"])
    }

    @Test("a route without a parent, and half of a parent, are refused")
    func refusals() throws {
        typealias Failure = SolverSelection.Failure
        typealias Key = Names.Annotation
        #expect(throws: Failure.noParent) { try Self.choose("{}", [:]) }
        #expect(throws: Failure.halfParent(missing: Key.http01ParentRefKind)) {
            try Self.choose(Self.gateway, [Key.http01ParentRefName: "edge"])
        }
    }

    @Test("a Challenge stands while its issuer has the solver, whatever parents annotations added")
    func standing() throws {
        let solver = try Self.solver(#"{"labels": {"a": "b"}}"#)
        var chosen = solver
        chosen.http01?.gatewayHTTPRoute?.parentRefs = [Self.parent("Gateway", "edge", "web")]
        #expect(SolverSelection.offers(chosen, in: [solver]))
        #expect(try !SolverSelection.offers(chosen, in: [Self.solver("{}")]))
    }
}
