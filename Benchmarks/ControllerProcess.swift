import Subprocess
import SystemPackage
import Wire

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// What the kernel says of the controller's process: memory and processor time (proc(5)).
struct ProcessReading: Sendable {
    var cpuSeconds = 0.0
    var residentKiB = 0
    var anonymousKiB = 0
    var peakKiB = 0

    static func of(_ pid: Int32) -> ProcessReading? {
        guard let status = File.text("/proc/\(pid)/status"), let stat = File.text("/proc/\(pid)/stat") else {
            return nil
        }
        var reading = ProcessReading()
        for line in status.split(separator: "\n") {
            let fields = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            guard fields.count >= 2, let value = Int(fields[1]) else { continue }
            switch fields[0] {
            case "VmRSS:": reading.residentKiB = value
            case "RssAnon:": reading.anonymousKiB = value
            case "VmHWM:": reading.peakKiB = value
            default: break
            }
        }
        // Behind the command in parentheses: state is field 3, utime 14, stime 15, in clock ticks.
        guard let close = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: close)...].split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return nil }
        reading.cpuSeconds = (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
        return reading
    }

    /// Sets the peak back to the present size (proc(5), clear_refs 5).
    static func resetPeak(of pid: Int32) {
        guard let file = fopen("/proc/\(pid)/clear_refs", "w") else { return }
        fputs("5", file)
        fclose(file)
    }
}

enum File {
    static func text(_ path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// The controller under measurement, started by us so that its first moment is known; ended by its own pid.
final class ControllerProcess: Sendable {
    let pid: Int32

    /// Starts `command` (words separated by spaces) with its output appended to `logPath`.
    init(command: String, logPath: String) throws(BenchmarkError) {
        let words = command.split(separator: " ").map(String.init)
        guard let program = words.first else { throw .usage("--controller is empty.") }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 1, logPath, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var child = pid_t()
        let result = posix_spawn(&child, program, &actions, nil, &arguments, environ)
        guard result == 0 else { throw .start(program, String(cString: strerror(result))) }
        pid = child
    }

    func stop() {
        kill(pid, SIGTERM)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
    }
}

enum BenchmarkError: Error, CustomStringConvertible {
    case usage(String)
    case start(String, String)
    case timeout(String)
    case failed(String, String)

    var description: String {
        switch self {
        case .usage(let text): text
        case .start(let program, let why): "The controller \(program) did not start: \(why)."
        case .timeout(let what): "Gave up waiting for \(what)."
        case .failed(let name, let why): "The certificate \(name) failed, so that there is nothing to measure: \(why)"
        }
    }
}
