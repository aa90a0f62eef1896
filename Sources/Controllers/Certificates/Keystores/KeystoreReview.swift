import CertificateAPI
import KubeClient
import KubeModel
import PKI
import Synchronization
import Wire

/// What is known of the keystores in a target Secret.
enum KeystoreFinding: Sendable, Equatable {
    /// None is wanted, or they are as wanted, or there is no certificate yet to make them of.
    case right
    /// They must be made anew.
    case outdated
    case passwordMissing(KeystorePasswordProblem)
}

/// Knows whether the keystores in target Secrets are what their Certificates ask for.
///
/// Only their passwords can tell, so they are opened; but only when the target Secret, the Secret with the password or the
/// Certificate's wishes have changed since. What is remembered are prints, no password.
final class KeystoreReview: Sendable {
    /// What a finding was made of.
    private struct Basis: Equatable {
        var outputs: Print
        /// The versions of the Secrets with the passwords.
        var passwords: [String?]
        /// That of the stores in the target Secret and of what they are made of.
        var stores: Print?
        var isUsable: Bool
    }
    private struct Entry {
        var basis: Basis
        var finding: KeystoreFinding
    }
    private let secrets: SecretStore
    private let limits: PEMLimits
    private let entries = Mutex<[ObjectKey: Entry]>([:])

    init(secrets: SecretStore, limits: PEMLimits) {
        self.secrets = secrets
        self.limits = limits
    }

    /// What the last `look` found.
    func finding(_ certificate: ObjectKey) -> KeystoreFinding {
        entries.withLock { $0[certificate]?.finding } ?? .right
    }

    /// Answers whether something was known.
    @discardableResult
    func forget(_ certificate: ObjectKey) -> Bool {
        entries.withLock { $0.removeValue(forKey: certificate) } != nil
    }

    /// Finds out, where something has changed; answers whether it did, so that another look at `finding` is due.
    func look(at certificate: ObjectKey, _ outputs: DesiredOutputs, in target: ObjectKey, _ facts: SecretFacts?)
        async throws -> Bool
    {
        guard outputs.hasKeystores else { return forget(certificate) }
        let basis = basis(outputs, facts, namespace: certificate.namespace)
        guard entries.withLock({ $0[certificate]?.basis }) != basis else { return false }
        let finding: KeystoreFinding =
            switch try await passwords(outputs, namespace: certificate.namespace) {
            case .failure(let problem): .passwordMissing(problem)
            case .success(let passwords): try await judge(outputs, passwords, facts, target)
            }
        entries.withLock { $0[certificate] = Entry(basis: basis, finding: finding) }
        return true
    }

    /// Takes over that we have just written them with these passwords.
    func record(
        _ certificate: ObjectKey, _ outputs: DesiredOutputs, _ passwords: KeystorePasswords, _ written: SecretFacts
    ) {
        var basis = basis(outputs, written, namespace: certificate.namespace)
        basis.passwords = passwords.versions
        entries.withLock { $0[certificate] = Entry(basis: basis, finding: .right) }
    }

    /// The passwords as the Secrets hold them now.
    func passwords(
        _ outputs: DesiredOutputs, namespace: String
    ) async throws(KubeError) -> Result<KeystorePasswords, KeystorePasswordProblem> {
        // Before the reading: what is read may be newer, and is then looked at once more.
        var passwords = KeystorePasswords(versions: versions(outputs, namespace: namespace))
        if let jks = outputs.jks {
            switch try await password(jks.password, namespace) {
            case .success(let password): passwords.jks = password
            case .failure(let problem): return .failure(problem)
            }
        }
        if let pkcs12 = outputs.pkcs12 {
            switch try await password(pkcs12.password, namespace) {
            case .success(let password): passwords.pkcs12 = password
            case .failure(let problem): return .failure(problem)
            }
        }
        return .success(passwords)
    }

    private func password(
        _ source: DesiredOutputs.PasswordSource, _ namespace: String
    ) async throws(KubeError) -> Result<KeystorePassword, KeystorePasswordProblem> {
        let (name, key): (String, String)
        switch source {
        case .literal(let password): return .success(password)
        case .secret(let secretName, let dataKey): (name, key) = (secretName, dataKey)
        }
        func problem(_ sentence: String) -> Result<KeystorePassword, KeystorePasswordProblem> {
            .failure(KeystorePasswordProblem(description: sentence))
        }
        guard let secret = try await secrets.read(ObjectKey(namespace: namespace, name: name)) else {
            return problem(
                "the Secret \(name) with the password of a keystore does not exist: create it, with the password under the"
                    + " key \(key)")
        }
        guard let octets = secret[key], !octets.isEmpty else {
            return problem("the Secret \(name) has no password of a keystore under the key \"\(key)\": put it there")
        }
        do {
            return .success(try KeystorePassword(octets))
        } catch {
            return problem("the key \(key) of the Secret \(name) cannot be used: \(error)")
        }
    }

    private func judge(
        _ outputs: DesiredOutputs, _ passwords: KeystorePasswords, _ facts: SecretFacts?, _ target: ObjectKey
    ) async throws(KubeError) -> KeystoreFinding {
        guard let facts, facts.privateKey.value != nil, facts.leaf.value != nil else { return .right }
        guard outputs.jks == nil || facts.outputs.hasJKS, outputs.pkcs12 == nil || facts.outputs.hasPKCS12 else {
            return .outdated
        }
        guard let secret = try await secrets.read(target), let pem = secret[Names.SecretKey.privateKey],
            // What is unreadable by now is about to be issued anew.
            let key = try? PrivateKey(pem: pem, limit: limits.privateKey),
            let files = try? KeystoreFiles(
                outputs, passwords, key: key, chain: secret[Names.SecretKey.certificate] ?? [],
                ca: secret[Names.SecretKey.ca], limits: limits)
        else { return .right }
        return await files.areRight(secret.data ?? [:]) ? .right : .outdated
    }

    private func versions(_ outputs: DesiredOutputs, namespace: String) -> [String?] {
        outputs.passwords.map { source in
            guard case .secret(let name, _) = source else { return nil }
            return secrets.version(of: ObjectKey(namespace: namespace, name: name))
        }
    }

    private func basis(_ outputs: DesiredOutputs, _ facts: SecretFacts?, namespace: String) -> Basis {
        Basis(
            outputs: Print(outputs), passwords: versions(outputs, namespace: namespace),
            stores: facts?.outputs.keystores,
            isUsable: facts?.privateKey.value != nil && facts?.leaf.value != nil)
    }
}
