import KubeModel
import Wire

/// Changes to the rules of an Ingress that belongs to the user.
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
        guard rules.contains(where: { $0.http?.paths.contains(path) == true }) else { return nil }
        return rules.compactMap { rule in
            guard var paths = rule.http?.paths, paths.contains(path) else { return rule }
            paths.removeAll { $0 == path }
            if paths.isEmpty { return nil }
            var rule = rule
            rule.http = Ingress.HTTP(paths: paths)
            return rule
        }
    }

    private static func nonEmpty(_ text: String) -> String? { text.isEmpty ? nil : text }
}
