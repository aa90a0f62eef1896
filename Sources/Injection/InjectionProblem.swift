import CertificateAPI
package import KubeModel
import Wire

/// Why a target did not get its bundle, told to users as an Event on the target.
package enum InjectionProblem: Error, Sendable, Equatable {
    case badAnnotation(String)
    case certificateMissing(ObjectKey)
    /// The Secret that a Certificate has not been issued into yet.
    case certificatePending(ObjectKey, secret: ObjectKey)
    case secretMissing(ObjectKey)
    case notAllowed(ObjectKey)
    case otherCertificate(ObjectKey, secret: ObjectKey)
    case noAuthority(ObjectKey)
    /// Names what is wrong, never what it holds.
    case unreadable(String, reason: String)
    case expired(String)
    case noAPIServerCA
    case refused(String)

    package var kind: Event.Kind {
        if case .certificatePending = self { return .normal }
        return .warning
    }

    package var reason: String {
        switch self {
        case .badAnnotation: "BadAnnotation"
        case .certificateMissing: "CertificateNotFound"
        case .certificatePending: "CertificateNotIssued"
        case .secretMissing: "SecretNotFound"
        case .notAllowed: "InjectionNotAllowed"
        case .otherCertificate: "IncorrectCertificate"
        case .noAuthority: "NoCA"
        case .unreadable: "InvalidCA"
        case .expired: "ExpiredCA"
        case .noAPIServerCA: "NoAPIServerCA"
        case .refused: "InjectionRefused"
        }
    }

    package var message: String {
        switch self {
        case .badAnnotation(let text): text
        case .certificateMissing(let key):
            "There is no Certificate \"\(key)\" to take the CA from; create it, or correct the annotation."
        case .certificatePending(let key, let secret):
            "The Certificate \"\(key)\" has no Secret \"\(secret.name)\" yet; the CA follows when it is issued."
        case .secretMissing(let key):
            "There is no Secret \"\(key)\" to take the CA from; create it, or correct the annotation."
        case .notAllowed(let key):
            """
            The Secret "\(key)" does not allow it: annotate it with \(Names.Annotation.allowDirectInjection): "true", or \
            name a Certificate by \(Names.Annotation.injectCAFrom).
            """
        case .otherCertificate(let key, let secret):
            """
            The Secret "\(secret)" does not belong to the Certificate "\(key)": its annotation \
            \(Names.Annotation.certificateName) says otherwise. Give each Certificate a Secret of its own.
            """
        case .noAuthority(let key):
            """
            The Secret "\(key)" has no \(Names.SecretKey.ca). Not every issuer provides its CA: name a Secret that \
            holds it by \(Names.Annotation.injectCAFromSecret).
            """
        case .unreadable(let what, let reason): "\(what) cannot be read: \(reason)."
        case .expired(let what): "Every certificate of \(what) has expired; renew it."
        case .noAPIServerCA:
            "The API server is trusted by the system's own roots here, so there is no CA of its own to inject."
        case .refused(let text): "The API server refused the bundle: \(text)"
        }
    }
}
