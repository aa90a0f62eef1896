import CertificateAPI

extension ApprovalVerdict {
    /// Other people's tools match these sentences.
    func problems(_ question: ApprovalQuestion) -> [FieldProblem] {
        let path = FieldPath.spec["issuerRef"]
        let issuer = question.issuer
        let reference = "{\(issuer.name) \(issuer.effectiveKind) \(issuer.effectiveGroup)}"
        switch self {
        case .allowed: return []
        case .noSuchSigner:
            return [.forbidden(path, "referenced signer resource does not exist: \(reference)")]
        case .notAllowed:
            return [
                .forbidden(
                    path,
                    "user \"\(question.user.username)\" does not have permissions to set approved/denied conditions for"
                        + " issuer \(reference)")
            ]
        }
    }
}
