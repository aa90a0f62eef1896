import ACME
import CertificateAPI
import KubeModel
import PKI
import Wire

/// Asks the CA to revoke one certificate, beside the workers.
struct RevocationWork: Sendable {
    let record: RevocationRecord
    let account: ACMEClient
    let secrets: SecretStore
    /// Where the key of the certificate is.
    let secret: ObjectKey

    func run() async -> RevocationNews {
        var news = RevocationNews(certificate: record.certificate ?? "")
        do throws(ACMEError) {
            let reason = RevocationReason(rawValue: record.reason) ?? .unspecified
            let certificate = try certificate()
            switch record.signer {
            case .account: try await account.revoke(certificate, reason: reason)
            case .certificate:
                try await account.server.revoke(certificate, withItsKey: try await key(), reason: reason)
            }
        } catch {
            news.failure = error
        }
        return news
    }

    private func certificate() throws(ACMEError) -> X509Certificate {
        guard let der = record.der.flatMap({ Base64.decode($0) }) else {
            throw .configuration("the annotation \(Names.Annotation.revocation) holds no certificate")
        }
        do { return try X509Certificate(der: der) } catch { throw .key(error) }
    }

    private func key() async throws(ACMEError) -> PrivateKey {
        let found: Secret?
        do {
            found = try await secrets.readNow(secret)
        } catch {
            // The API server is in trouble, not the CA: the attempt is made again.
            throw .malformed("the Secret \(secret) could not be read: \(error)")
        }
        guard let pem = found?[Names.SecretKey.privateKey] else {
            throw .configuration("the Secret \(secret) holds no key to revoke the certificate with")
        }
        do { return try PrivateKey(pem: pem, limit: secrets.limits.privateKey) } catch { throw .key(error) }
    }
}
