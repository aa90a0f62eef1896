/// The command line, read by hand: the whole program is to stay within a few megabytes.
struct Flags: Equatable {
    var port = 8089
    var domain = ""
    var token = ""
    var key = ""

    enum Outcome: Equatable {
        case run(Flags)
        case help
        case problem(String)
    }

    static let help = """
        usage: acmesolver --domain NAME --token TOKEN --key KEY [--listen-port 8089]

        Answers one ACME HTTP-01 challenge.
          --listen-port PORT  the port to listen on (default 8089)
          --domain NAME       the domain name, or IP address, being validated; other Host headers are refused
          --token TOKEN       the challenge's token, the last part of the URL that is served
          --key KEY           the key authorization to answer with
        """

    /// Accepts `--flag value` and `--flag=value`.
    static func parse(_ arguments: some Sequence<String>) -> Outcome {
        var flags = Flags()
        var arguments = Array(arguments)[...]
        while let argument = arguments.popFirst() {
            if argument == "--help" || argument == "-h" { return .help }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let inline = parts.count == 2 ? String(parts[1]) : nil
            guard let value = inline ?? arguments.popFirst() else { return .problem("\(parts[0]) needs a value.") }
            switch parts[0] {
            case "--listen-port":
                guard let port = Int(value), 1...65535 ~= port else {
                    return .problem("--listen-port must be from 1 to 65535.")
                }
                flags.port = port
            case "--domain": flags.domain = value
            case "--token": flags.token = value
            case "--key": flags.key = value
            default: return .problem("\(parts[0]) is not a flag of this program.")
            }
        }
        for (name, value) in [("--domain", flags.domain), ("--token", flags.token), ("--key", flags.key)]
        where value.isEmpty {
            return .problem("\(name) is required.")
        }
        return .run(flags)
    }
}
