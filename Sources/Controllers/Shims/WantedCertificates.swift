import CertificateAPI
import KubeModel
import PKI

/// The Certificates that one object asks for.
enum WantedCertificates {
    static func of(
        _ source: ShimSource, issuer: IssuerReference, settings: ShimSettings
    ) throws(BadConfiguration) -> [Certificate] {
        var certificates: [Certificate] = []
        for entry in source.entries {
            var spec = spec(of: entry, issuer: issuer)
            try ShimAnnotations(source.annotations).apply(to: &spec)
            let metadata = metadata(named: entry.secretName, of: source, settings: settings)
            certificates.append(Certificate(metadata: metadata, spec: spec))
        }
        return certificates
    }

    /// Hosts that are addresses go among the addresses; each name once, in the order written.
    private static func spec(of entry: ShimSource.Entry, issuer: IssuerReference) -> Certificate.Spec {
        var spec = Certificate.Spec(secretName: entry.secretName, issuerRef: issuer)
        for host in entry.hosts {
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

    private static func metadata(named name: String, of source: ShimSource, settings: ShimSettings) -> ObjectMeta {
        var metadata = ObjectMeta(name: name, namespace: source.metadata.namespace)
        var labels = source.metadata.labels ?? [:]
        labels[Names.Label.applySetPartOf] = nil
        if !labels.isEmpty { metadata.labels = labels }
        let copied = source.annotations.filter { settings.copiedAnnotations.contains($0.key) }
        let wanted = copied.merging(source.route) { $1 }
        if !wanted.isEmpty { metadata.annotations = wanted }
        metadata.ownerReferences = [source.owner]
        return metadata
    }
}
