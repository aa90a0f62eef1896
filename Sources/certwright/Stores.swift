import CertificateAPI
import Controllers
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import Wire

/// The caches of everything the controllers look at, and what fills them.
struct Stores: Sendable {
    let certificates = CertificateCaches.certificates()
    let requests = CertificateCaches.requests()
    let issuers = Cache<Issuer>()
    /// Nil where only one namespace is watched: ClusterIssuers belong to whoever watches all.
    let clusterIssuers: Cache<ClusterIssuer>?
    let secretFacts = CertificateCaches.secretFacts()
    let otherSecrets = CertificateCaches.otherSecrets()

    /// Empty for all namespaces.
    let namespace: String

    init(namespace: String) {
        self.namespace = namespace
        clusterIssuers = namespace.isEmpty ? Cache<ClusterIssuer>() : nil
    }

    /// What still has to be read before the caches are whole; a sentence, or nil when all are.
    var missing: String? {
        var names: [String] = []
        if !certificates.isSynced { names.append("certificates") }
        if !requests.isSynced { names.append("certificaterequests") }
        if !issuers.isSynced { names.append("issuers") }
        if let clusterIssuers, !clusterIssuers.isSynced { names.append("clusterissuers") }
        if !secretFacts.isSynced || !otherSecrets.isSynced { names.append("secrets") }
        return names.isEmpty ? nil : "Still reading \(names.joined(separator: ", ")) from the API server."
    }
}
