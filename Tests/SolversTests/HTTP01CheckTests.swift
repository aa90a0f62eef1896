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
        _ answers: [ScriptedTransport.Answer], overrides: [String: String] = [:],
        domain: String = "www.example.com"
    ) async -> (problem: String?, requests: [TransportRequest]) {
        let transport = ScriptedTransport(answers)
        let check = HTTP01Check(transport: transport, addresses: NameAddresses(overrides: overrides))
        let problem = await check.problem(of: Samples.challenge(.http01, dnsName: domain, solver: Solver()))
        return (problem, transport.requests)
    }

    private let nobody = ScriptedTransport.Answer.failure(.resolve("no address"))

    private func redirect(_ location: String) -> ScriptedTransport.Answer {
        .response(status: 302, headers: [.location: location], body: "")
    }

    @Test("three right answers in a row are a success, over IPv6 and over IPv4 (H4)")
    func success() async {
        let (problem, requests) = await problem([right, right, right, right, right, right])
        #expect(problem == nil)
        #expect(requests.map(\.url) == Array(repeating: url, count: 6))
        #expect(requests.map(\.addressFamily) == [.ipv6, .ipv6, .ipv6, .ipv4, .ipv4, .ipv4])
        #expect(requests.allSatisfy { $0.tls.trust == .insecure && $0.redirects == .refuse })
    }

    @Test("what cannot be reached over one family does not count while the other is right; a wrong answer does (H4)")
    func families() async {
        #expect(await problem([nobody, right, right, right]).problem == nil)
        #expect(await problem([right, right, right, .failure(.connectTimeout)]).problem == nil)
        let stale = await problem([.response(status: 404, body: "old host"), right, right, right]).problem
        #expect(stale == "GET \(url) answers 404 and not 200")
        #expect(
            await problem([nobody, .failure(.connect("refused"))]).problem
                == "GET \(url): \(TransportError.connect("refused"))")
    }

    @Test("redirects are followed as a CA follows them, to https and to other names (H4, H6)")
    func redirects() async {
        let secure = "https://www.example.com/.well-known/acme-challenge/token"
        let other = "http://acme.example.org/token"
        let (problem, requests) = await problem(
            [
                nobody, redirect(secure), redirect(other), right, redirect("/there"), right, redirect("//b.example/x"),
                right,
            ])
        #expect(problem == nil)
        #expect(
            requests.dropFirst().map(\.url) == [
                url, secure, other, url, "http://www.example.com:80/there", url, "http://b.example/x",
            ])
        let dead = await self.problem([nobody, redirect(secure), .failure(.connect("refused"))]).problem
        #expect(dead == "GET \(url) (redirected to \(secure)): \(TransportError.connect("refused"))")
        let loop = await self.problem([nobody] + Array(repeating: redirect(secure), count: 11)).problem
        #expect(loop == "GET \(url) leads through more than 10 redirects")
    }

    @Test(
        "redirects that no CA follows, or that lead into the cluster, are not followed (H4)",
        arguments: [
            ("http://www.example.com:8080/", "redirects to http://www.example.com:8080, and CAs follow to ports 80"),
            ("http://192.0.2.1/", "redirects to http://192.0.2.1:80, and CAs follow to names only"),
            ("http://[::1]/", "redirects to http://[::1]:80, and CAs follow to names only"),
            ("http://kubernetes.default.svc/", "redirects to http://kubernetes.default.svc:80, which no CA can reach"),
            ("https://api.cluster.local/", "which no CA can reach"), ("http://localhost/", "which no CA can reach"),
            ("ftp://www.example.com/", "redirects to what is no http or https URL"),
            ("relative", "redirects to what is no http or https URL"),
            ("http://user@www.example.com/", "redirects to what is no http or https URL"),
        ])
    func refusedRedirects(location: String, reason: String) async {
        let (problem, requests) = await problem([nobody, redirect(location)])
        #expect(problem?.contains(reason) == true, "\(problem ?? "none")")
        #expect(requests.count == 2)
    }

    @Test("an address may redirect to itself (IP3)")
    func redirectingAddress() async {
        let answers = [redirect("https://192.0.2.1/x"), right, right, right]
        #expect(await problem(answers, domain: "192.0.2.1").problem == nil)
    }

    @Test("inside the cluster the Service is asked under the name, and nothing leads out of it")
    func inside() async {
        let transport = ScriptedTransport([right, right, redirect("https://www.example.com/")])
        let check = HTTP01Check(transport: transport, addresses: NameAddresses(overrides: [:]))
        let challenge = Samples.challenge(.http01, solver: Solver())
        let inside = "http://www.example.com:8089/.well-known/acme-challenge/token"
        #expect(await check.problem(of: challenge, insideAt: "10.96.0.7") == "GET \(inside) answers 302 and not 200")
        let overrides = ["www.example.com:8089": "10.96.0.7"]
        #expect(transport.requests.allSatisfy { $0.url == inside && $0.addressOverrides == overrides })
    }

    @Test("what is seen instead is told, without the text itself")
    func failures() async {
        let cases: [(answers: [ScriptedTransport.Answer], problem: String)] = [
            ([.response(status: 404, body: "no")], "GET \(url) answers 404 and not 200"),
            ([nobody, right, right, .response(status: 503, body: "")], "GET \(url) answers 503 and not 200"),
            ([.response(status: 200, body: "another")], "GET \(url) answers another text"),
            // A line's end is no part of a key authorization, and some CAs would refuse it.
            ([.response(status: 200, body: "token.thumb\n")], "GET \(url) answers another text"),
            ([nobody, .failure(.connect("refused"))], "GET \(url): \(TransportError.connect("refused"))"),
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
        let overrides = ["www.example.com": "192.0.2.7"]
        let requests = await problem([right, right, right], overrides: overrides).requests
        #expect(requests.first?.url == url)
        #expect(
            requests.first?.addressOverrides
                == ["www.example.com:80": "192.0.2.7", "www.example.com:443": "192.0.2.7"])
    }
}
