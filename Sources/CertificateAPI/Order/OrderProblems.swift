import Wire

extension Order {
    /// What a change of an order breaks: the spec never changes, and what the CA said once stays said.
    package static func problems(changing old: Order, to new: Order) -> [FieldProblem] {
        var problems: [FieldProblem] = []
        if old.spec != new.spec {
            problems.append(.forbidden(.spec, "field is immutable once set; make a new Order"))
        }
        let (before, after) = (old.status ?? Status(), new.status ?? Status())
        let path = FieldPath("status")
        func keep<Value: Equatable>(_ one: Value?, _ other: Value?, _ path: FieldPath) {
            if let one, one != other { problems.append(.forbidden(path, "field is immutable once set")) }
        }
        keep(before.url.nonEmpty, after.url, path["url"])
        keep(before.finalizeURL.nonEmpty, after.finalizeURL, path["finalizeURL"])
        if before.certificate?.bytes.isEmpty == false {
            keep(before.certificate, after.certificate, path["certificate"])
        }
        return problems + authorizationProblems(before.authorizations ?? [], after.authorizations ?? [], path)
    }

    private static func authorizationProblems(
        _ before: [Authorization], _ after: [Authorization], _ path: FieldPath
    ) -> [FieldProblem] {
        let path = path["authorizations"]
        guard !before.isEmpty else { return [] }
        guard before.count == after.count else {
            return [.forbidden(path, "the number of authorizations cannot change once set")]
        }
        return zip(before, after).enumerated().flatMap { index, pair -> [FieldProblem] in
            Authorization.problems(changing: pair.0, to: pair.1, at: path[index])
        }
    }
}

extension Order.Authorization {
    fileprivate static func problems(
        changing old: Order.Authorization, to new: Order.Authorization, at path: FieldPath
    ) -> [FieldProblem] {
        var changed: [FieldPath] = []
        if old.url != new.url { changed.append(path["url"]) }
        if let name = old.identifier.nonEmpty, name != new.identifier { changed.append(path["identifier"]) }
        if old.wildcard != nil, old.wildcard != new.wildcard { changed.append(path["wildcard"]) }
        if old.initialState != nil, old.initialState != new.initialState { changed.append(path["initialState"]) }
        let (before, after) = (old.challenges ?? [], new.challenges ?? [])
        if !before.isEmpty {
            if before.count != after.count { changed.append(path["challenges"]) }
            for (index, pair) in zip(before, after).enumerated() {
                let path = path["challenges"][index]
                if pair.0.url != pair.1.url { changed.append(path["url"]) }
                if pair.0.type != pair.1.type { changed.append(path["type"]) }
                if pair.0.token != pair.1.token { changed.append(path["token"]) }
            }
        }
        return changed.map { .forbidden($0, "field is immutable once set") }
    }
}

extension Challenge {
    /// What a change of a challenge breaks: it proves one name to one CA with one solver, and nothing else ever.
    package static func problems(changing old: Challenge, to new: Challenge) -> [FieldProblem] {
        old.spec == new.spec ? [] : [.forbidden(.spec, "challenge spec is immutable after creation")]
    }
}
