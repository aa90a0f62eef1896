import ArgumentParser
import Diagnosis
import HTTPTransport
import KubeClient
import KubeModel
import Testing
import Wire

@testable import certwright

@Suite("certwright check api")
struct APICheckTests {
    func refusal(_ code: Int, _ message: String) -> APICheck.Answer {
        .failure(.status(Status(code: code, reason: nil, message: message), retryAfter: nil))
    }

    func served(_ names: String...) -> APICheck.Answer {
        .success(["resources": .array(names.map { ["name": .string($0)] })])
    }

    @Test("the definitions must be there and served")
    func definitions() {
        func missing(_ answer: APICheck.Answer) -> String? {
            APICheck.missing(from: answer, group: "acme.cert-manager.io", plurals: ["orders", "challenges"])
        }
        #expect(missing(served("orders", "orders/status", "challenges")) == nil)
        #expect(missing(served("orders"))?.contains("challenges") == true)
        #expect(missing(refusal(404, "the server could not find the requested resource"))?.contains("crds/") == true)
        #expect(missing(.failure(.transport(.resolve("x"))))?.contains("could not be reached") == true)
    }

    @Test("a good request must come back with who asks")
    func good() {
        #expect(APICheck.problem(ofGood: .success(["spec": ["username": "me"]])) == nil)
        #expect(APICheck.problem(ofGood: .success(["spec": [:]]))?.contains("mutating webhook") == true)
        #expect(APICheck.problem(ofGood: .success(["spec": ["username": ""]]))?.contains("mutating webhook") == true)
        #expect(
            APICheck.problem(ofGood: refusal(403, "certificaterequests is forbidden: User \"x\" cannot create"))?
                .contains("give its account that right") == true)
    }

    @Test(
        "what stands between the API server and the webhook is said in words",
        arguments: [
            ("x509: certificate signed by unknown authority", "its CA is not injected"),
            ("dial tcp 10.0.0.1:443: connect: connection refused", "does not listen yet"),
            ("no endpoints available for service \"certwright-webhook\"", "No pod of the webhook"),
            ("service \"certwright-webhook\" not found", "Service is not there"),
            ("context deadline exceeded", "firewall"), ("something else", "cannot call the webhook"),
        ])
    func unreachable(cause: String, sentence: String) {
        let message = "Internal error occurred: failed calling webhook \"webhook.cert-manager.io\": failed: \(cause)"
        for problem in [
            APICheck.problem(ofGood: refusal(500, message)), APICheck.problem(ofBad: refusal(500, message)),
        ] {
            #expect(problem?.contains(sentence) == true)
            #expect(problem?.contains(cause) == true)
        }
    }

    @Test("a bad request must be refused, and by the webhook")
    func bad() {
        let denied = "admission webhook \"webhook.cert-manager.io\" denied the request: spec.request: Invalid value"
        #expect(APICheck.problem(ofBad: refusal(403, denied)) == nil)
        #expect(APICheck.problem(ofBad: refusal(400, denied)) == nil)
        #expect(APICheck.problem(ofBad: .success([:]))?.contains("validating webhook") == true)
        #expect(APICheck.problem(ofBad: refusal(422, "spec.request: Invalid"))?.contains("spec.request") == true)
        #expect(
            APICheck.problem(ofBad: refusal(403, "admission webhook \"other\" denied the request: no"))?
                .contains("\"other\"") == true)
    }

    @Test("its flags are those that users' jobs give, and one try is the default")
    func flags() throws {
        let command = try Certwright.parseAsRoot(["check", "api", "--wait=1m", "-v", "--interval=2s"])
        let check = try #require(command as? CheckAPICommand)
        #expect(check.wait.description == "1m0s")
        #expect(check.interval.description == "2s")
        #expect(check.isVerbose)
        #expect(try #require(try Certwright.parseAsRoot(["check"]) as? CheckAPICommand).wait.nanoseconds == 0)
        #expect(throws: (any Error).self) { try Certwright.parseAsRoot(["check", "api", "--interval=0s"]) }
    }
}
