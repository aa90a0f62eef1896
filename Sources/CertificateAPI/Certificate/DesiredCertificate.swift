package import PKI
package import Wire

/// The certificate a legal spec asks for, in the terms of `PKI`.
package struct DesiredCertificate: Sendable, Hashable {
    package let subject: DistinguishedName
    package let names: [GeneralName]
    package let usages: Usages
    package let isCA: Bool
    package let keyAlgorithm: KeyAlgorithm
    package let keyEncoding: KeyEncoding
    package let signatureAlgorithm: SignatureAlgorithm?
    /// Nil when the issuer may choose.
    package let duration: GoDuration?
    package let rotatesKey: Bool
    package let encodesUsages: Bool
    package let nameConstraints: NameConstraints?
    package let outputs: DesiredOutputs

    /// Throws every rule that `spec` breaks, but for those about renewal.
    package init(_ spec: Certificate.Spec) throws(FieldProblems) {
        var reader = SpecReader(spec: spec)
        reader.readAll()
        if let problems = FieldProblems(reader.problems) { throw problems }
        subject = reader.subject
        names = reader.names
        usages = reader.usages
        isCA = spec.isCA ?? false
        keyAlgorithm = reader.keyAlgorithm
        keyEncoding = reader.keyEncoding
        signatureAlgorithm = reader.signatureAlgorithm
        duration = reader.duration
        rotatesKey = spec.privateKey?.rotationPolicy != "Never"
        encodesUsages = spec.encodeUsagesInRequest ?? true
        nameConstraints = reader.nameConstraints
        outputs = reader.outputs
    }

    /// What the signing request asks for beside subject and key.
    package var requestExtensions: CertificateExtensions {
        var extensions = CertificateExtensions()
        extensions.names = names
        extensions.nameConstraints = nameConstraints
        guard encodesUsages else { return extensions }
        extensions.keyUsage = usages.keyUsage
        extensions.extendedKeyUsage = usages.extendedKeyUsage
        if isCA { extensions.basicConstraints = BasicConstraints(isCA: true) }
        return extensions
    }
}

extension Certificate {
    /// Every rule of behaviour that the object breaks, in the order of the fields.
    package var problems: [FieldProblem] {
        var reader = SpecReader(spec: spec)
        reader.readAll()
        return reader.problems + renewalProblems
    }

    /// They keep no certificate from being issued: one that expires helps nobody.
    private var renewalProblems: [FieldProblem] {
        do throws(FieldProblems) {
            _ = try RenewalRule(spec.renewal)
            return []
        } catch {
            return error.problems
        }
    }
}

extension Certificate.Subject {
    var fields: SubjectFields {
        var fields = SubjectFields()
        fields.organizations = organizations ?? []
        fields.countries = countries ?? []
        fields.organizationalUnits = organizationalUnits ?? []
        fields.localities = localities ?? []
        fields.provinces = provinces ?? []
        fields.streetAddresses = streetAddresses ?? []
        fields.postalCodes = postalCodes ?? []
        fields.serialNumber = serialNumber.nonEmpty
        return fields
    }
}
