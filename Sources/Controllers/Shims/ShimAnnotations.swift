import CertificateAPI
import PKI
import Wire

/// Reads the annotations of Ingresses, Gateways and ListenerSets that set fields of their Certificates.
struct ShimAnnotations {
    private typealias Key = Names.Annotation

    private let annotations: [String: String]

    init(_ annotations: [String: String]) { self.annotations = annotations }

    /// Sets what the annotations say. The host names are in `spec` already, and stay first.
    func apply(to spec: inout Certificate.Spec) throws(BadConfiguration) {
        try applyNames(to: &spec)
        spec.subject = try subject()
        spec.duration = try duration(Key.duration, atLeast: Durations.minimumLifetime)
        spec.renewBefore = try duration(Key.renewBefore, atLeast: Durations.minimumRenewBefore)
        spec.renewBeforePercentage = try number(Key.renewBeforePercentage, 1...99)
        spec.revisionHistoryLimit = try number(Key.revisionHistoryLimit, 1...Int(Int32.max))
        spec.usages = try usages()
        spec.privateKey = try privateKey()
        spec.secretTemplate = try secretTemplate()
    }

    private func applyNames(to spec: inout Certificate.Spec) throws(BadConfiguration) {
        if let name = annotations[Key.commonName].nonEmpty {
            if name.utf8.count > 64 { throw bad(Key.commonName, "must not be longer than 64 bytes") }
            spec.commonName = name
        }
        for name in try list(Key.altNames) ?? [] where !(spec.dnsNames ?? []).contains(name) {
            spec.dnsNames = (spec.dnsNames ?? []) + [name]
        }
        for text in try list(Key.ipSANs) ?? [] {
            guard let address = IPAddress(text)?.text else { throw bad(Key.ipSANs, "\"\(text)\" is no IP address") }
            if !(spec.ipAddresses ?? []).contains(address) { spec.ipAddresses = (spec.ipAddresses ?? []) + [address] }
        }
        spec.uris = try list(Key.uriSANs)
        spec.emailAddresses = try list(Key.emailSANs)
    }

    private func subject() throws(BadConfiguration) -> Certificate.Subject? {
        var subject = Certificate.Subject()
        subject.organizations = try list(Key.subjectOrganizations)
        subject.organizationalUnits = try list(Key.subjectOrganizationalUnits)
        subject.countries = try list(Key.subjectCountries)
        subject.provinces = try list(Key.subjectProvinces)
        subject.localities = try list(Key.subjectLocalities)
        subject.streetAddresses = try list(Key.subjectStreetAddresses)
        subject.postalCodes = try list(Key.subjectPostalCodes)
        subject.serialNumber = annotations[Key.subjectSerialNumber].nonEmpty
        return subject == Certificate.Subject() ? nil : subject
    }

    private func usages() throws(BadConfiguration) -> [String] {
        guard let names = try list(Key.usages) else { return ["digital signature", "key encipherment"] }
        for name in names where !Usages.allNames.contains(name) {
            throw bad(Key.usages, "\"\(name)\" is none of \(Usages.allNames.joined(separator: ", "))")
        }
        return names
    }

    private func privateKey() throws(BadConfiguration) -> Certificate.PrivateKey? {
        var key = Certificate.PrivateKey()
        key.algorithm = try choice(Key.privateKeyAlgorithm, ["RSA", "ECDSA", "Ed25519"])
        key.encoding = try choice(Key.privateKeyEncoding, ["PKCS1", "PKCS8"])
        key.rotationPolicy = try choice(Key.privateKeyRotationPolicy, ["Never", "Always"])
        switch key.algorithm ?? "RSA" {
        case "RSA": key.size = try number(Key.privateKeySize, 2048...8192)
        case "ECDSA":
            key.size = try number(Key.privateKeySize, 256...521)
            if let size = key.size, ![256, 384, 521].contains(size) {
                throw bad(Key.privateKeySize, "must be 256, 384 or 521 for ECDSA")
            }
        default: break  // an Ed25519 key has one size, and spec.privateKey.size says nothing about it
        }
        return key == Certificate.PrivateKey() ? nil : key
    }

    private func secretTemplate() throws(BadConfiguration) -> Certificate.SecretTemplate? {
        guard let text = annotations[Key.secretTemplate].nonEmpty else { return nil }
        let template: Certificate.SecretTemplate
        do {
            let value = try JSONValue(parsing: Array(text.utf8))
            let known: Set<String> = ["annotations", "labels"]
            if let other = value.objectValue?.keys.first(where: { !known.contains($0) }) {
                throw bad(Key.secretTemplate, "has the unknown field \"\(other)\"")
            }
            template = try value.decode(Certificate.SecretTemplate.self)
        } catch let error as BadConfiguration {
            throw error
        } catch {
            throw bad(Key.secretTemplate, "is not the JSON of a secretTemplate: \(error)")
        }
        if let key = template.annotations?.keys.sorted().first(where: { $0.hasPrefix("cert-manager.io/") }) {
            throw bad(Key.secretTemplate, "must not set the annotation \"\(key)\"")
        }
        return template
    }

    // MARK: Values

    /// Comma separated, in the quoting of CSV or with backslash escapes; nil when there is none.
    private func list(_ key: String) throws(BadConfiguration) -> [String]? {
        guard let text = annotations[key].nonEmpty else { return nil }
        guard let values = CommaList.parse(text) else { throw bad(key, "has an open quote") }
        return values.isEmpty ? nil : values
    }

    private func choice(_ key: String, _ choices: [String]) throws(BadConfiguration) -> String? {
        guard let text = annotations[key].nonEmpty else { return nil }
        if choices.contains(text) { return text }
        throw bad(key, "must be \(choices.dropLast().joined(separator: ", ")) or \(choices[choices.count - 1])")
    }

    private func number(_ key: String, _ range: ClosedRange<Int>) throws(BadConfiguration) -> Int? {
        guard let text = annotations[key].nonEmpty else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw bad(key, "must be a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    private func duration(_ key: String, atLeast minimum: GoDuration) throws(BadConfiguration) -> String? {
        guard let text = annotations[key].nonEmpty else { return nil }
        guard let duration = GoDuration(text) else { throw bad(key, "must be a duration such as 2160h") }
        if duration < minimum { throw bad(key, "must be \(minimum) or more") }
        return duration.description
    }

    private func bad(_ key: String, _ detail: String) -> BadConfiguration {
        BadConfiguration("the value of the annotation \"\(key)\" \(detail)")
    }
}

/// The lists in annotations: values between commas, where a backslash takes the next character as it is, and double
/// quotes take everything between them as CSV does (RFC 4180).
enum CommaList {
    /// Nil when a quote is not closed. Values lose the blanks around them, and empty ones are left out.
    static func parse(_ text: String) -> [String]? {
        var values: [String] = []
        var value = ""
        var isQuoted = false
        var characters = Substring(text)
        while let character = characters.popFirst() {
            switch character {
            case "\\": if let next = characters.popFirst() { value.append(next) }
            case "\"" where isQuoted && characters.first == "\"": value.append(characters.removeFirst())
            case "\"": isQuoted.toggle()
            case "," where !isQuoted:
                values.append(value)
                value = ""
            default: value.append(character)
            }
        }
        if isQuoted { return nil }
        values.append(value)
        return values.map(trimmed).filter { !$0.isEmpty }
    }

    private static func trimmed(_ text: String) -> String {
        var slice = Substring(text)
        while slice.first?.isWhitespace == true { slice.removeFirst() }
        while slice.last?.isWhitespace == true { slice.removeLast() }
        return String(slice)
    }
}
