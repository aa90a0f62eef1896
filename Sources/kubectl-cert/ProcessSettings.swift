import KubeClient

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

enum Folder {
    /// The names in a folder; nil for what is none.
    static func files(_ path: String) -> [String]? {
        guard let directory = opendir(path) else { return nil }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}

/// What concerns the process as a whole.
enum ProcessSettings {
    static let environment: ClusterConfiguration.Environment = { name in
        getenv(name).map { String(cString: $0) }
    }

    /// A connection that the other side closed must not end the process.
    static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }

    static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }
}
