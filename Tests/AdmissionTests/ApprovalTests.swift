import CertificateAPI
import HTTPTransport
import TestSupport
import Testing
import Wire

@testable import Admission

@Suite("The right to approve")
struct ApprovalTests {
    func approval(_ issuer: JSONValue = ["name": "ca"], by username: String = "jane") async throws -> AdmissionRequest {
        let old = try await Samples.certificateRequest { $0["spec"]?["issuerRef"] = issuer }
        var new = old
        new["status"] = Samples.conditions("Approved")
        var request = AdmissionRequest.update("certificaterequests", from: old, to: new, subresource: "status")
        request.user.username = username
        return request
    }

    static func review(_ allowed: Bool) -> ScriptedTransport.Answer {
        .response(status: 201, body: #"{"status":{"allowed":\#(allowed)}}"#)
    }

    @Test("who may approve for all issuers of the kind, or for this one, does; the names are asked for in that order")
    func allowed() async throws {
        let (service, transport, _) = AdmissionService.scripted([Self.review(false), Self.review(true)])
        #expect(await service.answer(try await approval()) == .allowed)
        let asked = try transport.requests.map { request in
            try JSONValue(parsing: request.body ?? [])["spec"] ?? nil
        }
        #expect(
            asked.map { $0["resourceAttributes"]?["name"] } == [
                "issuers.cert-manager.io/*", "issuers.cert-manager.io/shop.ca",
            ])
        #expect(asked.first?["user"] == "jane")
        #expect(asked.first?["uid"] == "u-1")
        #expect(asked.first?["groups"] == ["devs", "system:authenticated"])
        #expect(asked.first?["extra"] == ["scopes": ["a", "b"]])
        #expect(asked.first?["resourceAttributes"]?["verb"] == "approve")
    }

    @Test("a cluster issuer's name has no namespace")
    func clusterIssuer() async throws {
        let (service, transport, _) = AdmissionService.scripted([Self.review(false), Self.review(true)])
        #expect(await service.answer(try await approval(["name": "ca", "kind": "ClusterIssuer"])) == .allowed)
        let last = try JSONValue(parsing: transport.requests[1].body ?? [])
        #expect(last["spec"]?["resourceAttributes"]?["name"] == "clusterissuers.cert-manager.io/ca")
    }

    @Test("without the right the refusal ends as other tools expect it")
    func refused() async throws {
        let (service, _, _) = AdmissionService.scripted([Self.review(false), Self.review(false)])
        let answer = await service.answer(try await approval())
        #expect(
            answer.refusal?.message == "spec.issuerRef: Forbidden: user \"jane\" does not have permissions to set"
                + " approved/denied conditions for issuer {ca Issuer cert-manager.io}")
    }

    @Test(
        "an issuer of a kind that the API server does not serve is refused; that is remembered for 30 s, a right for 1 s"
    )
    func unknownKind() async throws {
        let foreign: JSONValue = ["name": "ca", "kind": "Signer", "group": "example.com"]
        let missing = ScriptedTransport.Answer.response(status: 404, body: #"{"code":404}"#)
        let group = ScriptedTransport.Answer.response(status: 200, body: #"{"versions":[{"version":"v2"}]}"#)
        let list = ScriptedTransport.Answer.response(
            status: 200,
            body: #"""
                {"resources":[{"name":"signers/status","kind":"Signer","namespaced":false},
                {"name":"signers","kind":"Signer","namespaced":false}]}
                """#)
        let (service, transport, clock) = AdmissionService.scripted([
            missing, group, list, Self.review(true), Self.review(true),
        ])
        let request = try await approval(foreign)
        for _ in 0..<2 {
            #expect(
                await service.answer(request).refusal?.message
                    == "spec.issuerRef: Forbidden: referenced signer resource does not exist: {ca Signer example.com}")
        }
        #expect(transport.requests.count == 1)
        clock.advance(by: .seconds(31))
        #expect(await service.answer(request) == .allowed)
        #expect(await service.answer(request) == .allowed)
        #expect(transport.requests.count == 4)
        clock.advance(by: .seconds(2))
        #expect(await service.answer(request) == .allowed)
        #expect(transport.unused == 0)
        let asked = try JSONValue(parsing: transport.requests[3].body ?? [])
        #expect(asked["spec"]?["resourceAttributes"]?["name"] == "signers.example.com/*")
    }

    @Test("when the right cannot be looked up nobody approves, and the user is asked to try again")
    func unavailable() async throws {
        let (service, _, _) = AdmissionService.scripted([.failure(.other("no route"))])
        let answer = await service.answer(try await approval())
        #expect(answer.refusal?.code == 503)
        #expect(answer.refusal?.message.hasSuffix("try again") == true)
    }

    @Test("who changes something else of a status is not asked for the right")
    func otherChanges() async throws {
        let (service, transport, _) = AdmissionService.scripted()
        let old = try await Samples.certificateRequest { $0["status"] = Samples.conditions("Approved") }
        var new = old
        new["status"] = Samples.conditions("Approved", "Ready")
        let request = AdmissionRequest.update("certificaterequests", from: old, to: new, subresource: "status")
        #expect(await service.answer(request) == .allowed)
        #expect(transport.requests.isEmpty)
    }
}
