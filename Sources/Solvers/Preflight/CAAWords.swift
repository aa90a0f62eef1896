import DNSWire

/// Says what CAA records are in the way and which record helps.
enum CAAWords {
    static func sentence(
        _ objection: CAAPolicy.Objection, about name: PreflightInquiry.Name, at owner: DNSName, policy: CAAPolicy
    ) -> String {
        let ours = policy.identities.first ?? ""
        let place = "the CAA records of \(owner.text)"
        switch objection {
        case .critical(let tag):
            return
                "\(name.text): \(place) have a critical property \"\(presentable(tag))\" that CAs do not know; remove it"
        case .otherCAs(let others):
            let allowed =
                others.isEmpty
                ? "allow no CA" : "allow only \(others.prefix(5).map(presentable).joined(separator: ", "))"
            return "\(name.text): \(place) \(allowed); add \(record(owner, name, value: ours))"
        case .otherAccount(let account):
            return "\(name.text): \(place) allow \(ours) for the account \(presentable(account)) alone; add "
                + record(owner, name, value: "\(ours); accounturi=\(policy.accountURL)")
        case .otherMethods(let methods, let wanted):
            let all = (methods + [wanted]).map(presentable).joined(separator: ",")
            return "\(name.text): \(place) do not allow \(wanted), by which it is to be proved; add "
                + record(owner, name, value: "\(ours); validationmethods=\(all)")
        case .unsatisfiable(let why):
            return "\(name.text): \(place) name \(ours) in a way that no CA may follow: \(why); replace that record by "
                + record(owner, name, value: ours)
        }
    }

    /// As a line of a zone file.
    private static func record(_ owner: DNSName, _ name: PreflightInquiry.Name, value: String) -> String {
        "the record: \(owner) CAA 0 \(name.isWildcard ? "issuewild" : "issue") \"\(value)\""
    }

    /// DNS holds what anybody wrote there.
    private static func presentable(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.filter { (0x20...0x7E).contains($0.value) }).prefix(200))
    }
}
