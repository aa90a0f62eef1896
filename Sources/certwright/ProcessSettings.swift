import KubeClient
import KubeRuntime
import Operations
import Wire

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// What concerns the process as a whole.
enum ProcessSettings {
    /// A connection that the other side closed must not end the process.
    static func apply() {
        signal(SIGPIPE, SIG_IGN)
        ProcessMemory.settle()
        ProcessMetrics.begin()
    }

    static let environment: ClusterConfiguration.Environment = { name in
        getenv(name).map { String(cString: $0) }
    }

    /// Who holds the lease of `program`: this process and no other.
    static func identity(of program: String) -> String {
        var name = [CChar](repeating: 0, count: 256)
        let host =
            gethostname(&name, name.count - 1) == 0
            ? String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) : "unknown"
        let tail = String(UInt32.random(in: .min ... .max), radix: 16)
        return "\(host)-external-\(program)-\(tail)"
    }

    /// The namespace of the pod this runs in; nil outside a pod.
    static var podNamespace: String? {
        guard let file = fopen("\(ClusterConfiguration.serviceAccountFolder)/namespace", "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, Int32(line.count), file) != nil else { return nil }
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return text.split(whereSeparator: \.isWhitespace).first.map(String.init)
    }

    /// A leader that has not renewed for that long beyond the lease's duration is stuck, and is better started again.
    static func staleLease(_ election: LeaderElection, _ flags: LeaderElectionFlags, grace: GoDuration) -> String? {
        guard election.isLeading, let since = election.timeSinceRenewal else { return nil }
        let limit = flags.leaderElectionLeaseDuration.duration + grace.duration
        return since > limit ? "The lease was last renewed \(since.components.seconds) s ago." : nil
    }
}
