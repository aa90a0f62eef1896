import CurlTransport
import HTTPTransport
import HTTPTypes
import PKI
import Wire

/// Looks at what a server shows.
enum Probe {
    /// The chain, and why it is not to be trusted for this name by the system's roots; nil where it is.
    static func certificates(of url: String, connect: String?) async throws -> ([X509Certificate], String?) {
        let transport = CurlTransport(CurlTransport.Options(userAgent: Version.userAgent))
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await transport.run() }
            defer { transport.shutDown() }
            do throws(TransportError) {
                return (try read(try await transport.send(request(url, connect, .system))), nil)
            } catch {
                guard case .tls(let why) = error else { throw failure(error, url) }
                do throws(TransportError) {
                    return (try read(try await transport.send(request(url, connect, .insecure))), why)
                } catch {
                    throw failure(error, url)
                }
            }
        }
    }

    private static func request(_ url: String, _ connect: String?, _ trust: TLSOptions.Trust) -> TransportRequest {
        var request = TransportRequest(
            url: url, tls: TLSOptions(trust: trust), deadline: .seconds(15), bodyLimit: 1 << 20)
        request.endsAtHandshake = true
        if let connect, let address = HTTPAddress(url: url) {
            request.addressOverrides = ["\(address.host):\(address.port)": connect]
        }
        return request
    }

    private static func read(_ response: Response) throws(TransportError) -> [X509Certificate] {
        do throws(PKIError) {
            var certificates: [X509Certificate] = []
            for pem in response.peerCertificates { certificates.append(try X509Certificate(pem: Array(pem.utf8))) }
            return certificates
        } catch {
            throw .garbage("a certificate cannot be read: \(error)")
        }
    }

    private static func failure(_ error: TransportError, _ url: String) -> CommandFailure {
        CommandFailure("\(url) cannot be asked: \(error)", code: CommandFailure.cluster)
    }
}
