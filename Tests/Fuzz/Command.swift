#if !LIBFUZZER
import ArgumentParser
import Glibc
import Subprocess
import SystemPackage

@main
struct Fuzz: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certwright-fuzz",
        abstract: "Gives every reader of untrusted bytes inputs that nobody would send on purpose.",
        subcommands: [Run.self, List.self, One.self, Work.self])
}

struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Prints the readers.")

    func run() { for target in FuzzTarget.all { print(target.name) } }
}

struct InputOptions: ParsableArguments {
    @Option(help: "How many inputs; the seeds and the kept corpus come first.") var inputs = 10_000
    @Option(help: "Another seed makes other inputs.") var seed: UInt64 = 1
    @Option(help: "A folder of kept inputs: in it a folder for each reader.") var corpus: String?

    func mutator(_ target: FuzzTarget) throws -> Mutator {
        let kept = try corpus.map { try Corpus.read("\($0)/\(target.name)") } ?? []
        return Mutator(parents: target.seeds() + kept, dictionary: target.dictionary, seed: seed)
    }
}

func target(_ name: String) throws -> FuzzTarget {
    guard let target = FuzzTarget.named(name) else {
        throw ValidationError(
            "There is no reader \(name). Known: \(FuzzTarget.all.map(\.name).joined(separator: ", ")).")
    }
    return target
}

/// Each reader's inputs run in a child, because a trap ends the process.
struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs inputs, and says which of them traps, hangs, takes too much memory or breaks a promise.")

    @Argument(help: "The readers; all when none is named.") var names: [String] = []
    @OptionGroup var options: InputOptions
    @Option(help: "Where an input that fails is kept.") var keep = "."

    func run() async throws {
        var failures = 0
        for target in try names.isEmpty ? FuzzTarget.all : names.map({ try certwright_fuzz.target($0) }) {
            let start = ContinuousClock.now
            if let failure = try await attempt(target) {
                failures += 1
                print("✘ \(target.name): \(failure)")
            } else {
                let time = ContinuousClock.now - start
                print("✔ \(target.name): \(options.inputs) inputs in \(time.components.seconds) s")
            }
        }
        if failures > 0 { throw ExitCode(1) }
    }

    private func attempt(_ target: FuzzTarget) async throws -> String? {
        let path = "/tmp/certwright-fuzz-\(getpid())-\(target.name)"
        defer { unlink(path) }
        guard let progress = Progress(path: path) else { throw ValidationError("\(path) cannot be made.") }
        var arguments = [
            "work", target.name, "--inputs", "\(options.inputs)", "--seed", "\(options.seed)", "--progress", path,
        ]
        if let corpus = options.corpus { arguments += ["--corpus", corpus] }
        let result = try await Subprocess.run(
            .path("/proc/self/exe"), arguments: Arguments(arguments), output: .discarded,
            error: .string(limit: 1 << 20))
        guard !result.terminationStatus.isSuccess else { return nil }
        let number = progress.number
        let file = "\(keep)/\(target.name)-\(number)"
        try Corpus.write(try options.mutator(target).input(number), to: file)
        let why =
            switch result.terminationStatus {
            case .signaled(let signal) where signal == SIGPROF: "used \(Worker.secondsOfCPU) s of processor time"
            case .signaled(let signal): "ended the process (signal \(signal))"
            default: "failed"
            }
        let words = result.standardError.split(separator: "\n").prefix(4).joined(separator: "\n  ")
        return "input \(number), kept as \(file), \(why)\n  \(words)"
    }
}

struct One: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Runs one kept input in this process.")

    @Argument(help: "The reader.") var name: String
    @Argument(help: "The input's file.") var file: String

    func run() throws {
        try target(name).run(try Corpus.bytes(file))
    }
}

struct Work: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs one reader's inputs in this process; `run` starts it.", shouldDisplay: false)

    @Argument var name: String
    @OptionGroup var options: InputOptions
    @Option var progress: String

    func run() throws {
        let target = try target(name)
        guard let progress = Progress(path: progress) else { throw ValidationError("No progress file.") }
        let code = Worker(target: target, mutator: try options.mutator(target)).run(
            0..<options.inputs, progress: progress)
        throw ExitCode(code)
    }
}
#endif
