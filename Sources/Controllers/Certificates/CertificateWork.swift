import CertificateAPI
import KubeClient
import KubeModel
import KubeRuntime
import PKI
import Wire

/// One reconcile's doing: applies actions in order and stops at the first error.
struct CertificateWork {
    let shell: CertificateReconciler
    let view: CertificateView
    /// A key made or read in this reconcile, by the name of the Secret that holds it.
    private var keys: [String: PrivateKey] = [:]
    /// Why a certificate is issued, where no Event has told it yet.
    private(set) var opening: Notice?

    init(_ shell: CertificateReconciler, _ view: CertificateView) {
        self.shell = shell
        self.view = view
    }

    var client: KubeClient { shell.client }
    var namespace: String { view.certificate.metadata.namespace ?? "" }
    func key(_ name: String) -> ObjectKey { ObjectKey(namespace: namespace, name: name) }

    mutating func apply(_ actions: [CertificateAction]) async throws -> Requeue {
        var requeue = Requeue.onChange
        for action in actions {
            switch action {
            case .deleteRequest(let name, let uid): try await deleteRequest(name, uid)
            case .deleteNextKey(let name, let uid): try await deleteSecret(name, uid)
            case .storeNextKey(let name, let source): try await storeNextKey(name, source)
            case .createRequest(let revision, let nextKey): try await createRequest(revision, nextKey)
            case .issueAtOnce(let revision, let source, let opening):
                self.opening = opening
                requeue = requeue.sooner(try await issueAtOnce(revision, source))
            case .complete(let request, let nextKey):
                requeue = requeue.sooner(try await complete(request, nextKey))
            case .storeTemporary(let nextKey): try await storeTemporary(nextKey)
            case .mendSecret: try await mendSecret()
            case .setStatus(let status): try await setStatus(status)
            case .tell(let notice): tell(notice)
            case .lookAgain(let time): requeue = requeue.sooner(time)
            }
        }
        return requeue
    }

    func tell(_ notice: Notice) {
        shell.tell(
            notice, on: ObjectReference(to: view.certificate), component: EventSource.certificate(notice))
    }

    // MARK: Status

    /// Writes the status where it differs from what was observed, and only over that version.
    func setStatus(_ status: Certificate.Status) async throws {
        guard status != view.status else { return }
        let written = try await StatusPatch.write(
            status, over: view.certificate.status, of: view.certificate, client)
        shell.certificates.record(written)
    }

    // MARK: Requests

    func deleteRequest(_ name: String, _ uid: String) async throws {
        try await client.delete(
            CertificateRequest.self, key(name), preconditions: Preconditions(uid: uid.isEmpty ? nil : uid))
        if let facts = shell.requests[key(name)] { shell.requests.recordDeletion(of: facts) }
    }

    private mutating func createRequest(_ revision: Int, _ nextKey: String) async throws {
        let privateKey = try await storedKey(nextKey)
        let request = try await RequestBuilder.make(view, revision: revision, key: privateKey, keySecret: nextKey)
        let created = try await create(request)
        tell(.normal("Requested", "Created new CertificateRequest resource \"\(created.metadata.name)\""))
    }

    /// Creates a request under its stable name. A leftover of that name that was made for this Certificate gives way;
    /// one that belongs to somebody else is left alone and another name is taken.
    func create(_ request: CertificateRequest) async throws -> CertificateRequest {
        var request = request
        for _ in 0..<3 {
            do throws(KubeError) {
                let created = try await client.create(request)
                shell.requests.record(RequestFacts(created))
                return created
            } catch {
                guard error.isAlreadyExists else { throw error }
            }
            guard let found = try await client.find(CertificateRequest.self, request.key) else { continue }
            let facts = RequestFacts(found)
            if facts.certificateUID == view.certificate.metadata.uid,
                facts.shape.publicKey == RequestFacts(request).shape.publicKey
            {
                // Created by an earlier try whose answer was lost.
                shell.requests.record(facts)
                return found
            }
            let isOurs = facts.certificateName == view.name || facts.certificateUID == view.certificate.metadata.uid
            // One that is being deleted may be held by a finalizer for as long as it likes.
            if isOurs, !found.metadata.isBeingDeleted {
                try await client.delete(
                    CertificateRequest.self, request.key, preconditions: Preconditions(uid: found.metadata.uid))
                shell.requests.recordDeletion(of: facts)
            } else {
                request.metadata.name = ChildName.make(
                    request.metadata.name, suffix: ChildName.digest(view.certificate.metadata.uid ?? view.name))
            }
        }
        throw CertificateWorkError.nameTaken(request.metadata.name)
    }

    // MARK: Next keys

    private mutating func storeNextKey(_ name: String, _ source: KeySource) async throws {
        let privateKey = try await newKey(source)
        var secret = Secret(metadata: ObjectMeta(name: name, namespace: namespace), type: Names.opaqueSecretType)
        secret.metadata.labels = [Names.Label.nextPrivateKey: "true", Names.Label.filteredCache: "true"]
        secret.metadata.ownerReferences = [OwnerReference(controller: view.certificate)]
        secret.data = [Names.SecretKey.privateKey: Base64Data(try privateKey.pem(.pkcs8))]
        do throws(KubeError) {
            shell.secrets.record(SecretFacts(try await client.create(secret), limits: shell.settings.limits))
            keys[name] = privateKey
        } catch {
            // Stored by a try whose answer was lost: the cache will show it, and what it holds will do.
            guard error.isAlreadyExists, let found = try await client.find(Secret.self, key(name)),
                found.metadata.controller?.uid == view.certificate.metadata.uid
            else { throw error }
            shell.secrets.record(SecretFacts(found, limits: shell.settings.limits))
            throw error
        }
    }

    func newKey(_ source: KeySource) async throws -> PrivateKey {
        guard case .success(let desired) = view.desired else { throw CertificateWorkError.noSpec }
        switch source {
        case .new: return try await PrivateKey.generate(desired.keyAlgorithm)
        case .targetSecret: return try await liveKey(view.certificate.spec.secretName)
        }
    }

    /// The key in the next-key Secret of this name.
    mutating func storedKey(_ name: String) async throws -> PrivateKey {
        if let known = keys[name] { return known }
        let read = try await liveKey(name)
        keys[name] = read
        return read
    }

    private func liveKey(_ name: String) async throws -> PrivateKey {
        guard let secret = try await client.find(Secret.self, key(name)), let pem = secret[Names.SecretKey.privateKey]
        else {
            throw CertificateWorkError.keyGone(name)
        }
        return try PrivateKey(pem: pem, limit: shell.settings.limits.privateKey)
    }

    func deleteSecret(_ name: String, _ uid: String) async throws {
        try await client.delete(Secret.self, key(name), preconditions: Preconditions(uid: uid.isEmpty ? nil : uid))
        if let facts = shell.secrets.facts[key(name)] { shell.secrets.recordDeletion(of: facts) }
    }
}

/// What a reconcile ran into that the next look will see better.
enum CertificateWorkError: Error, CustomStringConvertible {
    case nameTaken(String)
    case keyGone(String)
    case noSpec
    /// There was none at the last look.
    case secretAppeared(ObjectKey)

    var description: String {
        switch self {
        case .nameTaken(let name): "Another object took the name \(name) of a CertificateRequest several times"
        case .keyGone(let name): "The Secret \(name) no longer holds the private key that was to be used"
        case .noSpec: "The spec breaks rules"
        case .secretAppeared(let key): "The Secret \(key) came up while a certificate for it was being issued"
        }
    }
}
