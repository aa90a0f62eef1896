import PKI

extension Certificate.NameConstraints {
    /// The extension these ask for, and every rule they break.
    func read(isCA: Bool, at path: FieldPath) -> (constraints: PKI.NameConstraints, problems: [FieldProblem]) {
        var constraints = PKI.NameConstraints()
        var problems: [FieldProblem] = []
        if !isCA {
            problems.append(.forbidden(path, "isCA should be true when nameConstraints is set"))
        }
        constraints.isCritical = critical ?? false
        constraints.permitted = (permitted ?? .init()).read(at: path["permitted"], &problems)
        constraints.excluded = (excluded ?? .init()).read(at: path["excluded"], &problems)
        if constraints.permitted.isEmpty, constraints.excluded.isEmpty, problems.isEmpty {
            problems.append(
                .required(path, "either permitted or excluded must name at least one domain, range or address"))
        }
        return (constraints, problems)
    }
}

extension Certificate.NameConstraints.Subtrees {
    fileprivate func read(at path: FieldPath, _ problems: inout [FieldProblem]) -> PKI.NameConstraints.Subtrees {
        var subtrees = PKI.NameConstraints.Subtrees()
        func each<T>(_ texts: [String]?, _ field: String, _ detail: String, _ parse: (String) -> T?) -> [T] {
            (texts ?? []).enumerated().compactMap { index, text in
                if let value = parse(text) { return value }
                problems.append(.invalid(path[field][index], text, detail))
                return nil
            }
        }
        subtrees.dnsDomains = each(dnsDomains, "dnsDomains", "must be a DNS domain") { text in
            Self.domain(text)
        }
        subtrees.ipRanges = each(ipRanges, "ipRanges", "must be a range in CIDR notation, such as 10.0.0.0/8") {
            IPRange($0)
        }
        subtrees.emailAddresses = each(
            emailAddresses, "emailAddresses", "must be an email address, a host, or a domain with a leading dot"
        ) { text in
            NameRules.isEmailAddress(text) ? text : Self.domain(text)
        }
        subtrees.uriDomains = each(uriDomains, "uriDomains", "must be a host or a domain with a leading dot") { text in
            Self.domain(text)
        }
        return subtrees
    }

    /// In ASCII, as RFC 5280 §4.2.1.10 compares it. The leading dot, which stands for hosts below the domain alone, stays.
    private static func domain(_ text: String) -> String? {
        let hasDot = text.hasPrefix(".")
        guard let name = try? NameRules.dnsName(hasDot ? String(text.dropFirst()) : text), !name.hasPrefix("*") else {
            return nil
        }
        return (hasDot ? "." : "") + name
    }
}
