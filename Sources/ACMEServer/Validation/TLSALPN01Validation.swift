import ACME
import HTTPServer
import HTTPTypes
import PKI
import Wire

/// Shakes hands as RFC 8737 §3 says and looks at the certificate that is shown.
struct TLSALPN01Validation: Sendable {
    private static let acmeIdentifier = OID("1.3.6.1.5.5.7.1.31")

    var finder: AddressFinder
    /// 443 everywhere but in a laboratory.
    var port: Int
    var limit: Duration

    /// Nil where it shows what it must.
    func problem(of identifier: ACMEIdentifier, keyAuthorization: String) async -> ServerProblem? {
        do throws(ServerProblem) {
            var failure: ServerProblem?
            for address in try await finder.addresses(of: identifier.value) {
                let sight: ValidationSight
                do {
                    sight = try await ValidationProbe.look(
                        at: address.text, port: port,
                        serverName: ValidationProbe.serverName(of: identifier.value), timeout: limit)
                } catch {
                    failure = ServerProblem(
                        .connection, .badRequest, "No TLS connection for acme-tls/1 could be made to \(identifier).")
                    continue
                }
                return Self.problem(with: sight, of: identifier, keyAuthorization: keyAuthorization)
            }
            return failure
        } catch {
            return error
        }
    }

    /// What RFC 8737 §3 asks of the certificate: this name alone, and the digest in a critical extension.
    static func problem(
        with sight: ValidationSight, of identifier: ACMEIdentifier, keyAuthorization: String
    ) -> ServerProblem? {
        guard sight.applicationProtocol == "acme-tls/1" else {
            return ServerProblem(.tls, .badRequest, "\(identifier) does not speak acme-tls/1.")
        }
        guard let certificate = try? X509Certificate(der: sight.certificate) else {
            return ServerProblem(.tls, .badRequest, "\(identifier) shows a certificate that cannot be read.")
        }
        func refused(_ what: String) -> ServerProblem {
            .unauthorized("The certificate that \(identifier) shows \(what).")
        }
        let extensions = certificate.extensions
        let wanted: GeneralName
        switch identifier {
        case .ip(let address): wanted = .ip(address)
        case .dns, .other: wanted = .dns(identifier.value)
        }
        guard extensions.names.count == 1, extensions.names.first?.lowercased == wanted else {
            return refused("is not for this name alone")
        }
        guard certificate.isSelfSigned else { return refused("is not self-signed") }
        let marks = extensions.others.filter { $0.oid == acmeIdentifier }
        guard marks.count == 1, let mark = marks.first, mark.isCritical else {
            return refused("has no critical extension acmeIdentifier")
        }
        let digest: [UInt8] = [0x04, 0x20] + Digest.sha256(Array(keyAuthorization.utf8))
        guard constantTimeEqual(mark.value, digest) else { return refused("is another challenge's") }
        return nil
    }
}

extension GeneralName {
    fileprivate var lowercased: GeneralName {
        if case .dns(let name) = self { .dns(name.lowercased()) } else { self }
    }
}
