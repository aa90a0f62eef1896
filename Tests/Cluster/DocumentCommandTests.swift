import ArgumentParser
import Subprocess
import SystemPackage
import TestSupport
import Testing
import Wire

@testable import certwright
@testable import kubectl_cert

/// The commands in the documentation, as somebody who copies them would run them.
@Suite("commands in README.md and docs/")
struct DocumentCommandTests {
    @Test("every block is a script that a shell can read")
    func shell() async throws {
        let blocks = try await Documents.blocks()
        #expect(blocks.count > 25)
        for block in blocks {
            let result = try await Subprocess.run(
                .name("bash"), arguments: ["-n"], input: try .file(of: block.text),
                output: .string(limit: 4096),
                error: .string(limit: 4096))
            #expect(result.terminationStatus.isSuccess, "\(block.document): \(result.standardError)")
        }
    }

    @Test("every block is one that scripts/check-docs runs, or names with the reason why not")
    func run() async throws {
        let script = try Documents.text("scripts/check-docs").split { $0.isWhitespace }.map(String.init)
        let named = Set(zip(script, script.dropFirst()).map { "\($0) \($1)" })
        var numbers: [String: Int] = [:]
        for block in try await Documents.blocks() {
            let number = numbers[block.document, default: 0] + 1
            numbers[block.document] = number
            #expect(named.contains("\(block.document) \(number)"), "\(block.text)")
        }
    }

    @Test("every command of kubectl cert and of certwright is one that they take, flags and all")
    func ours() async throws {
        var count = 0
        for (document, words) in try await Documents.commands() {
            do {
                if let arguments = words.arguments(of: "kubectl-cert") {
                    _ = try KubectlCert.parseAsRoot(ArgumentOrder.normalised(arguments))
                } else if let arguments = words.arguments(of: "certwright") {
                    _ = try Certwright.parseAsRoot(SwitchSyntax.rewritten(arguments))
                } else {
                    continue
                }
                count += 1
            } catch {
                Issue.record("\(document): \(words.joined(separator: " ")): \(KubectlCert.message(for: error))")
            }
        }
        #expect(count > 30)
    }

    @Test("every script is there, can be run, and tells of the flags that it is given")
    func scripts() async throws {
        for (document, words) in try await Documents.commands() {
            guard let script = words.first, script.hasPrefix("scripts/") else { continue }
            let text = try Documents.text(script)
            #expect(text.hasPrefix("#!"), "\(document): \(script)")
            for flag in words.dropFirst() where flag.hasPrefix("--") {
                #expect(text.contains(flag), "\(document): \(script) does not know \(flag)")
            }
        }
    }

    @Test("every file of this repository that is named is there")
    func files() async throws {
        let folders = ["crds", "manifests", "charts", "examples", "docs", "Tests", "scripts"]
        for (document, words) in try await Documents.commands() {
            for word in words {
                let path = word.split(separator: "/").first.map(String.init) ?? ""
                guard folders.contains(path), word.contains("/") || word == "crds" else { continue }
                #expect(Documents.exists(word), "\(document): \(word)")
            }
        }
    }

    @Test(
        "the chart takes every value that is set",
        .enabled(if: TestPrograms.find("helm") != nil, "no helm: scripts/testbed/fetch-tools provides it"))
    func values() async throws {
        let helm = try #require(TestPrograms.find("helm"))
        let sets = try await Documents.commands().filter { $0.words.first == "helm" }
        #expect(sets.count >= 6)
        for (document, words) in sets {
            var arguments = ["template", "certwright", "charts/certwright", "--namespace", "cert-manager"]
            for (index, word) in words.enumerated() where word == "--set" && index + 1 < words.count {
                arguments += ["--set", words[index + 1]]
            }
            let result = try await Subprocess.run(
                .path(FilePath(helm)), arguments: Arguments(arguments),
                workingDirectory: FilePath(Testbed.repository), output: .string(limit: 8 << 20),
                error: .string(limit: 1 << 16))
            #expect(result.terminationStatus.isSuccess, "\(document): \(result.standardError)")
            #expect(result.standardOutput.contains("kind: Deployment"))
        }
    }

    /// What only looks, and is quick. The objects of the examples are not there: that is answered with 1.
    private static let harmless: Set<String> = [
        "status", "list", "why", "account show", "version", "completion", "inspect secret",
    ]

    @Test(
        "what only looks can be run against a cluster",
        .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"), .timeLimit(.minutes(3)))
    func running() async throws {
        var count = 0
        for (document, words) in try await Documents.commands() {
            guard let arguments = words.arguments(of: "kubectl-cert"), let first = arguments.first,
                Self.harmless.contains(first) || Self.harmless.contains(arguments.prefix(2).joined(separator: " "))
            else { continue }
            let outcome = try await KubectlCertCommandTests.run(arguments)
            #expect([0, 1].contains(outcome.code), "\(document): \(arguments): \(outcome.complaint)")
            #expect(!(outcome.output + outcome.complaint).isEmpty)
            count += 1
        }
        #expect(count > 8)
    }
}

/// What the documentation holds in blocks marked `sh`.
private enum Documents {
    struct Block {
        var document: String
        var text: String
    }

    static func text(_ path: String) throws -> String {
        let file = try FileDescriptor.open(FilePath("\(Testbed.repository)/\(path)"), .readOnly)
        return try file.closeAfter {
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0) }
                if count == 0 { return String(decoding: bytes, as: UTF8.self) }
                bytes += buffer[..<count]
            }
        }
    }

    static func exists(_ path: String) -> Bool {
        guard let file = try? FileDescriptor.open(FilePath("\(Testbed.repository)/\(path)"), .readOnly) else {
            return false
        }
        try? file.close()
        return true
    }

    static func blocks() async throws -> [Block] {
        let found = try await Subprocess.run(
            .name("find"), arguments: ["README.md", "docs", "charts", "-name", "*.md"],
            workingDirectory: FilePath(Testbed.repository), output: .string(limit: 1 << 20))
        var blocks: [Block] = []
        for document in found.standardOutput.split(separator: "\n").map(String.init).sorted() {
            var open: [Substring]?
            for line in try text(document).split(separator: "\n", omittingEmptySubsequences: false) {
                let bare = line.drop { $0 == " " }
                if var lines = open {
                    if bare.hasPrefix("```") {
                        blocks.append(Block(document: document, text: lines.joined(separator: "\n") + "\n"))
                        open = nil
                    } else {
                        lines.append(line)
                        open = lines
                    }
                } else if bare == "```sh" || bare == "```bash" {
                    open = []
                }
            }
        }
        return blocks
    }

    /// Every simple command of every block, its words as a shell would hand them over.
    static func commands() async throws -> [(document: String, words: [String])] {
        try await blocks().flatMap { block in
            ShellWords.commands(in: block.text).map { (block.document, $0) }
        }
    }
}

extension [String] {
    /// The words behind a program of ours, whichever way it is called; nil for another command.
    fileprivate func arguments(of program: String) -> [String]? {
        if program == "kubectl-cert", starts(with: ["kubectl", "cert"]) { return Array(dropFirst(2)) }
        guard let first, first == program || first.hasSuffix("/\(program)") else { return nil }
        return Array(dropFirst())
    }
}

/// As much of a shell's grammar as the documentation uses: quotes, comments, continued lines, here-documents, redirections,
/// and `source <(…)`, whose command counts.
private enum ShellWords {
    static func commands(in text: String) -> [[String]] {
        var commands: [[String]] = []
        var words: [String] = []
        var word: String?
        var skipsNext = false
        func endWord() {
            if let done = word {
                if skipsNext { skipsNext = false } else { words.append(done) }
            }
            word = nil
        }
        func endCommand() {
            endWord()
            if !words.isEmpty { commands.append(words) }
            words = []
        }
        var terminator: String?
        for line in text.joinedLines {
            if let end = terminator {
                if line.drop(while: { $0 == " " }) == end { terminator = nil }
                continue
            }
            var quote: Character?
            for character in line {
                if let open = quote {
                    if character == open { quote = nil } else { word = (word ?? "") + String(character) }
                    continue
                }
                switch character {
                case "'", "\"":
                    quote = character
                    word = word ?? ""
                case " ", "\t": endWord()
                case "|", ";", "&", "(", ")": endCommand()
                case ">", "<":
                    endWord()
                    // Where it goes to is no word of the command's.
                    skipsNext = character == ">" || line.contains("<<")
                default: word = (word ?? "") + String(character)
                }
                if word == "#" {
                    word = nil
                    break
                }
            }
            if let here = line.ranges(of: "<<").first {
                terminator = line[here.upperBound...].filter { $0.isLetter }
            }
            endCommand()
            skipsNext = false
        }
        return commands
    }
}

extension String {
    /// Lines, those that end in a backslash with the next.
    fileprivate var joinedLines: [String] {
        var lines: [String] = []
        var open = ""
        for line in split(separator: "\n") {
            if line.hasSuffix("\\") {
                open += line.dropLast()
            } else {
                lines.append(open + line)
                open = ""
            }
        }
        return lines
    }
}
