package import DNSWire
package import HTTPTransport
import HTTPTypes

/// DNS over HTTPS by POST (RFC 8484), through the one HTTP client of the process.
package struct DNSOverHTTP: DNSOverHTTPS {
    private static let mediaType = "application/dns-message"

    private let transport: any HTTPTransport

    package init(_ transport: any HTTPTransport) { self.transport = transport }

    package func exchange(_ query: [UInt8], url: String, timeout: Duration) async throws(DNSError) -> [UInt8] {
        let request = TransportRequest(
            url: url, method: .post, headers: [.contentType: Self.mediaType, .accept: Self.mediaType], body: query,
            deadline: timeout, connectTimeout: timeout, bodyLimit: 65_535)
        let response: Response
        do {
            response = try await transport.send(request)
        } catch .cancelled {
            throw .cancelled
        } catch {
            throw .https(url: url, detail: error.description)
        }
        guard response.head.status == .ok else {
            throw .https(url: url, detail: "it answered with status \(response.head.status.code)")
        }
        guard response.head.headers[.contentType]?.lowercased().hasPrefix(Self.mediaType) == true else {
            throw .https(url: url, detail: "its answer is not a DNS message")
        }
        return response.body
    }
}
