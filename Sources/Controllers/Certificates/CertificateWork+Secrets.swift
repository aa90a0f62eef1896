import CertificateAPI
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import PKI
import Wire

extension CertificateWork {
    // MARK: Issuing

    /// Request, signature and Secret in one go; the key is nowhere but here until the Secret holds it.
    func issueAtOnce(_ revision: Int, _ source: KeySource) async throws -> Requeue {
        do {
            return try await goTheWholeWay(revision, source)
        } catch CertificateWorkError.secretAppeared {
            return .at(shell.time.now())
        } catch {
            if let opening { tell(opening) }
            throw error
        }
    }

    private func goTheWholeWay(_ revision: Int, _ source: KeySource) async throws -> Requeue {
        let privateKey = try await newKey(source)
        // By the time anybody looks, the key is in the target Secret.
        let request = try await RequestBuilder.make(
            view, revision: revision, key: privateKey, keySecret: view.certificate.spec.secretName)
        shell.claims.claim(request.key)
        defer { shell.claims.release(request.key) }
        let created = try await create(request)
        let answer = try await shell.signer.sign(created, key: privateKey)
        let outcome = RequestDecision.decide(
            RequestView(request: created, issuer: .instant, approval: .yes, now: shell.time.now()), answer)
        guard let status = outcome.status else { return .onChange }
        let answered = try await StatusPatch.write(status, over: created.status, of: created, client)
        shell.requests.record(RequestFacts(answered))
        for notice in outcome.notices where notice.kind == .warning {
            shell.tell(
                notice, on: ObjectReference(to: answered),
                component: EventSource.request(notice, shell.signer.issuer(of: answered)))
        }
        do {
            return try await consume(answered, privateKey, revision)
        } catch CertificateWorkError.secretAppeared {
            // What is in it counts, and may be all that is wanted.
            try await deleteRequest(answered.metadata.name, answered.metadata.uid ?? "")
            throw CertificateWorkError.secretAppeared(key(view.certificate.spec.secretName))
        }
    }

    /// The request was answered by somebody; its key is in a Secret.
    mutating func complete(_ name: String, _ nextKey: String) async throws -> Requeue {
        let privateKey = try await storedKey(nextKey)
        guard let request = try await client.find(CertificateRequest.self, key(name)) else { return .onChange }
        return try await consume(request, privateKey, view.nextRevision)
    }

    private func consume(_ request: CertificateRequest, _ privateKey: PrivateKey, _ revision: Int) async throws
        -> Requeue
    {
        switch RequestFacts.State(request.status) {
        case .undecided, .pending: return .onChange
        case .failed(let reason, let message), .denied(let reason, let message), .invalid(let reason, let message):
            return try await fail(Violation(reason: reason, message: message))
        case .issued: break
        }
        let chain = request.status?.certificate?.bytes ?? []
        let leaf: X509Certificate
        do {
            leaf = try IssuedLeaf.check(
                chain, for: privateKey.publicKey, limits: shell.settings.limits, now: shell.time.now())
        } catch {
            return try await fail(error)
        }
        do throws(SecretRefusal) {
            let facts = try await store(leaf, chain: chain, ca: request.status?.ca?.bytes, privateKey)
            var done = view
            done.now = shell.time.now()
            done.secret = facts
            done.requests = view.requests.filter { $0.metadata.name != request.metadata.name } + [RequestFacts(request)]
            try await finish(Issuing.completed(done, revision: revision))
            for notice in Readiness.windowNotice(done, from: view.status) { tell(notice) }
        } catch {
            switch error {
            case .permanent(let sentence):
                return try await fail(Violation(reason: "SecretNotWritten", message: sentence))
            case .other(let error):
                if let problem = error as? KeystorePasswordProblem {
                    tell(.warning(problem.violation.reason, Readiness.sentence(problem.description)))
                }
                throw error
            }
        }
        tell(Issuing.done(opening))
        shell.logger.info(
            "Issued a certificate",
            metadata: [
                "controller": "certificates", "namespace": "\(namespace)", "name": "\(view.name)",
                "certificate": "\(namespace)/\(view.name)",
                "revision": "\(revision)", "notAfter": "\(leaf.notAfter)",
            ])
        return .onChange
    }

    private func finish(_ status: Certificate.Status) async throws(SecretRefusal) {
        do { try await setStatus(status) } catch { throw .other(error) }
    }

    private func fail(_ problem: Violation) async throws -> Requeue {
        var work = self
        var failed = view
        failed.now = shell.time.now()
        shell.logger.warning(
            "Issuing a certificate failed",
            metadata: [
                "controller": "certificates", "namespace": "\(namespace)", "name": "\(view.name)",
                "certificate": "\(namespace)/\(view.name)",
                "reason": "\(problem.reason)", "error": "\(problem.message)",
            ])
        if let opening { tell(opening) }
        return try await work.apply(Issuing.fail(failed, problem))
    }

    // MARK: The target Secret

    /// Why a Secret was not written.
    enum SecretRefusal: Error {
        /// The API server will refuse it again: by quota, policy, or because the Secret is immutable.
        case permanent(String)
        case other(any Error)
    }

    func store(
        _ leaf: X509Certificate, chain: [UInt8], ca: [UInt8]?, _ privateKey: PrivateKey
    ) async throws(SecretRefusal) -> SecretFacts {
        guard case .success(let desired) = view.desired else { throw .other(CertificateWorkError.noSpec) }
        let target = TargetSecret(certificate: view.certificate, settings: shell.settings, leaf: leaf)
        do {
            var data = TargetData(
                key: try privateKey.pem(desired.keyEncoding), chain: chain, ca: ca, outputs: desired.outputs)
            guard desired.outputs.hasKeystores else { return try await write(target, data) }
            let passwords = try await passwords(desired.outputs)
            data.keystores = try await KeystoreFiles(
                desired.outputs, passwords, key: privateKey, chain: chain, ca: ca, limits: shell.settings.limits
            ).make()
            let written = try await write(target, data)
            shell.keystores.record(key(view.name), desired.outputs, passwords, written)
            return written
        } catch let error as KubeError where error.isForbidden || error.isInvalid {
            throw .permanent("the Secret \(view.certificate.spec.secretName) cannot be written: \(error)")
        } catch {
            throw .other(error)
        }
    }

    private func passwords(_ outputs: DesiredOutputs) async throws -> KeystorePasswords {
        try await shell.keystores.passwords(outputs, namespace: namespace).get()
    }

    /// Creates or patches the Secret; what changed in between is looked at again, since the key cannot be had twice.
    private func write(_ target: TargetSecret, _ data: TargetData) async throws -> SecretFacts {
        let name = key(view.certificate.spec.secretName)
        var existing = view.secret
        for attempt in 0... {
            do throws(KubeError) {
                guard let existing else {
                    let written = try await client.create(target.object(data), manager: TargetMetadata.fieldManager)
                    var facts = SecretFacts(written, limits: shell.settings.limits)
                    facts.owned = target.owned(
                        data: Set(data.entries.keys).intersection(Names.SecretKey.optional))
                    return remember(facts)
                }
                let patch = target.patch(over: existing, data.patch(over: existing))
                return remember(try await ownSecret(Self.patch(name, patch)))
            } catch {
                if error.isAlreadyExists, view.issuesAtOnce, view.secret == nil, attempt == 0 {
                    try await shell.secrets.refresh(name)
                    throw CertificateWorkError.secretAppeared(name)
                }
                guard attempt < 3, error.isConflict || error.isAlreadyExists || error.isNotFound else { throw error }
            }
            do throws(KubeError) {
                existing = try await ownSecret(.get(Secret.resource, name))
            } catch {
                guard error.isNotFound else { throw error }
                existing = nil
            }
        }
        preconditionFailure("the loop above ends only by return or throw")
    }

    private func remember(_ written: SecretFacts) -> SecretFacts {
        shell.secrets.record(written)
        return written
    }

    /// Facts of the Secret that is answered, with what our field manager owns in it.
    private func ownSecret(_ request: KubeRequest) async throws(KubeError) -> SecretFacts {
        var request = request
        request.limits = .default
        let answer = try await client.send(request)
        do {
            return try CertificateCaches.secret(answer, limits: shell.settings.limits)
        } catch {
            throw .decoding("\(error)")
        }
    }

    private static func patch(_ name: ObjectKey, _ patch: JSONValue) -> KubeRequest {
        .mergePatch(Secret.resource, name, patch, fieldManager: TargetMetadata.fieldManager)
    }

    /// Labels, annotations, owner, and the other forms of key and certificate; never the certificate.
    func mendSecret() async throws {
        let name = key(view.certificate.spec.secretName)
        guard case .success(let desired) = view.desired, let facts = view.secret,
            let secret = try await client.find(Secret.self, name),
            let pem = secret[Names.SecretKey.certificate]
        else { return }
        // Facts of the same version are about this very certificate; of another, the next look sees it.
        guard secret.metadata.resourceVersion == facts.metadata.resourceVersion else { return }
        let limits = shell.settings.limits
        let target = TargetSecret(
            certificate: view.certificate, settings: shell.settings, leaf: try Chain.leaf(pem: pem, limits))
        let passwords = view.keystores == .outdated ? try await passwords(desired.outputs) : nil
        let keystores = try await keystores(of: secret, desired.outputs, passwords)
        let data = try DataPatch(
            mending: secret, desired, owned: facts.owned.data, keystores: keystores, limits: limits)
        let known = remember(try await ownSecret(Self.patch(name, target.patch(over: facts, data))))
        if let passwords { shell.keystores.record(key(view.name), desired.outputs, passwords, known) }
    }

    private func keystores(
        of secret: Secret, _ outputs: DesiredOutputs, _ passwords: KeystorePasswords?
    ) async throws -> [String: [UInt8]]? {
        guard let passwords else { return nil }
        let limits = shell.settings.limits
        let privateKey = try PrivateKey(pem: secret[Names.SecretKey.privateKey] ?? [], limit: limits.privateKey)
        return try await KeystoreFiles(
            outputs, passwords, key: privateKey, chain: secret[Names.SecretKey.certificate] ?? [],
            ca: secret[Names.SecretKey.ca], limits: limits
        ).make()
    }

    /// A certificate of our own, so that a server can start.
    mutating func storeTemporary(_ nextKey: String) async throws {
        guard case .success(let desired) = view.desired else { return }
        let privateKey = try await storedKey(nextKey)
        let leaf = try await TemporaryCertificate.make(desired, for: privateKey.publicKey, now: shell.time.now())
        do throws(SecretRefusal) {
            _ = try await store(leaf, chain: Array(leaf.pem.utf8), ca: nil, privateKey)
        } catch {
            switch error {
            case .permanent(let sentence): throw ReconcileFault.temporaryNotWritten(sentence)
            case .other(let error): throw error
            }
        }
        tell(.normal("Issuing", "Issued temporary certificate"))
    }
}

/// A sentence to log.
enum ReconcileFault: Error, CustomStringConvertible {
    case temporaryNotWritten(String)

    var description: String {
        switch self {
        case .temporaryNotWritten(let sentence): sentence
        }
    }
}

/// The check of what an issuer answered.
enum IssuedLeaf {
    static func check(
        _ chain: [UInt8], for publicKey: PublicKey, limits: PEMLimits, now: Timestamp
    ) throws(Violation) -> X509Certificate {
        let leaf: X509Certificate
        do {
            leaf = try Chain.leaf(pem: chain, limits)
        } catch {
            throw invalid("the issuer's certificate cannot be read: \(error)")
        }
        guard leaf.publicKey == publicKey else {
            throw invalid("the issuer's certificate is for another key than the request")
        }
        guard leaf.notAfter > now else { throw invalid("the issuer's certificate has expired at \(leaf.notAfter)") }
        return leaf
    }

    private static func invalid(_ message: String) -> Violation {
        Violation(reason: "InvalidCertificate", message: message)
    }
}
