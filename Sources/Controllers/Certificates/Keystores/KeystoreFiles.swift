import CertificateAPI
import KubeModel
import PKI
import Wire

/// The keystores of one Certificate: what belongs into them, and what protects them.
struct KeystoreFiles: Sendable {
    let outputs: DesiredOutputs
    let passwords: KeystorePasswords
    let key: PrivateKey
    let chain: [X509Certificate]
    /// Empty where the issuer names no CA; then there are no truststores.
    let authorities: [X509Certificate]

    /// Throws where key or chain cannot be read. A CA that cannot be read is left out: it is the issuer's text, and
    /// the other files are of use without it.
    init(
        _ outputs: DesiredOutputs, _ passwords: KeystorePasswords, key: PrivateKey, chain: [UInt8], ca: [UInt8]?,
        limits: PEMLimits
    ) throws(PKIError) {
        self.outputs = outputs
        self.passwords = passwords
        self.key = key
        self.chain = try Chain.parse(pem: chain, limit: limits.chain)
        let found = ca.flatMap { $0.isEmpty ? nil : try? Chain.parse(pem: $0, limit: limits.bundle) }
        authorities = found ?? []
    }

    /// JKS lists what is trusted beside the key; PKCS#12 has one list, in which nothing need stand twice.
    private var jksContents: KeystoreContents { KeystoreContents(key: key, chain: chain, authorities: authorities) }
    private var pkcs12Contents: KeystoreContents {
        KeystoreContents(key: key, chain: chain + authorities.filter { !chain.contains($0) }, authorities: [])
    }
    private var trusted: KeystoreContents? { authorities.isEmpty ? nil : KeystoreContents(trusting: authorities) }

    /// The files by their keys in the Secret, made anew.
    func make() async throws(PKIError) -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        if let jks = outputs.jks, let password = passwords.jks {
            let created = chain.first?.notBefore ?? Timestamp(secondsSince1970: 0)
            func file(_ contents: KeystoreContents) throws(PKIError) -> [UInt8] {
                try JKS.make(contents, alias: jks.alias, created: created, password)
            }
            files[Names.SecretKey.keystoreJKS] = try file(jksContents)
            if let trusted { files[Names.SecretKey.truststoreJKS] = try file(trusted) }
        }
        if let pkcs12 = outputs.pkcs12, let password = passwords.pkcs12 {
            files[Names.SecretKey.keystorePKCS12] = try await PKCS12.make(pkcs12Contents, pkcs12.profile, password)
            if let trusted {
                files[Names.SecretKey.truststorePKCS12] = try await PKCS12.make(trusted, pkcs12.profile, password)
            }
        }
        return files
    }

    /// Whether the files in a Secret open with the passwords and hold what they should, in the form they should have.
    func areRight(_ data: [String: Base64Data]) async -> Bool {
        if let jks = outputs.jks, let password = passwords.jks {
            guard isRight(data[Names.SecretKey.keystoreJKS], jksContents, alias: jks.alias, password),
                isRight(data[Names.SecretKey.truststoreJKS], trusted, alias: nil, password)
            else { return false }
        }
        if let pkcs12 = outputs.pkcs12, let password = passwords.pkcs12 {
            guard await isRight(data[Names.SecretKey.keystorePKCS12], pkcs12Contents, pkcs12.profile, password),
                await isRight(data[Names.SecretKey.truststorePKCS12], trusted, pkcs12.profile, password)
            else { return false }
        }
        return true
    }

    // Whatever keeps a file from being read makes it a wrong one, so the errors below say no more than `false`.

    private func isRight(
        _ file: Base64Data?, _ contents: KeystoreContents?, alias: String?, _ password: KeystorePassword
    ) -> Bool {
        guard let contents else { return file == nil }
        guard let file, let read = try? JKS.read(file.bytes, password) else { return false }
        let alias = alias.map(JKS.canonical)
        return read.contents.isSame(as: contents) && read.alias == alias
            && read.authorityAliases == JKS.authorityAliases(contents.authorities.count, besides: alias)
    }

    private func isRight(
        _ file: Base64Data?, _ contents: KeystoreContents?, _ profile: PKCS12.Profile, _ password: KeystorePassword
    ) async -> Bool {
        guard let contents else { return file == nil }
        guard let file, let read = try? await PKCS12.read(file.bytes, password) else { return false }
        return read.profile == profile && read.contents.isSame(as: contents)
    }
}

/// The passwords of one Certificate's keystores; nil for a store that is not wanted.
struct KeystorePasswords: Sendable, Equatable {
    var jks: KeystorePassword?
    var pkcs12: KeystorePassword?
    /// Those of the Secrets they were read from.
    var versions: [String?] = []
}

/// A password that cannot be had; says what to do.
struct KeystorePasswordProblem: Error, Sendable, Equatable, CustomStringConvertible {
    static let reason = "KeystorePasswordSecretNotFound"
    let description: String

    var violation: Violation { Violation(reason: Self.reason, message: description) }
}
