/// The command line, read by hand: the whole program is to stay within a few megabytes.
struct Flags: Equatable {
    enum Answer: Equatable {
        /// One HTTP-01 challenge.
        case one(domain: String, token: String, key: String)
        /// Every HTTP-01 challenge of the account whose key has this thumbprint.
        case any(thumbprint: String)
        /// One TLS-ALPN-01 challenge.
        case tls(domain: String, key: String)
    }

    var port = 8089
    var answer: Answer

    enum Outcome: Equatable {
        case run(Flags)
        case help
        case problem(String)
    }

    static let help = """
        usage: acmesolver --domain NAME --token TOKEN --key KEY [--listen-port 8089]
               acmesolver --thumbprint THUMBPRINT [--listen-port 8089]
               acmesolver --tls-alpn --domain NAME --key KEY [--listen-port 8089]

        Answers one ACME HTTP-01 challenge, all of one account, or one TLS-ALPN-01 challenge.
          --listen-port PORT       the port to listen on (default 8089)
          --domain NAME            the domain name, or IP address, being validated; others are refused
          --token TOKEN            the challenge's token, the last part of the URL that is served
          --key KEY                the key authorization to answer with
          --thumbprint THUMBPRINT  of the account's key: every token is answered with it, for every domain that is
                                   routed here
          --tls-alpn               listen with TLS, and show the certificate of a TLS-ALPN-01 challenge

        """

    /// Accepts `--flag value` and `--flag=value`.
    static func parse(_ arguments: some Sequence<String>) -> Outcome {
        var values: [String: String] = [:]
        var isTLS = false
        var arguments = Array(arguments)[...]
        while let argument = arguments.popFirst() {
            if argument == "--help" || argument == "-h" { return .help }
            if argument == "--tls-alpn" {
                isTLS = true
                continue
            }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let inline = parts.count == 2 ? String(parts[1]) : nil
            let name = String(parts[0])
            guard ["--listen-port", "--domain", "--token", "--key", "--thumbprint"].contains(name) else {
                return .problem("\(name) is not a flag of this program.")
            }
            guard let value = inline ?? arguments.popFirst() else { return .problem("\(name) needs a value.") }
            values[name] = value
        }
        return interpret(values, isTLS: isTLS)
    }

    private static func interpret(_ values: [String: String], isTLS: Bool) -> Outcome {
        func value(_ name: String) -> String { values[name] ?? "" }
        var wanted = ["--domain", "--token", "--key"]
        var answer = Answer.one(domain: value("--domain"), token: value("--token"), key: value("--key"))
        if isTLS {
            wanted = ["--domain", "--key"]
            answer = .tls(domain: value("--domain"), key: value("--key"))
        } else if values["--thumbprint"] != nil {
            wanted = ["--thumbprint"]
            answer = .any(thumbprint: value("--thumbprint"))
        }
        for name in wanted where value(name).isEmpty { return .problem("\(name) is required.") }
        for name in values.keys.sorted() where name != "--listen-port" && !wanted.contains(name) {
            return .problem("\(name) does not go together with \(isTLS ? "--tls-alpn" : "--thumbprint").")
        }
        var flags = Flags(answer: answer)
        if let text = values["--listen-port"] {
            guard let port = Int(text), 1...65535 ~= port else {
                return .problem("--listen-port must be from 1 to 65535.")
            }
            flags.port = port
        }
        return .run(flags)
    }
}
