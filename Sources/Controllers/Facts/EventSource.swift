import CertificateAPI

/// Who says what in an Event: `cert-manager-<controller>`, by the names of cert-manager's controllers.
///
/// Whoever looks for Events knows them by these, though here one controller does the work of several.
enum EventSource {
    static let approver = "cert-manager-certificaterequests-approver"
    static let keyManager = "cert-manager-certificates-key-manager"
    static let requestManager = "cert-manager-certificates-request-manager"

    /// About a Certificate.
    static func certificate(_ notice: Notice) -> String {
        switch notice.reason {
        case "Issuing" where notice.message.hasPrefix(Issuing.opening): "cert-manager-certificates-trigger"
        case "Generated", "Reused", "Deleted", "DecodeFailed", "CannotRegenerateKey": keyManager
        case "Requested": requestManager
        default: "cert-manager-certificates-issuing"
        }
    }

    /// About a CertificateRequest; `issuer` is the one that it names, where that is known.
    static func request(_ notice: Notice, _ issuer: IssuerSpec?) -> String {
        if notice.reason == "cert-manager.io" { return approver }
        return "cert-manager-certificaterequests" + (issuer?.kindInControllerNames.map { "-issuer-\($0)" } ?? "")
    }

    /// About a CertificateSigningRequest.
    static func signingRequest(_ issuer: IssuerSpec?) -> String {
        "cert-manager-certificatesigningrequests" + (issuer?.kindInControllerNames.map { "-issuer-\($0)" } ?? "")
    }
}

extension IssuerSpec {
    fileprivate var kindInControllerNames: String? {
        if acme != nil { return "acme" }
        if ca != nil { return "ca" }
        if selfSigned != nil { return "selfsigned" }
        if vault != nil { return "vault" }
        return venafi != nil ? "venafi" : nil
    }
}
