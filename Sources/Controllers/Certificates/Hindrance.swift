import CertificateAPI
import KubeModel
import Wire

/// What an issuance waits for, as the objects below the Certificate tell it: one cause, and from when on it is worth
/// telling. An issuance that goes through by itself within that time costs no write.
///
/// The sentence is the same as long as the cause is: it holds no time that passes with every attempt.
struct Hindrance: Sendable, Equatable {
    /// Begins with the object that tells it: "Order web/site-1-2735: …".
    var sentence: String
    var tellFrom: Timestamp

    /// Issuers and orders that get ready while nobody watches.
    static let patience = Duration.seconds(3)
    /// Whoever approves may be another program.
    static let approvalPatience = Duration.seconds(10)
    /// What was presented takes a while to be seen.
    static let sightPatience = Duration.seconds(30)

    init(_ sentence: String, tellFrom: Timestamp) {
        self.sentence = Self.lasting(sentence)
        self.tellFrom = tellFrom
    }

    /// - Parameters:
    ///   - orders: those that the request controls.
    ///   - challenges: those of these Orders.
    ///   - began: when the issuance did.
    static func find(
        _ request: RequestFacts, orders: [Order], challenges: [Challenge], began: Timestamp
    ) -> Hindrance? {
        switch request.state {
        case .issued, .failed, .denied, .invalid: return nil
        case .undecided:
            let sentence = "CertificateRequest \(request.metadata.name): nobody has approved it yet"
            return Hindrance(sentence, tellFrom: began + approvalPatience)
        case .pending: break
        }
        guard let order = orders.max(by: { (OrderStage($0), $0.metadata.name) < (OrderStage($1), $1.metadata.name) })
        else {
            let ready = request.open?.value.status?.conditions[type: Condition.Kind.ready]
            return ready?.message.nonEmpty.map {
                Hindrance("CertificateRequest \(request.metadata.name): \($0)", tellFrom: began + patience)
            }
        }
        let owned = challenges.filter { $0.metadata.controller?.uid == order.metadata.uid }
        if let found = owned.compactMap({ Told($0, began) }).min() { return found.hindrance }
        return order.status?.reason.nonEmpty.map {
            Hindrance("Order \(order.metadata.name): \($0)", tellFrom: began + patience)
        }
    }

    /// A challenge that is not proved and says why; those that failed come first, then those with an error.
    private struct Told: Comparable {
        let rank: Int
        let name: String
        let hindrance: Hindrance

        init?(_ challenge: Challenge, _ began: Timestamp) {
            guard let status = challenge.status, status.state != .valid, let reason = status.reason.nonEmpty else {
                return nil
            }
            let isWaiting = Hindrance.isWaiting(reason)
            rank = status.state?.isFailure == true ? 0 : isWaiting ? 2 : 1
            name = challenge.metadata.name
            let domain = (challenge.spec.wildcard == true ? "*." : "") + challenge.spec.dnsName
            hindrance = Hindrance(
                "Challenge \(name) for \(domain): \(reason)",
                tellFrom: isWaiting ? (status.presentedAt ?? began) + sightPatience : began + patience)
        }

        static func < (left: Told, right: Told) -> Bool { (left.rank, left.name) < (right.rank, right.name) }
        static func == (left: Told, right: Told) -> Bool { (left.rank, left.name) == (right.rank, right.name) }
    }

    /// Whether a Challenge only waits for what usually comes.
    static func isWaiting(_ reason: String) -> Bool { reason.hasPrefix("Waiting for ") }

    // MARK: Texts that last

    /// Without the times of attempts: each would be a write of the Certificate, and the object that is named has them.
    /// That of a CA's limit stays: it is the CA's, and moves with its next refusal only.
    static func lasting(_ text: String) -> String {
        let bounded = text.count <= 1000 ? text : text.prefix(999) + "…"
        if tellsLimit(bounded) { return bounded }
        return ["; next attempt at ", "; looked at again at "].reduce(bounded) { without($1, in: $0) }
    }

    private static func tellsLimit(_ text: String) -> Bool {
        text.contains(":error:rateLimited") || text.contains("the CA's limit")
    }

    /// Without this opening and the word behind it.
    private static func without(_ opening: String, in text: String) -> String {
        guard let range = text.firstRange(of: opening) else { return text }
        let time = text[range.upperBound...].prefix { !$0.isWhitespace && $0 != ";" && $0 != "," }
        // A full stop that ends the sentence is no part of a time.
        let end = time.last == "." ? text.index(before: time.endIndex) : time.endIndex
        return String(text[..<range.lowerBound] + text[end...])
    }
}

extension Hindrance {
    private static let opening = "; issuing waits: "

    /// In the words that a condition has for it already, where they differ in nothing but the time of day or the port of a
    /// connection: another server's sentences name such ("current time …", "read tcp 10.0.0.5:40122->…"), and would have the
    /// Certificate written at every attempt.
    func keeping(_ message: String?) -> Hindrance {
        guard let message, let range = message.firstRange(of: Self.opening), !Self.tellsLimit(sentence) else {
            return self
        }
        let said = String(message[range.upperBound...])
        guard Self.masked(said) == Self.masked(sentence) else { return self }
        var kept = self
        kept.sentence = said
        return kept
    }

    private static func masked(_ text: String) -> String {
        text.split(separator: " ", omittingEmptySubsequences: false).map { word in
            var bare = word
            while let last = bare.last, ".,;:)\"".contains(last) { bare = bare.dropLast() }
            let passes = word.contains("->") || Timestamp(rfc3339: String(bare)) != nil
            return passes ? word.filter { !$0.isNumber } : String(word)
        }.joined(separator: " ")
    }

    /// A condition's message with what is waited for in place of what it said of that before.
    static func told(_ hindrance: Hindrance?, in message: String?) -> String? {
        guard let message else { return nil }
        let plain = message.firstRange(of: opening).map { String(message[..<$0.lowerBound]) } ?? message
        return hindrance.map { "\(plain)\(opening)\($0.sentence)" } ?? plain
    }
}

extension CertificateView {
    /// What is to be told now.
    var ripeHindrance: Hindrance? { hindrance.flatMap { $0.tellFrom <= now ? $0.keeping(issuing?.message) : nil } }

    /// When to look whether an issuance under way has met something: soon after its beginning, and when what takes its
    /// time should be done. Later changes are heard of.
    var nextLookForHindrance: Timestamp? {
        if let time = hindrance?.tellFrom, time > now { return time }
        guard waitsForOrder, let began = issuing?.lastTransitionTime else { return nil }
        return [Hindrance.patience, Hindrance.sightPatience].map { began + $0 }.first { $0 > now }
    }
}
