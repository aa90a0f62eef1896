import KubeModel
import Wire

/// Changes to the rules of an Ingress that belongs to the user, or that several challenges share.
enum IngressEdit {
    /// The rules with the challenge's path first in the rule of its host; nil when it is there already.
    static func adding(_ objects: SolverObjects, to rules: [Ingress.Rule]) -> [Ingress.Rule]? {
        let path = objects.ingressPath
        guard let index = rules.firstIndex(where: { $0.host.flatMap(nonEmpty) == objects.host }) else {
            return rules + [objects.rule]
        }
        var rules = rules
        var paths = rules[index].http?.paths ?? []
        if paths.contains(path) { return nil }
        paths.removeAll { $0.path == path.path }
        rules[index].http = Ingress.HTTP(paths: [path] + paths)
        return rules
    }

    /// The rules without the challenge's path; nil when it is not there. A rule that had nothing else goes with it.
    static func removing(_ objects: SolverObjects, from rules: [Ingress.Rule]) -> [Ingress.Rule]? {
        let path = objects.ingressPath
        return removing(from: rules) { _, other in other == path }
    }

    /// The rules with the paths of all of these, and without those that lead to `service` for a challenge that is
    /// neither of these nor among `open`; nil when that changes nothing.
    static func settling(
        _ rules: [Ingress.Rule], adding objects: [SolverObjects], open: Set<ChallengePath>, service: String
    ) -> [Ingress.Rule]? {
        let wanted = open.union(objects.map { ChallengePath($0.challenge) })
        let kept = removing(from: rules) { host, path in
            path.isChallenge && path.service == service
                && !wanted.contains(ChallengePath(host: host, path: path.path ?? ""))
        }
        var changed = kept != nil
        var settled = kept ?? rules
        for objects in objects {
            guard let more = adding(objects, to: settled) else { continue }
            settled = more
            changed = true
        }
        return changed ? settled : nil
    }

    /// The rules without the paths that are to go; nil when there is none. A rule that had nothing else goes with them.
    static func removing(
        from rules: [Ingress.Rule], where goes: (_ host: String?, Ingress.Path) -> Bool
    ) -> [Ingress.Rule]? {
        var changed = false
        let rest = rules.compactMap { rule -> Ingress.Rule? in
            guard let paths = rule.http?.paths else { return rule }
            let kept = paths.filter { !goes(rule.host.flatMap(nonEmpty), $0) }
            if kept.count == paths.count { return rule }
            changed = true
            if kept.isEmpty { return nil }
            var rule = rule
            rule.http = Ingress.HTTP(paths: kept)
            return rule
        }
        return changed ? rest : nil
    }

    private static func nonEmpty(_ text: String) -> String? { text.isEmpty ? nil : text }
}

extension Ingress.Path {
    /// Where a CA asks for HTTP-01 (RFC 8555 §8.3).
    var isChallenge: Bool { path?.hasPrefix(SolverObjects.folder) ?? false }
    var service: String? { backend["service"]?["name"]?.stringValue }
}
