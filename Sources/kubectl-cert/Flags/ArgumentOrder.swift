/// Lets flags stand before the command, as kubectl does: `kubectl cert -n web why shop`.
enum ArgumentOrder {
    /// Flags of the connection that take the next word as their value.
    private static let takingValues: Set = [
        "-n", "--namespace", "--kubeconfig", "--context", "--cluster", "--user", "-s", "--server", "--token", "--as",
        "--as-uid", "--as-group", "--certificate-authority", "--client-certificate", "--client-key",
        "--tls-server-name", "--request-timeout",
    ]
    /// Those that are for the program itself.
    private static let own: Set = [
        "-h", "--help", "--version", "--generate-completion-script", "--experimental-dump-help",
    ]

    /// The same arguments, those flags that stand before the first command put behind it.
    static func normalised(_ arguments: [String]) -> [String] {
        var leading: [String] = []
        var index = 0
        while index < arguments.count, arguments[index].hasPrefix("-"), arguments[index] != "--" {
            let flag = arguments[index]
            if own.contains(flag) || flag.hasPrefix("---") { return arguments }
            leading.append(flag)
            index += 1
            if takingValues.contains(flag), index < arguments.count {
                leading.append(arguments[index])
                index += 1
            }
        }
        let rest = Array(arguments[index...])
        guard !leading.isEmpty, !rest.isEmpty else { return arguments }
        let end = rest.firstIndex(of: "--") ?? rest.endIndex
        return Array(rest[..<end]) + leading + Array(rest[end...])
    }
}
