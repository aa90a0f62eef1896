import CertificateAPI
import KubeModel
import Wire

/// Which private key the issuance under way is made with.
enum NextKey {
    struct Plan: Sendable, Equatable {
        enum Choice: Sendable, Equatable {
            /// Stored already, in the Secret of this name.
            case stored(name: String, publicKey: Print)
            case make(KeySource)
            /// There is a key that must be kept and cannot be used.
            case blocked(Violation)
        }
        var choice: Choice
        /// Next-key Secrets that are of no use.
        var discarded: [SecretFacts] = []
        var notices: [Notice] = []
    }

    static func plan(_ view: CertificateView, _ desired: DesiredCertificate) -> Plan {
        var discarded: [SecretFacts] = []
        var notices: [Notice] = []
        // The one in the status first, then by name, so that every look chooses the same.
        let preferred = view.status.nextPrivateKeySecretName
        let candidates = view.nextKeys.sorted {
            ($0.metadata.name == preferred ? 0 : 1, $0.metadata.name) < (
                $1.metadata.name == preferred ? 0 : 1, $1.metadata.name
            )
        }
        let compromised = RevokedCertificate.compromisedKey(view)
        var chosen: Plan.Choice?
        for secret in candidates {
            if chosen == nil, let key = secret.privateKey.value, key.algorithm == desired.keyAlgorithm,
                key.publicKey != compromised
            {
                chosen = .stored(name: secret.metadata.name, publicKey: key.publicKey)
                continue
            }
            discarded.append(secret)
            if chosen == nil {
                notices.append(
                    .normal(
                        "Deleted",
                        "The private key stored for the next certificate does not suit the spec and is made anew"))
            }
        }
        if let chosen { return Plan(choice: chosen, discarded: discarded, notices: notices) }
        let (choice, notice) = newKey(view, desired)
        return Plan(choice: choice, discarded: discarded, notices: notices + [notice].compactMap(\.self))
    }

    /// The Secret's name is the same on every attempt, so that a lost answer to its creation does no harm.
    static func secretName(_ view: CertificateView) -> String {
        ChildName.make(view.name, suffix: "next-key-" + ChildName.digest(view.certificate.metadata.uid ?? view.name))
    }

    private static func newKey(_ view: CertificateView, _ desired: DesiredCertificate) -> (Plan.Choice, Notice?) {
        guard !desired.rotatesKey, RevokedCertificate.compromisedKey(view) == nil, let secret = view.secret else {
            return (.make(.new), nil)
        }
        switch secret.privateKey {
        case .nothing: return (.make(.new), nil)
        case .bad(let problem):
            return (
                .make(.new),
                .warning("DecodeFailed", "The private key in the Secret cannot be used and is replaced: \(problem)")
            )
        case .good(let key) where key.algorithm == desired.keyAlgorithm: return (.make(.targetSecret), nil)
        case .good(let key):
            let message =
                "the private key in the Secret is \(key.algorithm), the spec asks for \(desired.keyAlgorithm), and"
                + " spec.privateKey.rotationPolicy is Never: delete the Secret, or change the spec"
            return (.blocked(Violation(reason: "CannotRegenerateKey", message: message)), nil)
        }
    }
}
