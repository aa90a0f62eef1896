import CertificateAPI
import KubeModel
import Testing
import Wire

@testable import Solvers

@Suite("Editing an Ingress in place")
struct IngressEditTests {
    static let own = Ingress.Path(path: "/", pathType: "Prefix", backend: ["service": ["name": "web"]])

    static func rule(_ host: String?, _ paths: [Ingress.Path]) -> Ingress.Rule {
        Ingress.Rule(host: host, http: Ingress.HTTP(paths: paths))
    }

    @Test("the path goes first in the rule of its host, and out again, leaving what was there")
    func prepends() throws {
        let objects = try SolverObjectsTests.objects(#"{"name": "web"}"#)
        let before = [Self.rule("other.example.com", [Self.own]), Self.rule("www.example.com", [Self.own])]
        let during = try #require(IngressEdit.adding(objects, to: before))
        #expect(during[0] == before[0])
        #expect(during[1].http?.paths == [objects.ingressPath, Self.own])
        #expect(IngressEdit.adding(objects, to: during) == nil)
        #expect(IngressEdit.removing(objects, from: during) == before)
        #expect(IngressEdit.removing(objects, from: before) == nil)
    }

    @Test("a host without a rule gets one for the while")
    func newRule() throws {
        let objects = try SolverObjectsTests.objects(#"{"name": "web"}"#)
        let before = [Self.rule("other.example.com", [Self.own])]
        let during = try #require(IngressEdit.adding(objects, to: before))
        #expect(during == before + [Self.rule("www.example.com", [objects.ingressPath])])
        #expect(IngressEdit.removing(objects, from: during) == before)
    }

    @Test("a leftover for the same token gives way")
    func leftover() throws {
        let objects = try SolverObjectsTests.objects(#"{"name": "web"}"#)
        var old = objects.ingressPath
        old.backend = ["service": ["name": "gone"]]
        let after = IngressEdit.adding(objects, to: [Self.rule("www.example.com", [old, Self.own])])
        #expect(after?[0].http?.paths == [objects.ingressPath, Self.own])
    }
}
