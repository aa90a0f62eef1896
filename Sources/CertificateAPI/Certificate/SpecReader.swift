import PKI
import Wire

/// Reads a Certificate's spec once, keeping what it means and every rule it breaks.
struct SpecReader {
    let spec: Certificate.Spec
    private(set) var problems: [FieldProblem] = []
    private(set) var subject = DistinguishedName.empty
    private(set) var names: [GeneralName] = []
    private(set) var usages = Usages.default
    private(set) var keyAlgorithm = KeyAlgorithm.rsa(bits: 2048)
    private(set) var keyEncoding = KeyEncoding.pkcs1
    private(set) var signatureAlgorithm: SignatureAlgorithm?
    private(set) var duration: GoDuration?
    private(set) var nameConstraints: NameConstraints?
    private(set) var outputs = DesiredOutputs()

    private let path = FieldPath.spec

    init(spec: Certificate.Spec) {
        self.spec = spec
    }

    mutating func readAll() {
        readReferences()
        readSubject()
        readNames()
        readKey()
        readSignatureAlgorithm()
        readDurations()
        readUsages()
        if let constraints = spec.nameConstraints {
            let read = constraints.read(isCA: spec.isCA ?? false, at: path["nameConstraints"])
            nameConstraints = read.constraints
            problems += read.problems
        }
        readSecretTemplate()
        if let limit = spec.revisionHistoryLimit, limit < 1 {
            problems.append(.invalid(path["revisionHistoryLimit"], limit, "must not be less than 1"))
        }
        let read = DesiredOutputs.read(spec, at: path)
        outputs = read.outputs
        problems += read.problems
    }

    private mutating func readReferences() {
        if spec.secretName.isEmpty {
            problems.append(.required(path["secretName"], "must be specified"))
        } else if let problem = NameRules.subdomainProblem(spec.secretName) {
            problems.append(.invalid(path["secretName"], spec.secretName, problem))
        }
        problems += spec.issuerRef.problems(at: path["issuerRef"])
    }

    private mutating func readSubject() {
        if let literal = spec.literalSubject.nonEmpty { return readLiteralSubject(literal) }
        // RFC 5280 Appendix A: ub-common-name counts characters.
        if let name = spec.commonName.nonEmpty, name.unicodeScalars.count > 64 {
            problems.append(.tooLong(path["commonName"], maximumBytes: 64))
            return
        }
        do {
            subject = try DistinguishedName(
                commonName: spec.commonName.nonEmpty, spec.subject?.fields ?? SubjectFields())
        } catch {
            problems.append(.invalid(path["subject"], spec.commonName ?? "", error.description))
        }
    }

    /// Its order is kept, and nothing else may say what the subject is.
    private mutating func readLiteralSubject(_ literal: String) {
        let path = path["literalSubject"]
        if let name = spec.commonName.nonEmpty {
            problems.append(
                .invalid(
                    self.path["commonName"], name, "When providing a `LiteralSubject` no `commonName` may be provided.")
            )
        }
        if let subject = spec.subject, subject.fields != SubjectFields() {
            problems.append(
                .forbidden(
                    self.path["subject"], "When providing a `LiteralSubject` no `Subject` properties may be provided."))
        }
        do {
            subject = try DistinguishedName(rfc4514: literal)
        } catch {
            problems.append(.invalid(path, literal, error.description))
            return
        }
        if let name = subject.commonName, name.unicodeScalars.count > 64 {
            problems.append(.invalid(path, literal, "its common name may not be more than 64 characters"))
        }
    }

    private mutating func readNames() {
        read(spec.dnsNames, "dnsNames") { text throws(NameRules.Refusal) in .dns(try NameRules.dnsName(text)) }
        read(spec.ipAddresses, "ipAddresses") { text throws(NameRules.Refusal) in
            guard let address = IPAddress(text) else { throw .init(detail: "must be a valid IP address") }
            return .ip(address)
        }
        read(spec.uris, "uris") { text throws(NameRules.Refusal) in
            guard NameRules.isURI(text) else { throw .init(detail: "must be a URI in ASCII with a scheme") }
            return .uri(text)
        }
        read(spec.emailAddresses, "emailAddresses") { text throws(NameRules.Refusal) in
            guard NameRules.isEmailAddress(text) else { throw .init(detail: "must be a bare email address in ASCII") }
            return .email(text)
        }
        readOtherNames()
        if names.isEmpty, subject.commonName == nil, problems.isEmpty {
            problems.append(
                .required(
                    path,
                    "at least one of commonName (from the commonName field or from a literalSubject), dnsNames,"
                        + " uriSANs, ipAddresses, emailSANs or otherNames must be set"))
        }
    }

    private mutating func readOtherNames() {
        for (index, name) in (spec.otherNames ?? []).enumerated() {
            let path = path["otherNames"][index]
            let oid = name.oid.nonEmpty
            let value = name.utf8Value.nonEmpty
            if let oid, OID(oid) == nil { problems.append(.invalid(path["oid"], oid, "invalid oid syntax")) }
            if oid == nil { problems.append(.required(path["oid"], "must be specified")) }
            if value == nil {
                problems.append(.required(path["utf8Value"], "must be set to a valid non-empty UTF8 string"))
            }
            guard let oid, let value else { continue }
            let other = GeneralName.other(oid: oid, utf8: value)
            if !names.contains(other) { names.append(other) }
        }
    }

    private mutating func read(
        _ texts: [String]?, _ field: String, _ parse: (String) throws(NameRules.Refusal) -> GeneralName
    ) {
        for (index, text) in (texts ?? []).enumerated() {
            do {
                let name = try parse(text)
                // Two spellings of one name are one name.
                if !names.contains(name) { names.append(name) }
            } catch {
                problems.append(.invalid(path[field][index], text, error.detail))
            }
        }
    }

    private mutating func readKey() {
        let key = spec.privateKey ?? Certificate.PrivateKey()
        let path = path["privateKey"]
        switch key.algorithm.nonEmpty ?? "RSA" {
        case "RSA":
            let size = key.size.flatMap { $0 == 0 ? nil : $0 } ?? 2048
            keyAlgorithm = .rsa(bits: size)
            if !(2048...8192).contains(size) {
                problems.append(.invalid(path["size"], size, "must be between 2048 and 8192 for rsa keyAlgorithm"))
            }
        case "ECDSA":
            let size = key.size.flatMap { $0 == 0 ? nil : $0 } ?? 256
            if let curve = KeyAlgorithm.Curve(bits: size) {
                keyAlgorithm = .ecdsa(curve)
            } else {
                problems.append(
                    FieldProblem(
                        path["size"], .notSupported(value: String(size), supported: ["256", "384", "521"])))
            }
        case "Ed25519": keyAlgorithm = .ed25519
        case let other:
            problems.append(.notSupported(path["algorithm"], other, ["RSA", "ECDSA", "Ed25519"]))
        }
        switch key.encoding.nonEmpty {
        case nil, "PKCS1": keyEncoding = keyAlgorithm == .ed25519 ? .pkcs8 : .pkcs1
        case "PKCS8": keyEncoding = .pkcs8
        case let other?: problems.append(.notSupported(path["encoding"], other, ["PKCS1", "PKCS8"]))
        }
        if let policy = key.rotationPolicy.nonEmpty, !["Never", "Always"].contains(policy) {
            problems.append(.notSupported(path["rotationPolicy"], policy, ["Never", "Always"]))
        }
    }

    private mutating func readSignatureAlgorithm() {
        guard let text = spec.signatureAlgorithm.nonEmpty else { return }
        let path = path["signatureAlgorithm"]
        guard let algorithm = SignatureAlgorithm(apiName: text) else {
            problems.append(.notSupported(path, text, SignatureAlgorithm.allCases.map(\.apiName)))
            return
        }
        guard algorithm.suits(keyAlgorithm) else {
            let suitable = SignatureAlgorithm.allCases.filter { $0.suits(keyAlgorithm) }.map(\.apiName)
            problems.append(
                .invalid(
                    path, text,
                    "for key algorithm \(spec.privateKey?.algorithm.nonEmpty ?? "RSA") the allowed signature algorithms"
                        + " are \(suitable.joined(separator: ", "))"))
            return
        }
        signatureAlgorithm = algorithm
    }

    private mutating func readDurations() {
        let renewBefore: GoDuration?
        do {
            duration = try Durations.parse(spec.duration, at: path["duration"])
            renewBefore = try Durations.parse(spec.renewBefore, at: path["renewBefore"])
        } catch {
            problems.append(error)
            return
        }
        let lifetime = duration ?? Durations.defaultLifetime
        if lifetime < Durations.minimumLifetime {
            problems.append(
                .invalid(path["duration"], lifetime.description, "certificate duration must be greater than 1h0m0s"))
        }
        if let renewBefore { check(renewBefore: renewBefore, against: lifetime) }
        if let percentage = spec.renewBeforePercentage { check(percentage: percentage, of: lifetime) }
    }

    private mutating func check(renewBefore: GoDuration, against lifetime: GoDuration) {
        let text = renewBefore.description
        if renewBefore < Durations.minimumRenewBefore {
            problems.append(.invalid(path["renewBefore"], text, "certificate renewBefore must be greater than 5m0s"))
        } else if renewBefore >= lifetime {
            problems.append(
                .invalid(
                    path["renewBefore"], text,
                    "certificate duration \(lifetime) must be greater than renewBefore \(text)"))
        }
        if spec.renewBeforePercentage != nil {
            problems.append(
                .invalid(path["renewBefore"], text, "renewBefore and renewBeforePercentage are mutually exclusive"))
        }
    }

    private mutating func check(percentage: Int, of lifetime: GoDuration) {
        let margin = GoDuration(lifetime.duration * percentage / 100)
        if percentage <= 0 || percentage >= 100 {
            problems.append(
                .invalid(path["renewBeforePercentage"], percentage, "must be greater than 0 and less than 100"))
        } else if margin < Durations.minimumRenewBefore {
            problems.append(
                .invalid(
                    path["renewBeforePercentage"], percentage,
                    "certificate renewBefore must be greater than 5m0s, and it is \(margin)"))
        }
    }

    private mutating func readUsages() {
        do {
            usages = try Usages(spec.usages ?? [], isCA: spec.isCA ?? false, at: path["usages"])
        } catch {
            problems += error.problems
        }
    }

    private mutating func readSecretTemplate() {
        let path = path["secretTemplate"]
        for (key, value) in (spec.secretTemplate?.labels ?? [:]).sorted(by: { $0.key < $1.key }) {
            if let problem = NameRules.qualifiedNameProblem(key) {
                problems.append(.invalid(path["labels"], key, problem))
            }
            if let problem = NameRules.labelValueProblem(value) {
                problems.append(.invalid(path["labels"], value, problem))
            }
        }
        for key in (spec.secretTemplate?.annotations ?? [:]).keys.sorted() {
            if let problem = NameRules.qualifiedNameProblem(key.lowercased()) {
                problems.append(.invalid(path["annotations"], key, problem))
            }
            if key.hasPrefix("cert-manager.io/"), key != Names.Annotation.allowDirectInjection {
                problems.append(
                    .invalid(path["annotations"], key, "cert-manager.io/* annotations are not allowed"))
            }
        }
    }
}

extension IssuerReference {
    func problems(at path: FieldPath) -> [FieldProblem] {
        var problems: [FieldProblem] = []
        if name.isEmpty { problems.append(.required(path["name"], "must be specified")) }
        if isOurs, !["Issuer", "ClusterIssuer"].contains(effectiveKind) {
            problems.append(
                .invalid(path["kind"], effectiveKind, "must be one of Issuer or ClusterIssuer"))
        }
        return problems
    }
}

extension SignatureAlgorithm {
    /// The value of `spec.signatureAlgorithm`.
    package var apiName: String {
        switch self {
        case .sha256WithRSA: "SHA256WithRSA"
        case .sha384WithRSA: "SHA384WithRSA"
        case .sha512WithRSA: "SHA512WithRSA"
        case .ecdsaWithSHA256: "ECDSAWithSHA256"
        case .ecdsaWithSHA384: "ECDSAWithSHA384"
        case .ecdsaWithSHA512: "ECDSAWithSHA512"
        case .pureEd25519: "PureEd25519"
        }
    }

    package init?(apiName: String) {
        guard let algorithm = Self.allCases.first(where: { $0.apiName == apiName }) else { return nil }
        self = algorithm
    }
}
