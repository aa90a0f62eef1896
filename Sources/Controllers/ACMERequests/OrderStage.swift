import CertificateAPI
import KubeModel
import Wire

/// Which of the Orders of one request an Order is.
enum OrderStage: Sendable, Hashable, Comparable {
    /// At a CA whose certificates nobody trusts, before the first real order.
    case rehearsal
    /// At the issuer that the request names.
    case first
    /// At a fallback of it, counted from 1.
    case fallback(Int)

    init(_ order: Order) {
        let text = order.metadata.annotations?[Names.Annotation.stage] ?? ""
        if text == "rehearsal" {
            self = .rehearsal
        } else if text.hasPrefix("fallback-"), let number = Int(text.dropFirst(9)), number > 0 {
            self = .fallback(number)
        } else {
            self = .first
        }
    }

    /// Nil for the one that needs no mark.
    var text: String? {
        switch self {
        case .rehearsal: "rehearsal"
        case .first: nil
        case .fallback(let number): "fallback-\(number)"
        }
    }

    private var rank: Int {
        switch self {
        case .rehearsal: -1
        case .first: 0
        case .fallback(let number): number
        }
    }

    static func < (one: OrderStage, other: OrderStage) -> Bool { one.rank < other.rank }
}

/// Another issuer that a request may be taken to.
struct ACMECandidate: Sendable, Equatable {
    var reference: IssuerReference
    var issuer: ACMERequestIssuer

    var name: String { "\(reference.effectiveKind) \"\(reference.name)\"" }
}

/// What annotations of an issuer, and of a Certificate, say about other issuers.
struct OtherIssuers: Sendable, Equatable {
    var fallbacks: [IssuerReference] = []
    var rehearsal: IssuerReference?
    /// Whether the issuer has its new certificates rehearsed.
    var rehearses = false
    /// What cannot be read, a sentence each.
    var problems: [String] = []

    /// As `IssuerLookup.indexValue` has them.
    func indexValues(from issuer: ObjectKey) -> [String] {
        (fallbacks + [rehearsal].compactMap(\.self)).map {
            IssuerLookup.indexValue($0, namespace: issuer.namespace)
        }
    }

    /// - Parameter kind: the kind of the issuer itself, which is that of names without one.
    init(_ annotations: [String: String]?, kind: String) {
        func reference(_ text: Substring, _ key: String) -> IssuerReference? {
            let parts = text.split(separator: "/", omittingEmptySubsequences: false).map {
                String($0.filter { $0 != " " })
            }
            let (given, name) = parts.count == 2 ? (parts[0], parts[1]) : (kind, parts.first ?? "")
            // What a ClusterIssuer may lead to is the same for every namespace.
            let mayBe = kind == "ClusterIssuer" ? ["ClusterIssuer"] : ["Issuer", "ClusterIssuer"]
            guard parts.count <= 2, !name.isEmpty, mayBe.contains(given) else {
                problems.append(
                    "the annotation \(key) names \"\(text.prefix(60))\" and should name issuers as NAME or "
                        + "\(mayBe.joined(separator: "/NAME or "))/NAME")
                return nil
            }
            return IssuerReference(name: name, kind: given)
        }
        let list = annotations?[Names.Annotation.fallbackIssuers] ?? ""
        fallbacks = list.split(separator: ",").compactMap { reference($0, Names.Annotation.fallbackIssuers) }
        rehearsal = annotations?[Names.Annotation.rehearsalIssuer].nonEmpty.flatMap {
            reference(Substring($0), Names.Annotation.rehearsalIssuer)
        }
        rehearses = annotations?[Names.Annotation.rehearse] == "true"
        if rehearses, rehearsal == nil {
            problems.append(
                "the annotation \(Names.Annotation.rehearse) needs \(Names.Annotation.rehearsalIssuer), which names an "
                    + "issuer of a staging CA")
        }
    }
}
