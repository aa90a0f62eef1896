import CertificateAPI
import KubeModel
import PKI
import Wire

/// What a target Secret should look like, as the object to create or the patch to apply.
struct TargetSecret {
    let certificate: Certificate
    let settings: CertificateSettings
    /// The certificate that is, or will be, in `tls.crt`.
    let leaf: X509Certificate

    var labels: [String: String] { TargetMetadata.labels(certificate) }
    var annotations: [String: String] {
        TargetMetadata.annotations(certificate)
            .merging(TargetMetadata.description(of: leaf)) { _, description in description }
    }
    private var owner: OwnerReference { OwnerReference(controller: certificate) }

    /// What our field manager owns once this is written.
    var owned: OwnedMetadata {
        OwnedMetadata(
            labels: labels.keys, annotations: annotations.keys,
            ownerUIDs: settings.setsOwnerReference ? [owner.uid] : [])
    }

    func object(_ data: TargetData) -> Secret {
        var metadata = ObjectMeta(name: certificate.spec.secretName, namespace: certificate.metadata.namespace)
        metadata.labels = labels
        metadata.annotations = annotations
        if settings.setsOwnerReference { metadata.ownerReferences = [owner] }
        return Secret(metadata: metadata, type: Names.tlsSecretType, data: data.entries)
    }

    /// A merge patch over the version that `existing` describes. Without `data` only the metadata is mended.
    func patch(over existing: SecretFacts, _ data: TargetData? = nil) -> JSONValue {
        var metadata: JSONValue = [:]
        if let version = existing.metadata.resourceVersion { metadata["resourceVersion"] = .string(version) }
        metadata["labels"] = Self.entries(labels, without: existing.owned.labels.subtracting(labels.keys))
        let described = TargetMetadata.descriptionKeys.filter { existing.annotations.hasKey($0) }
        metadata["annotations"] = Self.entries(
            annotations, without: existing.owned.annotations.union(described).subtracting(annotations.keys))
        if let owners = owners(existing) { metadata["ownerReferences"] = owners }
        var patch: JSONValue = ["metadata": metadata]
        if let data { patch["data"] = data.patch }
        return patch
    }

    private static func entries(_ wanted: [String: String], without surplus: Set<String>) -> JSONValue {
        var entries: JSONValue = [:]
        for (key, value) in wanted.sorted(by: { $0.key < $1.key }) { entries[key] = .string(value) }
        for key in surplus.sorted() { entries[key] = .null }
        return entries
    }

    /// The whole list where it must change, since a merge patch replaces lists.
    private func owners(_ existing: SecretFacts) -> JSONValue? {
        let present = existing.metadata.ownerReferences ?? []
        let isThere = present.contains { $0.uid == owner.uid }
        var wanted = present
        if settings.setsOwnerReference, !isThere { wanted.append(owner) }
        if !settings.setsOwnerReference, existing.owned.ownerUIDs.contains(owner.uid) {
            wanted.removeAll { $0.uid == owner.uid }
        }
        guard wanted != present else { return nil }
        // Only strings and booleans are in it.
        return try? JSONValue(encoding: wanted)
    }
}

/// The data of a target Secret.
struct TargetData {
    var key: [UInt8]
    /// Leaf first.
    var chain: [UInt8]
    var ca: [UInt8]?

    var entries: [String: Base64Data] {
        var entries = [Names.SecretKey.privateKey: Base64Data(key), Names.SecretKey.certificate: Base64Data(chain)]
        if let ca, !ca.isEmpty { entries[Names.SecretKey.ca] = Base64Data(ca) }
        return entries
    }

    /// Data of others in the Secret stays; a CA of an earlier issuer does not.
    var patch: JSONValue {
        var patch: JSONValue = [Names.SecretKey.ca: .null]
        for (name, data) in entries { patch[name] = .string(Base64.encode(data.bytes)) }
        return patch
    }
}
