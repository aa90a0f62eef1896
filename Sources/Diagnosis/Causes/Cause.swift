/// Why a certificate is not ready or not renewed: one cause, what shows it, and what mends it.
package struct Cause: Sendable, Equatable {
    /// The names are those of docs/troubleshoot.md.
    package enum Kind: String, Sendable, CaseIterable {
        case specInvalid, duplicateSecretName, keyCannotBeRegenerated, passwordMissing
        case controllerNotRunning, rightsMissing, clockSkewed, webhookUnreachable, webhookUntrusted
        case issuerMissing, issuerEmpty, issuerNotReady, authorityExpired, authoritySecretMissing, accountRefused
        case bindingRefused, serverUnreachable, userActionRequired
        case denied, notApproved, requestRefused
        case noSolver, rateLimited, nameNotAllowed, caaForbids, orderRefused
        case unknownIngressClass, quotaExceeded, imageNotPulled, solverPodNotRunning, otherBackend, nameUnreachable
        case zoneNotFound, zoneNotWritable, signatureRefused, recordNotPropagated, credentialsMissing
        case validationRefused, solverRefused
        case unexplained
    }

    package var kind: Kind
    /// The object it lies with: "Issuer shop/acme".
    package var object: String
    package var sentence: String
    package var evidence: [String]
    /// The command or the edit that mends it.
    package var remedy: String

    package init(_ kind: Kind, at object: String, _ sentence: String, evidence: [String?] = [], remedy: String) {
        self.kind = kind
        self.object = object
        self.sentence = sentence
        self.evidence = evidence.compactMap(\.self).filter { !$0.isEmpty }
        self.remedy = remedy
    }
}

/// What the search for a cause ends with.
package enum Finding: Sendable, Equatable {
    /// Nothing is wrong. `warning` is a cause that will matter at the next renewal.
    case well(String, warning: Cause?)
    /// It is being worked on, and nothing is known to stand in its way.
    case underWay(String)
    case cause(Cause)
}
