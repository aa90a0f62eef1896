import CertificateAPI
package import KubeModel
package import PKI
package import Wire

/// What is kept of a Secret that belongs to a Certificate: facts about its data, never the data.
///
/// Some 700 bytes where the Secret has 5,000; everything a decision about a Certificate looks at.
package struct SecretFacts: KubeObject, Hashable {
    package static var resource: ResourceType { Secret.resource }

    /// Without labels and annotations, which are kept as prints.
    package var metadata: ObjectMeta
    package var type: String?
    package var isImmutable = false
    package var labels = MapPrint(nil)
    package var annotations = MapPrint(nil)
    /// The annotation that says which Certificate it belongs to.
    package var certificateName: String?
    package var privateKey = Found<KeyFacts>.nothing
    package var leaf = Found<LeafFacts>.nothing
    /// Whether the annotations tell the names of the certificate inside.
    package var describesLeaf = false
    package var outputs = OutputFacts()
    /// What our field manager put there, so that what is no longer wanted can be taken away.
    package var owned = OwnedMetadata()

    package init(metadata: ObjectMeta) {
        self.metadata = metadata
    }

    package init(_ secret: Secret, managedFields: JSONValue? = nil, limits: PEMLimits = .default) {
        metadata = secret.metadata
        metadata.labels = nil
        metadata.annotations = nil
        type = secret.type
        isImmutable = secret.immutable ?? false
        labels = MapPrint(secret.metadata.labels)
        annotations = MapPrint(secret.metadata.annotations)
        certificateName = secret.metadata.annotations?[Names.Annotation.certificateName]
        privateKey = Self.privateKey(secret.data?[Names.SecretKey.privateKey]?.bytes, limits)
        outputs = OutputFacts(secret.data)
        owned = OwnedMetadata(managedFields)
        switch secret.data?[Names.SecretKey.certificate]?.bytes {
        case nil, []?: leaf = .nothing
        case let pem?:
            do {
                let certificate = try Chain.leaf(pem: pem, limits)
                leaf = .good(LeafFacts(certificate))
                describesLeaf = TargetMetadata.describes(secret.metadata.annotations ?? [:], certificate)
            } catch {
                leaf = .bad(error.description)
            }
        }
    }

    private static func privateKey(_ pem: [UInt8]?, _ limits: PEMLimits) -> Found<KeyFacts> {
        guard let pem, !pem.isEmpty else { return .nothing }
        do {
            return .good(KeyFacts(try PrivateKey.publicKey(pem: pem, limit: limits.privateKey)))
        } catch {
            return .bad(error.description)
        }
    }

    /// Reads the whole Secret; only what is kept of it survives.
    package init(from decoder: any Decoder) throws {
        self.init(try Secret(from: decoder))
    }

    /// Facts are never written to the cluster.
    package func encode(to encoder: any Encoder) throws {
        throw EncodingError.invalidValue(
            self, .init(codingPath: [], debugDescription: "facts about a Secret are not a Secret"))
    }

    package var isNextPrivateKey: Bool { labels.has(Names.Label.nextPrivateKey, "true") }
}

extension Chain {
    /// The first certificate of a PEM text; what follows it must be certificates too.
    static func leaf(pem: [UInt8], _ limits: PEMLimits) throws(PKIError) -> X509Certificate {
        let certificates = try parse(pem: pem, limits: limits)
        guard let leaf = certificates.first else {
            throw .malformed(what: "the certificate chain", reason: "it is empty")
        }
        return leaf
    }
}

/// The labels, annotations, owner references and optional data of an object that one of our field managers set.
package struct OwnedMetadata: Sendable, Hashable {
    package private(set) var labels: Set<String> = []
    package private(set) var annotations: Set<String> = []
    package private(set) var ownerUIDs: Set<String> = []
    /// Of the keys of data only those that are there on request (`Names.SecretKey.optional`).
    package private(set) var data: Set<String> = []

    package init() {}

    package init(
        labels: some Sequence<String>, annotations: some Sequence<String>, ownerUIDs: [String],
        data: Set<String> = []
    ) {
        self.labels = Set(labels)
        self.annotations = Set(annotations)
        self.ownerUIDs = Set(ownerUIDs)
        self.data = data
    }

    /// `managedFields` as in an object's metadata; entries of other managers are passed over.
    package init(_ managedFields: JSONValue?) {
        for entry in managedFields?.arrayValue ?? [] where entry["manager"]?.stringValue == TargetMetadata.fieldManager
        {
            let metadata = entry["fieldsV1"]?["f:metadata"]
            labels.formUnion(Self.keys(metadata?["f:labels"]))
            annotations.formUnion(Self.keys(metadata?["f:annotations"]))
            data.formUnion(Names.SecretKey.optional.intersection(Self.keys(entry["fieldsV1"]?["f:data"])))
            for key in metadata?["f:ownerReferences"]?.objectValue?.keys ?? [] {
                // k:{"uid":"…"}
                guard key.hasPrefix("k:"), let parsed = try? JSONValue(parsing: Array(key.dropFirst(2).utf8)),
                    let uid = parsed["uid"]?.stringValue
                else { continue }  // another form of key than owner references have
                ownerUIDs.insert(uid)
            }
        }
    }

    private static func keys(_ fields: JSONValue?) -> [String] {
        (fields?.objectValue?.keys ?? []).filter { $0.hasPrefix("f:") }.map { String($0.dropFirst(2)) }
    }
}
