import CertificateAPI
import Issuers
import KubeClient
import KubeModel
import PKI
package import Wire

/// Signs for the issuers that answer at once, with what their Secrets hold.
package final class InstantSigner: Sendable {
    private let lookup: IssuerLookup
    private let secrets: SecretStore
    private let keyPairs: CAKeyPairs
    private let time: any TimeSource

    package init(lookup: IssuerLookup, secrets: SecretStore, time: any TimeSource) {
        self.lookup = lookup
        self.secrets = secrets
        keyPairs = CAKeyPairs(limits: secrets.limits)
        self.time = time
    }

    /// Whether a request would be signed if it came now: asked before a key is made that only this process knows.
    func canSign(_ reference: IssuerReference, namespace: String) async throws(KubeError) -> Bool {
        guard lookup.state(reference, namespace: namespace) == .instant,
            let issuer = lookup.find(reference, namespace: namespace)
        else { return false }
        guard let ca = issuer.spec.ca else { return true }
        return try await keyPair(ca, issuer) != nil
    }

    /// `key` is that of the request where the caller has it; otherwise the annotation says where it is.
    func sign(_ request: CertificateRequest, key: PrivateKey? = nil) async throws(KubeError) -> SigningAnswer {
        let namespace = request.metadata.namespace ?? ""
        guard let issuer = lookup.find(request.spec.issuerRef, namespace: namespace) else {
            return .pending(reason: "IssuerNotFound", message: "The issuer has just been deleted")
        }
        let wanted: IssuanceRequest
        do {
            wanted = try IssuanceRequest(request.spec, limits: secrets.limits)
        } catch {
            return .failed(
                reason: issuer.spec.ca != nil ? "SigningError" : "ErrorGenerating", message: error.description)
        }
        let now = time.now()
        do throws(Refusal) {
            if let ca = issuer.spec.ca { return try await sign(wanted, ca, issuer, now) }
            return try await sign(wanted, issuer.spec.selfSigned ?? .init(), request, key, now)
        } catch {
            switch error {
            case .issuance(.pending(let reason, let message)): return .pending(reason: reason, message: message)
            case .issuance(.failed(let reason, let message)): return .failed(reason: reason, message: message)
            case .kube(let error): throw error
            }
        }
    }

    private enum Refusal: Error {
        case issuance(IssuanceError)
        case kube(KubeError)
    }

    private func sign(
        _ wanted: IssuanceRequest, _ ca: CAIssuer, _ issuer: IssuerLookup.Found, _ now: Timestamp
    ) async throws(Refusal) -> SigningAnswer {
        let name = ObjectKey(namespace: issuer.resourceNamespace, name: ca.secretName)
        let secret = try await read(name)
        do {
            let pair = try keyPairs.keyPair(name, in: secret, at: now)
            return answer(try await CASigner.sign(wanted, with: pair, ca, now: now))
        } catch let problem as CAProblem {
            throw .issuance(problem.whileSigning)
        } catch let error as IssuanceError {
            throw .issuance(error)
        } catch {
            throw .issuance(.pending(reason: "SigningError", message: "\(error)"))
        }
    }

    private func sign(
        _ wanted: IssuanceRequest, _ issuer: SelfSignedIssuer, _ request: CertificateRequest, _ key: PrivateKey?,
        _ now: Timestamp
    ) async throws(Refusal) -> SigningAnswer {
        do throws(IssuanceError) {
            if let key { return answer(try await SelfSignedSigner.sign(wanted, with: key, issuer, now: now)) }
        } catch {
            throw .issuance(error)
        }
        let name: ObjectKey
        do throws(IssuanceError) { name = try SelfSignedSigner.keySecret(of: request) } catch { throw .issuance(error) }
        let secret = try await read(name)
        do throws(IssuanceError) {
            let key = try SelfSignedSigner.key(name, in: secret, limits: secrets.limits)
            return answer(try await SelfSignedSigner.sign(wanted, with: key, issuer, now: now))
        } catch {
            throw .issuance(error)
        }
    }

    private func read(_ name: ObjectKey) async throws(Refusal) -> Secret? {
        do throws(KubeError) { return try await secrets.read(name) } catch { throw .kube(error) }
    }

    /// What the issuer that a request names is, where it is there.
    func issuer(of request: CertificateRequest) -> IssuerSpec? {
        lookup.find(request.spec.issuerRef, namespace: request.metadata.namespace ?? "")?.spec
    }

    /// The Secret that a request of this kind of issuer waits for, when it waits for one.
    func awaitedSecret(_ request: CertificateRequest) -> ObjectKey? {
        let namespace = request.metadata.namespace ?? ""
        guard let issuer = lookup.find(request.spec.issuerRef, namespace: namespace) else { return nil }
        if let ca = issuer.spec.ca { return ObjectKey(namespace: issuer.resourceNamespace, name: ca.secretName) }
        // A request without the annotation has failed and waits for nothing.
        return issuer.spec.selfSigned == nil ? nil : try? SelfSignedSigner.keySecret(of: request)
    }

    private func keyPair(_ ca: CAIssuer, _ issuer: IssuerLookup.Found) async throws(KubeError) -> CAKeyPair? {
        let name = ObjectKey(namespace: issuer.resourceNamespace, name: ca.secretName)
        let secret = try await secrets.read(name)
        // What is wrong with it, the issuer's own condition says.
        return try? keyPairs.keyPair(name, in: secret, at: time.now())
    }

    private func answer(_ issued: IssuedCertificate) -> SigningAnswer { SigningAnswer(issued) }
}
