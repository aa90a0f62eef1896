import CertificateAPI
import KubeModel
import PKI

/// What an object that asks for certificates says: an Ingress, a Gateway or a ListenerSet, once it is read.
struct ShimSource: Sendable, Equatable {
    /// One Certificate: the names of everything that shares a Secret.
    struct Entry: Sendable, Equatable {
        var secretName: String
        /// DNS names and addresses.
        var hosts: [String]
    }

    var metadata: ObjectMeta
    /// Those of the object; what it takes over from a parent is among them.
    var annotations: [String: String]
    /// The object as its Certificates' controller.
    var owner: OwnerReference
    /// The object as what events are about.
    var reference: ObjectReference
    /// Whether an annotation such as `kubernetes.io/tls-acme` makes it ask for the default issuer.
    var heedsAutomaticAnnotations = false
    var entries: [Entry] = []
    /// Every Secret the object names, whether or not a Certificate is wanted for it.
    var secretNames: Set<String> = []
    /// What is wrong with the parts of it that ask in vain.
    var problems: [BadConfiguration] = []
    /// Why nothing of it can be acted on.
    var refusal: BadConfiguration?
    /// How HTTP-01 reaches its names, as annotations for its Certificates.
    var route: [String: String] = [:]
    /// The annotations of Certificates that are this kind of object's to set and to remove.
    var routeKeys: [String]

    init(_ object: some KubeObject, routeKeys: [String]) {
        metadata = object.metadata
        annotations = object.metadata.annotations ?? [:]
        owner = OwnerReference(controller: object)
        reference = ObjectReference(to: object)
        self.routeKeys = routeKeys
    }

    /// Adds hosts to the Certificate of a Secret, which several parts of an object may share.
    mutating func add(_ hosts: [String], to secretName: String) {
        if let index = entries.firstIndex(where: { $0.secretName == secretName }) {
            entries[index].hosts += hosts
        } else {
            entries.append(Entry(secretName: secretName, hosts: hosts))
        }
    }
}
