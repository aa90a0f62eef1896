import CertificateAPI
import HTTPTransport
import HTTPTypes
import TestSupport
import Testing

@testable import Solvers

@Suite("the self-check of HTTP-01")
struct HTTP01CheckTests {
    private let url = "http://www.example.com/.well-known/acme-challenge/token"
    private let right = ScriptedTransport.Answer.response(status: 200, body: "token.thumb")

    private func problem(
        _ answers: [ScriptedTransport.Answer], options: HTTP01Options = HTTP01Options(image: "i"),
        domain: String = "www.example.com"
    ) async -> (problem: String?, requests: [TransportRequest]) {
        let transport = ScriptedTransport(answers)
        let check = HTTP01Check(transport: transport, options: options, resolver: nil)
        let problem = await check.problem(of: Samples.challenge(.http01, dnsName: domain, solver: Solver()))
        return (problem, transport.requests)
    }

    @Test("three right answers in a row are a success, and every look is the CA's: plain http, redirects followed")
    func success() async {
        let (problem, requests) = await problem([right, right, right])
        #expect(problem == nil)
        #expect(requests.map(\.url) == [url, url, url])
        #expect(requests.allSatisfy { $0.redirects == .follow(max: 10, schemes: ["http", "https"]) })
        #expect(requests.allSatisfy { $0.tls.trust == .insecure })
    }

    @Test("what is seen instead is told, without the text itself")
    func failures() async {
        let cases: [(answers: [ScriptedTransport.Answer], problem: String)] = [
            ([.response(status: 404, body: "no")], "GET \(url) answers 404 and not 200"),
            ([right, right, .response(status: 503, body: "")], "GET \(url) answers 503 and not 200"),
            ([.response(status: 200, body: "another")], "GET \(url) answers another text, of 7 bytes"),
            // A line's end is no part of a key authorization, and some CAs would refuse it.
            ([.response(status: 200, body: "token.thumb\n")], "GET \(url) answers another text, of 12 bytes"),
            ([.failure(.connect("refused"))], "GET \(url): \(TransportError.connect("refused"))"),
        ]
        for (answers, expected) in cases {
            #expect(await problem(answers).problem == expected)
        }
    }

    @Test("an address is asked under its own name, one of IPv6 in brackets")
    func addresses() async {
        let (problem, requests) = await problem([right, right, right], domain: "2001:db8::1")
        #expect(problem == nil)
        #expect(requests.first?.url == "http://[2001:db8::1]/.well-known/acme-challenge/token")
    }

    @Test("an override sends both ports elsewhere, and the name stays")
    func overrides() async {
        var options = HTTP01Options(image: "i")
        options.addressOverrides = ["www.example.com": "192.0.2.7"]
        let requests = await problem([right, right, right], options: options).requests
        #expect(requests.first?.url == url)
        #expect(
            requests.first?.addressOverrides
                == ["www.example.com:80": "192.0.2.7", "www.example.com:443": "192.0.2.7"])
    }
}
