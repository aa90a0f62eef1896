import DNSWire
import HTTPTransport
import HTTPTypes
import Solvers
import TestSupport
import Testing

@Suite("DNS over HTTPS")
struct DNSOverHTTPTests {
    private static let url = "https://dns.example/dns-query"

    private func exchange(
        _ answer: ScriptedTransport.Answer
    ) async -> (result: Result<[UInt8], DNSError>, requests: [TransportRequest]) {
        let transport = ScriptedTransport([answer])
        let dns = DNSOverHTTP(transport)
        do throws(DNSError) {
            let octets = try await dns.exchange([1, 2, 3], url: Self.url, timeout: .seconds(3))
            return (.success(octets), transport.requests)
        } catch {
            return (.failure(error), transport.requests)
        }
    }

    @Test("a query is posted as a DNS message, within the time limit")
    func query() async throws {
        let (result, requests) = await exchange(
            .response(status: 200, headers: [.contentType: "application/dns-message"], body: "abc"))
        #expect(result == .success(Array("abc".utf8)))
        let request = try #require(requests.first)
        #expect(request.method == .post && request.url == Self.url && request.body == [1, 2, 3])
        #expect(request.headers[.contentType] == "application/dns-message")
        #expect(request.headers[.accept] == "application/dns-message")
        #expect(request.deadline == .seconds(3))
        #expect(requests.count == 1)
    }

    @Test("what is no DNS message is an error that names the server")
    func failures() async {
        let cases: [(answer: ScriptedTransport.Answer, detail: String)] = [
            (.response(status: 503, body: "busy"), "it answered with status 503"),
            (
                .response(status: 200, headers: [.contentType: "text/html"], body: "hello"),
                "its answer is not a DNS message"
            ),
            (.response(status: 200, body: "hello"), "its answer is not a DNS message"),
            (.failure(.timeout), "\(TransportError.timeout)"),
        ]
        for (answer, detail) in cases {
            #expect(await exchange(answer).result == .failure(.https(url: Self.url, detail: detail)))
        }
        #expect(await exchange(.failure(.cancelled)).result == .failure(.cancelled))
    }
}
