package import CertificateAPI
package import PKI
import KubeModel
import Wire

/// Labels and annotations of target Secrets.
package enum TargetMetadata {
    /// The name our writes of target Secrets go by, as cert-manager's do: it may take over ours and we its.
    package static let fieldManager = "cert-manager-certificates-issuing"

    /// What the spec alone says: the user's labels, and ours.
    package static func labels(_ certificate: Certificate) -> [String: String] {
        (certificate.spec.secretTemplate?.labels ?? [:])
            .merging([Names.Label.filteredCache: "true"]) { _, ours in ours }
    }

    /// What the spec alone says: the user's annotations, and whose Secret it is.
    package static func annotations(_ certificate: Certificate) -> [String: String] {
        let issuer = certificate.spec.issuerRef
        return (certificate.spec.secretTemplate?.annotations ?? [:]).merging([
            Names.Annotation.certificateName: certificate.metadata.name,
            Names.Annotation.issuerName: issuer.name,
            Names.Annotation.issuerKind: issuer.effectiveKind,
            Names.Annotation.issuerGroup: issuer.effectiveGroup,
        ]) { _, ours in ours }
    }

    /// Whether the Secret has the annotation as it is to be, or leaves the issuer's kind or group empty where it is the
    /// usual one: cert-manager writes what the Certificate says, and that is no reason to write the Secret.
    static func has(_ key: String, _ value: String, in annotations: MapPrint) -> Bool {
        if annotations.has(key, value) { return true }
        let isUsual =
            key == Names.Annotation.issuerKind && value == "Issuer"
            || key == Names.Annotation.issuerGroup && value == Names.group
        return isUsual && annotations.has(key, "")
    }

    /// Every annotation that may describe a certificate.
    static let descriptionKeys: Set<String> = [
        Names.Annotation.commonName, Names.Annotation.altNames, Names.Annotation.ipSANs, Names.Annotation.uriSANs,
        Names.Annotation.emailSANs, Names.Annotation.subjectOrganizations, Names.Annotation.subjectOrganizationalUnits,
        Names.Annotation.subjectCountries, Names.Annotation.subjectProvinces, Names.Annotation.subjectLocalities,
        Names.Annotation.subjectStreetAddresses, Names.Annotation.subjectPostalCodes,
        Names.Annotation.subjectSerialNumber,
    ]

    /// The annotations that tell what the certificate is for.
    package static func description(of certificate: X509Certificate) -> [String: String] {
        let subject = certificate.subject
        let fields = subject.fields
        let extensions = certificate.extensions
        var annotations = [
            Names.Annotation.commonName: subject.commonName ?? "",
            Names.Annotation.altNames: extensions.dnsNames.joined(separator: ","),
            Names.Annotation.ipSANs: extensions.ipAddresses.map(\.text).joined(separator: ","),
            Names.Annotation.uriSANs: extensions.uris.joined(separator: ","),
        ]
        let lists = [
            (Names.Annotation.emailSANs, extensions.emailAddresses),
            (Names.Annotation.subjectOrganizations, fields.organizations),
            (Names.Annotation.subjectOrganizationalUnits, fields.organizationalUnits),
            (Names.Annotation.subjectCountries, fields.countries),
            (Names.Annotation.subjectProvinces, fields.provinces),
            (Names.Annotation.subjectLocalities, fields.localities),
            (Names.Annotation.subjectStreetAddresses, fields.streetAddresses),
            (Names.Annotation.subjectPostalCodes, fields.postalCodes),
        ]
        for (key, values) in lists where !values.isEmpty {
            annotations[key] =
                key == Names.Annotation.emailSANs ? values.joined(separator: ",") : CommaSeparated.text(values)
        }
        if let serial = fields.serialNumber, !serial.isEmpty {
            annotations[Names.Annotation.subjectSerialNumber] = serial
        }
        return annotations
    }

    /// Whether the annotations say exactly what the certificate is for.
    static func describes(_ annotations: [String: String], _ certificate: X509Certificate) -> Bool {
        let wanted = description(of: certificate)
        return descriptionKeys.allSatisfy { annotations[$0] == wanted[$0] }
    }
}

/// One record of comma-separated values (RFC 4180), with the quoting of Go's encoding/csv.
package enum CommaSeparated {
    package static func text(_ values: [String]) -> String { values.map(field).joined(separator: ",") }

    private static func field(_ value: String) -> String {
        let needsQuotes =
            value == "\\." || value.first == " "
            || value.unicodeScalars.contains { ",\"\r\n".unicodeScalars.contains($0) }
        guard needsQuotes else { return value }
        var quoted = "\""
        for scalar in value.unicodeScalars {
            if scalar == "\"" { quoted += "\"" }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "\""
    }
}
