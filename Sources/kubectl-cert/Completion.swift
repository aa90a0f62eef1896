import ArgumentParser
import CertificateAPI
import KubeClient
import KubeModel
import Wire

/// Which words may follow on a command line.
enum Completion {
    enum Objects: String { case certificates, requests }

    struct Candidates: Equatable {
        var words: [String] = []
        /// Names that the cluster knows.
        var objects: Objects?
    }

    /// `words` are those behind the program's name; the last is unfinished, and may be empty.
    static func candidates(for words: [String], below root: any ParsableCommand.Type) -> Candidates {
        var command = root
        let finished = words.dropLast()
        let prefix = words.last ?? ""
        for word in finished where !word.hasPrefix("-") {
            if let next = child(word, of: command) { command = next }
        }
        if prefix.hasPrefix("-") { return Candidates(words: flags(of: command).filter { $0.hasPrefix(prefix) }) }
        let children = shown(command).filter { $0.hasPrefix(prefix) }
        return Candidates(words: children, objects: objects(of: command))
    }

    private static func child(_ word: String, of command: any ParsableCommand.Type) -> (any ParsableCommand.Type)? {
        command.configuration.subcommands.first { type in
            type.configuration.commandName == word || type.configuration.aliases.contains(word)
        }
    }

    private static func shown(_ command: any ParsableCommand.Type) -> [String] {
        // Closures: a key path from an existential metatype crashes the compiler (Swift 6.3).
        command.configuration.subcommands.filter { $0.configuration.shouldDisplay }
            .compactMap { $0.configuration.commandName }
    }

    private static func objects(of command: any ParsableCommand.Type) -> Objects? {
        switch command.configuration.commandName {
        case "certificate" where command == StatusCertificateCommand.self, "why", "renew": .certificates
        case "approve", "deny": .requests
        default: nil
        }
    }

    /// The long flags of a command, from its help.
    private static func flags(of command: any ParsableCommand.Type) -> [String] {
        let help = command.helpMessage(includeHidden: false, columns: 400)
        var flags: [String] = []
        for line in help.split(separator: "\n") where line.hasPrefix("  -") {
            for part in line.split(whereSeparator: { " ,/".contains($0) }) where part.hasPrefix("--") {
                let flag = String(part)
                if !flags.contains(flag) { flags.append(flag) }
            }
        }
        return flags
    }
}

extension CompletionKind {
    /// Asks the cluster by way of this program.
    static let certificates = CompletionKind.shellCommand(
        "kubectl-cert list -o name 2>/dev/null | sed 's,.*/,,'")
    static let requests = CompletionKind.shellCommand(
        "kubectl get certificaterequests -o name 2>/dev/null | sed 's,.*/,,'")
}

/// Names of objects in the cluster that the flags on the line lead to.
enum ClusterNames {
    static func names(_ kind: Completion.Objects, _ words: [String], prefix: String) async -> [String] {
        // A cluster that does not answer has nothing to complete with.
        guard let flags = try? ConnectionFlags.parse(value(["--kubeconfig", "--context"], words)) else { return [] }
        let namespace = value(["-n", "--namespace"], words).last
        let names = try? await Session.run(flags, namespace: namespace) { session in
            let options = ListOptions(namespace: session.namespace)
            switch kind {
            case .certificates: return try await session.client.listAll(Certificate.self, options).items.map(\.key.name)
            case .requests:
                return try await session.client.listAll(CertificateRequest.self, options).items.map(\.key.name)
            }
        }
        return (names ?? []).filter { $0.hasPrefix(prefix) }.sorted()
    }

    /// The flags of these names on the line, each with its value.
    private static func value(_ names: Set<String>, _ words: [String]) -> [String] {
        words.indices.dropLast().flatMap { index -> [String] in
            names.contains(words[index]) && index + 1 < words.count - 1 ? [words[index], words[index + 1]] : []
        }
    }
}
