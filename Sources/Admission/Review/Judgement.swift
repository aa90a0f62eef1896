package import CertificateAPI

/// What can be said of a request by looking at it alone, and what must still be asked for the rest.
package struct Judgement: Sendable, Hashable {
    package var problems: [FieldProblem] = []
    /// What is legal and unwise.
    package var warnings: [String] = []
    /// The issuer for which the user must have the right to approve.
    package var approval: ApprovalQuestion?
    /// The issuer to look at before more is said of the wisdom.
    package var issuer: IssuerQuestion?

    package init(
        problems: [FieldProblem] = [], warnings: [String] = [], approval: ApprovalQuestion? = nil,
        issuer: IssuerQuestion? = nil
    ) {
        self.problems = problems
        self.warnings = warnings
        self.approval = approval
        self.issuer = issuer
    }

    package static let nothing = Judgement()

    /// The refusal that the problems amount to; nil when there is none. Each problem is told once.
    package var refusal: AdmissionAnswer.Refusal? {
        var texts: [String] = []
        for text in problems.map(\.description) where !texts.contains(text) { texts.append(text) }
        guard let first = texts.first else { return nil }
        // As the API server's own aggregates read.
        let message = texts.count == 1 ? first : "[\(texts.joined(separator: ", "))]"
        return AdmissionAnswer.Refusal(code: 406, reason: "NotAcceptable", message: message)
    }
}

/// May this user approve or deny requests for this issuer?
package struct ApprovalQuestion: Sendable, Hashable {
    package var user: UserInfo
    package var issuer: IssuerReference
    /// Of the request.
    package var namespace: String

    package init(user: UserInfo, issuer: IssuerReference, namespace: String) {
        self.user = user
        self.issuer = issuer
        self.namespace = namespace
    }
}

/// Which issuer a Certificate will be signed by, and what matters to the user about it.
package struct IssuerQuestion: Sendable, Hashable {
    package var issuer: IssuerReference
    package var namespace: String
    package var wildcards: [String]

    package init(issuer: IssuerReference, namespace: String, wildcards: [String] = []) {
        self.issuer = issuer
        self.namespace = namespace
        self.wildcards = wildcards
    }
}
