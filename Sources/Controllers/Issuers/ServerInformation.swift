import ACME
import CertificateAPI
import KubeModel
import Wire

/// What an ACME server says of itself in its directory (RFC 8555 §7.1.1), for the issuer's status: a condition, since the
/// schema has no fields for it.
struct ServerInformation: Sendable, Equatable {
    static let conditionType = "ServerInformation"
    /// A clock that is further off than this makes certificates look expired, or not valid yet.
    static let tolerableSkew = Duration.seconds(60)

    let sentences: [String]
    let problems: [String]
    let skew: Duration?

    /// - Parameter accountURL: nil where the names of records do not depend on it.
    init(_ directory: ACMEDirectory, clockSkew: Duration?, accountURL: String? = nil, problems: [String] = []) {
        var sentences: [String] = []
        if let terms = directory.termsOfService { sentences.append("Terms of service: \(terms)") }
        if let website = directory.website { sentences.append("Website: \(website)") }
        if !directory.caaIdentities.isEmpty {
            sentences.append("Identities for CAA records: \(directory.caaIdentities.joined(separator: ", "))")
        }
        if !directory.profiles.isEmpty {
            sentences.append("Profiles: \(directory.profiles.map(\.name).joined(separator: ", "))")
        }
        sentences.append(
            directory.renewalInfo == nil
                ? "The CA does not say when to renew" : "The CA says when to renew (renewal information)")
        if let accountURL {
            sentences.append(
                "Records of dns-account-01 are under \(AccountLabel(accountURL: accountURL))._acme-challenge of each name"
            )
        }
        if directory.externalAccountRequired { sentences.append("New accounts need an external account binding") }
        self.sentences = sentences.map { String(Problem.presentable($0).prefix(600)) }
        self.problems = problems
        skew = clockSkew.flatMap { $0 > Self.tolerableSkew || $0 < .zero - Self.tolerableSkew ? $0 : nil }
    }

    /// Sets the condition, and answers what to tell when the server says something else than before.
    func apply(to status: inout IssuerStatus, _ view: IssuerView) -> Notice? {
        let old = status.conditions[type: Self.conditionType]
        var condition = Condition(
            type: Self.conditionType, status: isFine ? .yes : .no, reason: reason,
            message: (problems + [skewSentence].compactMap(\.self) + sentences).joined(separator: ". "))
        condition.observedGeneration = view.generation
        guard old?.message != condition.message || old?.reason != condition.reason else { return nil }
        // A clock is never off by the same twice: that alone is not written again and again.
        if reason == "ClockSkew", old?.reason == reason { return nil }
        status.conditions = status.conditions.setting(condition, now: view.now)
        guard let old, old.reason != reason || reason == "Directory" else {
            return isFine ? nil : .warning(reason, condition.message ?? "")
        }
        return isFine
            ? .normal("ServerInformation", "The ACME server now says of itself: \(condition.message ?? "")")
            : .warning(reason, condition.message ?? "")
    }

    private var isFine: Bool { problems.isEmpty && skew == nil }

    private var reason: String {
        if !problems.isEmpty { return "InvalidAnnotation" }
        return skew == nil ? "Directory" : "ClockSkew"
    }

    private var skewSentence: String? {
        guard let skew else { return nil }
        let seconds = skew.components.seconds
        return seconds > 0
            ? "The clock of this controller is \(seconds) s behind the server's; set it right"
            : "The clock of this controller is \(-seconds) s ahead of the server's; set it right"
    }
}
