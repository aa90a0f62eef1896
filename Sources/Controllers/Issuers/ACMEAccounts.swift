import ACME
import CertificateAPI
import Issuers
import KubeClient
import KubeModel
import KubeRuntime
import PKI
import Synchronization
import Wire

extension IssuerReconciler {
    func account(of acme: ACMEIssuer, _ issuer: Object) async throws -> IssuerFinding {
        let key = issuer.key
        let uid = issuer.metadata.uid ?? ""
        if errands.isUnderWay(for: key, uid: uid) { return .asking }
        let keyName = secretKey(acme.privateKeySecretRef.name, issuer)
        var keySecret = try await secrets.read(keyName)
        let (binding, bindingVersion) = try await binding(of: acme, issuer)
        var note = notes.withLock { $0[key] }.flatMap { $0.uid == uid ? $0 : nil } ?? Note(uid: uid)
        var view = AccountView(
            issuer: acme, status: issuer.status, key: .secretMissing(keyName), binding: BindingState(binding),
            isDoubted: access.clients.isDoubted(issuer: uid), failures: note.failures, now: time.now())
        observe(issuer, acme, keySecret, keyName, &view)
        var step = AccountDecision.decide(view)
        // Each turn stores something that the next one finds, or leaves.
        for _ in 0..<4 {
            let stored: Secret?
            switch step {
            case .makeKey: stored = try await storeKey(acme.privateKeySecretRef, keyName)
            case .makeNextKey: stored = try await storeNextKey(acme.privateKeySecretRef, keyName, uid)
            case .promoteNextKey: stored = try await promoteNextKey(issuer, acme.privateKeySecretRef, keyName, view)
            case .dropNextKey(let why): stored = try await dropNextKey(issuer, acme.privateKeySecretRef, keyName, why)
            case .ask, .changeKey, .endAccount:
                let subject =
                    "\(issuer.metadata.generation ?? 0)/\(keySecret?.metadata.resourceVersion ?? "")/\(bindingVersion)/\(step)"
                guard view.answer == nil, let answer = answer(&note, subject, key, uid) else {
                    notes.withLock { $0[key] = note }
                    start(step, acme, issuer, view, try? binding.get())
                    return .asking
                }
                view.answer = answer
                view.failures = note.failures
                step = AccountDecision.decide(view)
                continue
            case .ready, .notReady: stored = nil
            }
            guard let stored else { break }
            keySecret = stored
            view.answer = nil
            observe(issuer, acme, keySecret, keyName, &view)
            step = AccountDecision.decide(view)
        }
        notes.withLock { $0[key] = note }
        return try await finding(step, acme, issuer, view)
    }

    /// What the Secret and the annotations say.
    private func observe(
        _ issuer: Object, _ acme: ACMEIssuer, _ secret: Secret?, _ name: ObjectKey, _ view: inout AccountView
    ) {
        let annotations = issuer.metadata.annotations
        let uid = issuer.metadata.uid ?? ""
        view.key = AccountKeyState(acme.privateKeySecretRef, name, in: secret, limits: secrets.limits)
        view.change = KeyChangeView(
            annotations: annotations, secret: secret, dataKey: acme.privateKeySecretRef.dataKey,
            hasOpenChallenges: access.hasOpenChallenges(of: ObjectReference(to: issuer)), limits: secrets.limits,
            now: view.now)
        let ended = annotations?[Names.Annotation.deactivateAccount].nonEmpty
        view.endsAccount = ended != nil && ended == issuer.status?.acme?.uri
        view.requiredAction = access.clients.requiredAction(ofIssuer: uid)
        view.acceptedTerms = annotations?[Names.Annotation.acceptedTerms]
    }

    /// The server's answer, when it is new, or when it was a refusal that holds until later or until a change.
    private func answer(_ note: inout Note, _ subject: String, _ key: ObjectKey, _ uid: String) -> AccountAnswer? {
        if let answer = errands.answer(for: key, uid: uid) {
            errands.consume(key)
            note.answer = answer
            note.subject = subject
            if case .refused(let error, _) = answer {
                note.failures += 1
                note.notBefore = notBefore(error, note.failures)
            } else {
                note.failures = 0
                note.notBefore = nil
                note.answer = nil
            }
            return answer
        }
        guard note.subject == subject, let refusal = note.answer else { return nil }
        guard let notBefore = note.notBefore else { return refusal }
        return time.now() < notBefore ? refusal : nil
    }

    private func notBefore(_ error: ACMEError, _ failures: Int) -> Timestamp? {
        switch error.advice {
        case .permanent: nil
        case .retry: time.now() + RetryPace.delay(afterFailures: failures)
        case .retryAt(let at): max(at, time.now() + .seconds(5))
        case .userActionRequired: time.now() + .seconds(3600)
        }
    }

    private func start(
        _ step: AccountStep, _ acme: ACMEIssuer, _ issuer: Object, _ view: AccountView,
        _ binding: ACME.ExternalAccountBinding?
    ) {
        guard case .key(let accountKey) = view.key else { return }
        let uid = issuer.metadata.uid ?? ""
        let server = access.clients.server(for: acme)
        let url = issuer.status?.acme?.uri ?? ""
        let work: @Sendable () async -> AccountAnswer
        switch step {
        case .changeKey:
            guard let next = view.change.next else { return }
            // Nobody is to sign, or to answer challenges, with a key that may be the old one.
            access.clients.drop(issuer: uid)
            let change = AccountKeyChange(server: server, accountURL: url, present: accountKey, next: next)
            work = { await change.ask() }
        case .endAccount:
            access.clients.drop(issuer: uid)
            let client = ACMEClient(server: server, accountURL: url, key: accountKey.key)
            work = { await client.end() }
        default:
            let registration = AccountRegistration(
                acme, status: issuer.status, server: server, key: accountKey.key, binding: binding)
            work = { await registration.ask() }
        }
        errands.start(for: issuer.key, uid: uid, lane: acme.server, work)
    }

    private func finding(
        _ step: AccountStep, _ acme: ACMEIssuer, _ issuer: Object, _ view: AccountView
    ) async throws -> IssuerFinding {
        let uid = issuer.metadata.uid ?? ""
        let isWaiting = RequiredAction.isOpen(view)
        if view.requiredAction != nil, !isWaiting { access.clients.actionIsDone(issuer: uid) }
        guard case .ready(let account, let readiness) = step, case .key(let accountKey) = view.key else {
            access.clients.drop(issuer: uid)
            guard case .notReady(let readiness) = step else { return .asking }
            return .readiness(readiness)
        }
        _ = access.clients.keep(
            ACMEClient(
                server: access.clients.server(for: acme), accountURL: account.uri ?? "", key: accountKey.key),
            forIssuer: uid)
        return .account(account, readiness, solverProblems: try await solverProblems(acme, issuer))
    }

    /// Stored before it is registered, so that no account is ever made whose key is lost.
    private func storeKey(_ selector: SecretKeySelector, _ name: ObjectKey) async throws -> Secret? {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var metadata = ObjectMeta(name: name.name, namespace: name.namespace)
        metadata.labels = [Names.Label.managedBy: Names.Label.managedByValue]
        let data = [selector.dataKey: Base64Data(try key.pem(.pkcs8))]
        do throws(KubeError) {
            return try await client.create(Secret(metadata: metadata, type: Names.opaqueSecretType, data: data))
        } catch {
            // Made by ourselves a moment ago, or by a user: what is there counts.
            guard error.isAlreadyExists else { throw error }
            return try await secrets.readNow(name)
        }
    }

    /// Stored beside the present key before the server hears of it; one that is there already is taken.
    private func storeNextKey(_ selector: SecretKeySelector, _ name: ObjectKey, _ uid: String) async throws -> Secret? {
        guard let present = try await secrets.readNow(name) else { return nil }
        let place = KeyChangeView.nextKey(selector.dataKey)
        if let pem = present[place], (try? PrivateKey(pem: pem, limit: secrets.limits.privateKey)) != nil {
            return present
        }
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        return try await patch(present, data: [place: .string(Base64.encode(try key.pem(.pkcs8)))])
    }

    private func promoteNextKey(
        _ issuer: Object, _ selector: SecretKeySelector, _ name: ObjectKey, _ view: AccountView
    ) async throws -> Secret? {
        let place = KeyChangeView.nextKey(selector.dataKey)
        guard let present = try await secrets.readNow(name), let pem = present[place], let next = view.change.next,
            try AccountKey(try PrivateKey(pem: pem, limit: secrets.limits.privateKey)) == next
        else { return nil }
        let stored = try await patch(
            present, data: [selector.dataKey: .string(Base64.encode(pem)), place: .null],
            annotations: rotationMarks(issuer))
        tell(.normal("AccountKeyChanged", "The ACME account has another key now"), on: issuer)
        return stored
    }

    private func dropNextKey(
        _ issuer: Object, _ selector: SecretKeySelector, _ name: ObjectKey, _ why: String
    ) async throws -> Secret? {
        guard let present = try await secrets.readNow(name) else { return nil }
        let stored = try await patch(
            present, data: [KeyChangeView.nextKey(selector.dataKey): .null], annotations: rotationMarks(issuer))
        tell(.warning("AccountKeyNotChanged", "The ACME account keeps its key: \(why)"), on: issuer)
        return stored
    }

    /// The wish is answered, one way or the other.
    private func rotationMarks(_ issuer: Object) -> JSONObject {
        var marks: JSONObject = [Names.Annotation.accountKeyMadeAt: .string(time.now().wholeSeconds.rfc3339)]
        if let wish = issuer.metadata.annotations?[Names.Annotation.rotateAccountKey].nonEmpty {
            marks[Names.Annotation.accountKeyRotation] = .string(wish)
        }
        return marks
    }

    /// Over this version only: whoever else wrote meanwhile is looked at first.
    private func patch(_ secret: Secret, data: JSONObject, annotations: JSONObject = [:]) async throws -> Secret {
        var metadata: JSONObject = ["resourceVersion": .string(secret.metadata.resourceVersion ?? "")]
        if annotations != [:] { metadata["annotations"] = .object(annotations) }
        let patch: JSONValue = ["metadata": .object(metadata), "data": .object(data)]
        return try await client.mergePatch(patch, of: Secret.self, secret.key)
    }

    /// What the server says of itself, once its directory was fetched for something else.
    func serverInformation(_ acme: ACMEIssuer, _ issuer: Object) -> ServerInformation? {
        let server = access.clients.server(for: acme)
        guard let directory = server.knownDirectory else { return nil }
        let options = IssuerOptions(issuer.metadata.annotations, server: acme.server)
        let account = access.clients.account(ofIssuer: issuer.metadata.uid ?? "")
        return ServerInformation(
            directory, clockSkew: server.clockSkew,
            accountURL: options.solving.methods.contains(.dnsAccount01) ? account?.accountURL : nil,
            problems: options.problems
                + OtherIssuers(issuer.metadata.annotations, kind: Object.resource.kind).problems)
    }

    private func binding(
        of acme: ACMEIssuer, _ issuer: Object
    ) async throws -> (Result<ACME.ExternalAccountBinding?, BindingProblem>, version: String) {
        guard let binding = acme.externalAccountBinding else { return (.success(nil), "") }
        let name = secretKey(binding.keySecretRef.name, issuer)
        let secret = try await secrets.read(name)
        return (acme.binding(in: secret, name), secret?.metadata.resourceVersion ?? "")
    }

    private func solverProblems(_ acme: ACMEIssuer, _ issuer: Object) async throws -> [String] {
        var problems: [String] = []
        for (index, solver) in (acme.solvers ?? []).enumerated() {
            let path = FieldPath.spec["acme"]["solvers"][index]
            problems += SolverReview.problems(of: solver, at: path).map(\.description)
            for (path, selector) in SolverReview.secretReferences(of: solver, at: path) {
                let name = secretKey(selector.name, issuer)
                guard let secret = try await secrets.read(name) else {
                    problems.append("\(path): Secret \(name) does not exist")
                    continue
                }
                let dataKey = selector.key.nonEmpty ?? ""
                if secret[dataKey]?.isEmpty ?? true {
                    problems.append("\(path): Secret \(name) has no data under \"\(dataKey)\"")
                }
            }
        }
        return problems
    }
}

extension SecretKeySelector {
    /// Where a private key lies when nothing else is said.
    fileprivate var dataKey: String { key.nonEmpty ?? Names.SecretKey.privateKey }
}
