/// Kubernetes programs write switches as `--name=true` and `--name=false`; argument-parser knows `--name` and `--no-name`.
enum SwitchSyntax {
    /// Rewrites the Kubernetes spelling of a switch; every other argument passes as it is, and so does all behind `--`.
    static func rewritten(_ arguments: [String]) -> [String] {
        var result: [String] = []
        for (position, argument) in arguments.enumerated() {
            if argument == "--" { return result + arguments[position...] }
            result.append(rewritten(argument))
        }
        return result
    }

    private static let on: Set<String> = ["true", "t", "1", "True", "TRUE", "T"]
    private static let off: Set<String> = ["false", "f", "0", "False", "FALSE", "F"]

    private static func rewritten(_ argument: String) -> String {
        guard argument.hasPrefix("--"), let equals = argument.firstIndex(of: "=") else { return argument }
        let name = String(argument[argument.index(argument.startIndex, offsetBy: 2)..<equals])
        let value = String(argument[argument.index(after: equals)...])
        guard switches.contains(name) else { return argument }
        return switch self.value(of: value) {
        case true?: "--\(name)"
        case false?: "--no-\(name)"
        case nil: argument
        }
    }

    /// What Go's `strconv.ParseBool` makes of it.
    static func value(of text: String) -> Bool? {
        on.contains(text) ? true : off.contains(text) ? false : nil
    }

    /// The switches of all commands; a test holds this list and the flags together.
    static let switches: Set<String> = [
        "leader-elect", "acme-http01-solver-run-as-non-root", "dns01-recursive-nameservers-only",
        "enable-certificate-owner-ref", "http2", "enable-gateway-api", "enable-gateway-api-listenerset",
        "enable-traefik-routes", "dashboard",
        "enable-profiling", "issuer-ambient-credentials",
        "cluster-issuer-ambient-credentials", "enable-certificates-data-source",
        "enable-validatingwebhookconfigurations-injectable", "enable-mutatingwebhookconfigurations-injectable",
        "enable-client-verification", "enable-customresourcedefinitions-injectable", "enable-apiservices-injectable",
    ]
}
