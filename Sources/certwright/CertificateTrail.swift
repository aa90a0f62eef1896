import CertificateAPI
import Controllers
import KubeModel
import KubeRuntime
import Logging

/// Finds the Certificate that an object is for, so that every log line about it carries one name: the metadata
/// `certificate`, as namespace/name.
struct CertificateTrail: Sendable {
    let stores: Stores

    /// nil for an object that no Certificate asked for, or that is not known any more.
    func certificate(of kind: String, _ key: ObjectKey) -> ObjectKey? {
        switch kind {
        case Certificate.resource.kind: return key
        case CertificateRequest.resource.kind:
            return stores.requests[key]?.certificateName.map { ObjectKey(namespace: key.namespace, name: $0) }
        case Order.resource.kind: return owner(stores.orders[key]?.metadata, CertificateRequest.resource.kind)
        case Challenge.resource.kind: return owner(stores.challenges[key]?.metadata, Order.resource.kind)
        default: return nil
        }
    }

    /// The same for the keys of a controller, by its name.
    func certificate(ofKeysOf controller: String) -> @Sendable (ObjectKey) -> ObjectKey? {
        let kind =
            switch controller {
            case "certificates", "certificates-renewal": Certificate.resource.kind
            case "certificaterequests", "certificaterequests-issuer-acme": CertificateRequest.resource.kind
            case "orders": Order.resource.kind
            case "challenges": Challenge.resource.kind
            default: ""
            }
        return { certificate(of: kind, $0) }
    }

    /// Events are what users are told; in the log they are the story of a certificate, whole.
    func log(to logger: Logger) -> EventRecorder.Observer {
        { kind, reason, message, object, component in
            var metadata: Logger.Metadata = [
                "controller": "\(component)", "kind": "\(object.kind)", "namespace": "\(object.namespace ?? "")",
                "name": "\(object.name)", "reason": "\(reason)", "message": "\(message)",
            ]
            let key = ObjectKey(namespace: object.namespace ?? "", name: object.name)
            if let certificate = certificate(of: object.kind, key) { metadata["certificate"] = "\(certificate)" }
            logger.log(level: kind == .warning ? .warning : .info, "Event", metadata: metadata)
        }
    }

    private func owner(_ metadata: ObjectMeta?, _ kind: String) -> ObjectKey? {
        guard let owner = metadata?.ownerReferences?.first(where: { $0.kind == kind }) else { return nil }
        return certificate(of: kind, ObjectKey(namespace: metadata?.namespace ?? "", name: owner.name))
    }
}
