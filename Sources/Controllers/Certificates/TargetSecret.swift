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

    /// What our field manager owns once this is written, with these keys of data that are there on request.
    func owned(data: Set<String> = []) -> OwnedMetadata {
        OwnedMetadata(
            labels: labels.keys, annotations: annotations.keys,
            ownerUIDs: settings.setsOwnerReference ? [owner.uid] : [], data: data)
    }

    func object(_ data: TargetData) -> Secret {
        var metadata = ObjectMeta(name: certificate.spec.secretName, namespace: certificate.metadata.namespace)
        metadata.labels = labels
        metadata.annotations = annotations
        if settings.setsOwnerReference { metadata.ownerReferences = [owner] }
        return Secret(metadata: metadata, type: Names.tlsSecretType, data: data.entries)
    }

    /// A merge patch over the version that `existing` describes. Without `data` only the metadata is mended.
    func patch(over existing: SecretFacts, _ data: DataPatch = DataPatch()) -> JSONValue {
        var metadata: JSONValue = [:]
        if let version = existing.metadata.resourceVersion { metadata["resourceVersion"] = .string(version) }
        metadata["labels"] = Self.entries(labels, without: existing.owned.labels.subtracting(labels.keys))
        let described = TargetMetadata.descriptionKeys.filter { existing.annotations.hasKey($0) }
        metadata["annotations"] = Self.entries(
            annotations, without: existing.owned.annotations.union(described).subtracting(annotations.keys))
        if let owners = owners(existing) { metadata["ownerReferences"] = owners }
        var patch: JSONValue = ["metadata": metadata]
        if !data.isEmpty { patch["data"] = data.json }
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
    /// What the spec asks for beside them.
    var outputs = DesiredOutputs()
    /// Keystores by their keys.
    var keystores: [String: [UInt8]] = [:]

    var entries: [String: Base64Data] {
        var entries = [Names.SecretKey.privateKey: Base64Data(key), Names.SecretKey.certificate: Base64Data(chain)]
        if let ca, !ca.isEmpty { entries[Names.SecretKey.ca] = Base64Data(ca) }
        for (name, file) in outputs.files(key: key, chain: chain) { entries[name] = Base64Data(file) }
        for (name, file) in keystores { entries[name] = Base64Data(file) }
        return entries
    }

    /// Data of others in the Secret stays; a CA of an earlier issuer does not, nor do forms that are no longer wanted.
    func patch(over existing: SecretFacts) -> DataPatch {
        var patch = DataPatch()
        patch.remove(existing.owned.data.union(outputs.keys).union([Names.SecretKey.ca]))
        for (name, data) in entries { patch.set(name, data.bytes) }
        return patch
    }
}

/// What becomes of a Secret's data. Keys that it does not name stay.
struct DataPatch: Equatable {
    /// Nil takes the key away.
    private(set) var changes: [String: [UInt8]?] = [:]

    var isEmpty: Bool { changes.isEmpty }

    mutating func set(_ key: String, _ data: [UInt8]) { changes[key] = .some(data) }
    mutating func remove(_ keys: Set<String>) { for key in keys { changes[key] = .some(nil) } }

    var json: JSONValue {
        var patch: JSONValue = [:]
        for (key, data) in changes { patch[key] = data.map { .string(Base64.encode($0)) } ?? .null }
        return patch
    }
}

extension DataPatch {
    /// Makes the other forms in `secret` what `desired` asks for, and leaves alone what is right. `keystores` are the
    /// files made anew; nil where those there stay.
    init(
        mending secret: Secret, _ desired: DesiredCertificate, owned: Set<String>, keystores: [String: [UInt8]]?,
        limits: PEMLimits
    ) throws(PKIError) {
        var key = secret[Names.SecretKey.privateKey] ?? []
        let read = try PrivateKey(pem: key, limit: limits.privateKey)
        if read.algorithm != .ed25519, PrivateKey.encoding(pem: key) != desired.keyEncoding {
            key = try read.pem(desired.keyEncoding)
            set(Names.SecretKey.privateKey, key)
        }
        let present = Set((secret.data ?? [:]).keys)
        let outputs = desired.outputs
        remove(owned.intersection(present).subtracting(outputs.keys))
        for (name, file) in outputs.files(key: key, chain: secret[Names.SecretKey.certificate] ?? [])
        where secret[name] != file {
            set(name, file)
        }
        guard let keystores else { return }
        remove(outputs.keys.intersection(Names.SecretKey.keystores).intersection(present).subtracting(keystores.keys))
        for (name, file) in keystores { set(name, file) }
    }
}

extension DesiredOutputs {
    /// The keys of data that may be there.
    var keys: Set<String> {
        var keys: Set<String> = []
        if formats.contains(.der) { keys.insert(Names.SecretKey.keyDER) }
        if formats.contains(.combinedPEM) { keys.insert(Names.SecretKey.combinedPEM) }
        if jks != nil { keys.formUnion([Names.SecretKey.keystoreJKS, Names.SecretKey.truststoreJKS]) }
        if pkcs12 != nil { keys.formUnion([Names.SecretKey.keystorePKCS12, Names.SecretKey.truststorePKCS12]) }
        return keys
    }

    /// The forms that need no password.
    func files(key: [UInt8], chain: [UInt8]) -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        if formats.contains(.der), let der = OutputForms.der(ofKey: key) { files[Names.SecretKey.keyDER] = der }
        if formats.contains(.combinedPEM) {
            files[Names.SecretKey.combinedPEM] = OutputForms.combined(key: key, chain: chain)
        }
        return files
    }
}
