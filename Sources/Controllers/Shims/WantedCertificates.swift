import CertificateAPI
import KubeModel
import PKI

/// The Certificates that one Ingress asks for, and what is wrong with the parts of it that ask in vain.
struct WantedCertificates: Sendable, Equatable {
    var certificates: [Certificate] = []
    var problems: [BadConfiguration] = []

    /// One Certificate for each entry under `tls`. Throws when nothing of the Ingress can be acted on.
    init(
        of ingress: Ingress, issuer: IssuerReference, settings: IngressShimSettings
    ) throws(BadConfiguration) {
        let entries = ingress.spec?.tls ?? []
        try Self.refuseDuplicates(in: entries)
        let annotations = ingress.metadata.annotations ?? [:]
        for (index, entry) in entries.enumerated() {
            let hosts = (entry.hosts ?? []).filter { !$0.isEmpty }
            let path = FieldPath.spec["tls"][index]
            guard !hosts.isEmpty else {
                problems.append(BadConfiguration("skipped a TLS entry: \(FieldProblem.required(path["hosts"]))"))
                continue
            }
            guard let secretName = entry.secretName.nonEmpty else {
                problems.append(BadConfiguration("skipped a TLS entry: \(FieldProblem.required(path["secretName"]))"))
                continue
            }
            var spec = Self.spec(secretName: secretName, hosts: hosts, issuer: issuer)
            try IngressAnnotations(annotations).apply(to: &spec)
            let metadata = try Self.metadata(named: secretName, of: ingress, settings: settings)
            certificates.append(Certificate(metadata: metadata, spec: spec))
        }
    }

    private static func refuseDuplicates(in entries: [Ingress.TLS]) throws(BadConfiguration) {
        var seen: Set<String> = []
        for (index, entry) in entries.enumerated() {
            guard let name = entry.secretName.nonEmpty, !seen.insert(name).inserted else { continue }
            let path = FieldPath.spec["tls"][index]["secretName"]
            throw BadConfiguration(
                "\(FieldProblem.invalid(path, name, "this secret name must only appear in a single TLS entry"))")
        }
    }

    /// Hosts that are addresses go among the addresses; each name once, in the order written.
    private static func spec(secretName: String, hosts: [String], issuer: IssuerReference) -> Certificate.Spec {
        var spec = Certificate.Spec(secretName: secretName, issuerRef: issuer)
        for host in hosts {
            if let address = IPAddress(host)?.text {
                if !(spec.ipAddresses ?? []).contains(address) {
                    spec.ipAddresses = (spec.ipAddresses ?? []) + [address]
                }
            } else if !(spec.dnsNames ?? []).contains(host) {
                spec.dnsNames = (spec.dnsNames ?? []) + [host]
            }
        }
        return spec
    }

    private static func metadata(
        named name: String, of ingress: Ingress, settings: IngressShimSettings
    ) throws(BadConfiguration) -> ObjectMeta {
        var metadata = ObjectMeta(name: name, namespace: ingress.metadata.namespace)
        var labels = ingress.metadata.labels ?? [:]
        labels[Names.Label.applySetPartOf] = nil
        if !labels.isEmpty { metadata.labels = labels }
        let annotations = ingress.metadata.annotations ?? [:]
        let copied = annotations.filter { settings.copiedAnnotations.contains($0.key) }
        let wanted = copied.merging(try HTTP01Glue.annotations(for: ingress)) { $1 }
        if !wanted.isEmpty { metadata.annotations = wanted }
        metadata.ownerReferences = [OwnerReference(controller: ingress)]
        return metadata
    }
}

/// What an Ingress says about how HTTP-01 reaches its names, said on to its Certificates.
enum HTTP01Glue {
    private typealias Key = Names.Annotation

    /// The annotations of Certificates that are ours to set and to remove.
    static let keys = [
        Key.http01OverrideIngressName, Key.http01OverrideIngressClass, Key.http01OverrideIngressClassName,
        Key.issueTemporaryCertificate,
    ]

    static func annotations(for ingress: Ingress) throws(BadConfiguration) -> [String: String] {
        let annotations = ingress.metadata.annotations ?? [:]
        let said = [
            annotations[Key.http01EditInPlace] == "true" ? Key.http01EditInPlace : nil,
            annotations[Key.http01IngressClass].nonEmpty.map { _ in Key.http01IngressClass },
            annotations[Key.http01IngressClassName].nonEmpty.map { _ in Key.http01IngressClassName },
        ].compactMap(\.self)
        if said.count > 1 {
            let keys = said.map { "\"\($0)\"" }.joined(separator: ", ")
            throw BadConfiguration("only one of the annotations \(keys) may be set; remove the others")
        }
        switch said.first {
        case Key.http01EditInPlace:
            return [Key.http01OverrideIngressName: ingress.metadata.name, Key.issueTemporaryCertificate: "true"]
        case Key.http01IngressClass:
            return [Key.http01OverrideIngressClass: annotations[Key.http01IngressClass] ?? ""]
        case Key.http01IngressClassName:
            return [Key.http01OverrideIngressClassName: annotations[Key.http01IngressClassName] ?? ""]
        default: return [:]
        }
    }
}
