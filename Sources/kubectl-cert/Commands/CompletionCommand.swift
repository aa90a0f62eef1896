import ArgumentParser

/// `kubectl cert completion bash`.
struct CompletionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completion", abstract: "Prints a script that completes command lines.",
        discussion: """
            bash, zsh and fish get a script for kubectl-cert itself: source <(kubectl-cert completion bash). kubectl has \
            the script that kubectl (1.26 and later) asks: save it in PATH as kubectl_complete-cert, and make it executable.
            """)

    enum Shell: String, ExpressibleByArgument, CaseIterable { case bash, zsh, fish, kubectl }

    @Argument(help: "bash, zsh, fish or kubectl.") var shell: Shell

    func run() throws {
        switch shell {
        case .bash: Console.write(KubectlCert.completionScript(for: .bash))
        case .zsh: Console.write(KubectlCert.completionScript(for: .zsh))
        case .fish: Console.write(KubectlCert.completionScript(for: .fish))
        case .kubectl: Console.write(Self.kubectlScript)
        }
    }

    static let kubectlScript = """
        #!/bin/sh
        # kubectl asks this for the completions of `kubectl cert`.
        exec kubectl-cert __complete "$@"

        """
}

/// What kubectl asks: the words so far, the last of them unfinished. Answers as cobra programs do.
struct CompleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "__complete", abstract: "Answers kubectl.", shouldDisplay: false)

    @Argument(parsing: .captureForPassthrough) var words: [String] = []

    func run() async throws {
        let candidates = Completion.candidates(for: words, below: KubectlCert.self)
        var lines = candidates.words
        if let kind = candidates.objects { lines += await ClusterNames.names(kind, words, prefix: words.last ?? "") }
        // Directive 4: no file names.
        Console.write((lines + [":4"]).map { $0 + "\n" }.joined())
    }
}
