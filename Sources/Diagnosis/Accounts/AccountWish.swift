package import CertificateAPI
import KubeModel
package import Wire

/// What is wished of an issuer's ACME account, by the annotations of docs/acme.md.
package enum AccountWish: Sendable, Equatable {
    /// Another key; the text is different each time.
    case anotherKey(String)
    /// Its end.
    case end

    package struct Impossible: Error, Sendable, Equatable, CustomStringConvertible {
        package let description: String
    }

    /// The patch of the issuer that says so.
    package func patch<Object: IssuerObject>(_ issuer: Object) throws(Impossible) -> JSONValue {
        let title = "\(Object.resource.kind) \(issuer.key)"
        guard issuer.spec.acme != nil else { throw Impossible(description: "\(title) is no ACME issuer") }
        guard let uri = issuer.status?.acme?.uri.nonEmpty else {
            throw Impossible(description: "\(title) has no account yet: see its Ready condition")
        }
        let (key, value) =
            switch self {
            case .anotherKey(let text): (Names.Annotation.rotateAccountKey, text)
            case .end: (Names.Annotation.deactivateAccount, uri)
            }
        return ["metadata": ["annotations": [key: .string(value)]]]
    }
}
