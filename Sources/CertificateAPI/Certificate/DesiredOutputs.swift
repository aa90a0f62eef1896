package import PKI

/// What the Secret holds beside key and certificate: the same in other forms.
package struct DesiredOutputs: Sendable, Hashable {
    package enum Format: String, Sendable, Hashable, CaseIterable {
        /// The private key in DER, under `key.der`.
        case der = "DER"
        /// Key and chain in one PEM text, under `tls-combined.pem`.
        case combinedPEM = "CombinedPEM"
    }
    package struct JKSOptions: Sendable, Hashable {
        package let alias: String
        package let password: PasswordSource
    }
    package struct PKCS12Options: Sendable, Hashable {
        package let profile: PKCS12.Profile
        package let password: PasswordSource
    }
    /// Where the password of a keystore comes from.
    package enum PasswordSource: Sendable, Hashable {
        case literal(KeystorePassword)
        /// A Secret beside the Certificate.
        case secret(name: String, key: String)
    }

    package var formats: Set<Format> = []
    package var jks: JKSOptions?
    package var pkcs12: PKCS12Options?

    /// Nothing beside key and certificate.
    package init() {}

    package var hasKeystores: Bool { jks != nil || pkcs12 != nil }
    package var passwords: [PasswordSource] { [jks?.password, pkcs12?.password].compactMap(\.self) }

    static let defaultAlias = "certificate"
    private static let maximumAliasBytes = 1024

    /// What `spec` asks for, and every rule that it breaks.
    static func read(_ spec: Certificate.Spec, at path: FieldPath) -> (
        outputs: DesiredOutputs, problems: [FieldProblem]
    ) {
        var outputs = DesiredOutputs()
        var problems: [FieldProblem] = []
        for (index, format) in (spec.additionalOutputFormats ?? []).enumerated() {
            guard let known = Format(rawValue: format.type) else {
                problems.append(
                    .notSupported(
                        path["additionalOutputFormats"][index]["type"], format.type, Format.allCases.map(\.rawValue)))
                continue
            }
            guard outputs.formats.insert(known).inserted else {
                problems.append(.duplicate(path["additionalOutputFormats"][key: "type"], format.type))
                continue
            }
        }
        if let jks = spec.keystores?.jks {
            let path = path["keystores"]["jks"]
            let alias = jks.alias.nonEmpty ?? defaultAlias
            if alias.utf8.count > maximumAliasBytes {
                problems.append(.tooLong(path["alias"], maximumBytes: maximumAliasBytes))
            }
            let password = password(jks.password, jks.passwordSecretRef, at: path, &problems)
            if jks.create { outputs.jks = password.map { JKSOptions(alias: alias, password: $0) } }
        }
        if let pkcs12 = spec.keystores?.pkcs12 {
            let path = path["keystores"]["pkcs12"]
            let name = pkcs12.profile.nonEmpty ?? PKCS12.Profile.legacyRC2.rawValue
            let profile = PKCS12.Profile(rawValue: name)
            if profile == nil {
                problems.append(.notSupported(path["profile"], name, PKCS12.Profile.allCases.map(\.rawValue)))
            }
            let password = password(pkcs12.password, pkcs12.passwordSecretRef, at: path, &problems)
            if pkcs12.create, let profile {
                outputs.pkcs12 = password.map { PKCS12Options(profile: profile, password: $0) }
            }
        }
        return (outputs, problems)
    }

    /// Exactly one of a password and the name of a Secret, also where no store is to be made. Nil where a rule is broken.
    private static func password(
        _ literal: String?, _ reference: SecretKeySelector?, at path: FieldPath, _ problems: inout [FieldProblem]
    ) -> PasswordSource? {
        let name = (reference?.name).nonEmpty
        switch (literal, name) {
        case (nil, nil):
            problems.append(.required(path, "must set exactly one of password or passwordSecretRef.name"))
        case (_?, _?):
            problems.append(
                .forbidden(path["passwordSecretRef"], "may not be set along with password: remove one of them"))
        case (nil, let name?): return .secret(name: name, key: reference?.key ?? "")
        case (let literal?, nil):
            if let password = try? KeystorePassword(Array(literal.utf8)) { return .literal(password) }
            // The value is a secret, even one that is refused.
            problems.append(
                literal.isEmpty
                    ? .required(path["password"], "must not be empty")
                    : .forbidden(path["password"], "may not hold a NUL character"))
        }
        return nil
    }
}
