import Glibc
import Subprocess
import Synchronization
import SystemPackage

/// A real server that a test wanted did not do its part.
package struct TestServerError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

/// Finds the servers that tests run: first where the testbed keeps them, then in the path.
package enum TestPrograms {
    package static func find(_ name: String) -> String? {
        let variables = [
            variable("TESTBED_BIN"), variable("CERTWRIGHT_CACHE").map { $0 + "/testbed/bin" },
            variable("XDG_CACHE_HOME").map { $0 + "/certwright/testbed/bin" },
            (variable("HOME") ?? "/root") + "/.cache/certwright/testbed/bin",
        ]
        let path = (variable("PATH") ?? "/usr/bin").split(separator: ":").map(String.init)
        return (variables.compactMap(\.self) + path).map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// Runs a server, by name or by path, while `body` runs. Its output goes to `log`; it is asked to end, and after ten seconds made to.
package func withProcess<R: Sendable>(
    _ program: String, _ arguments: [String], environment: [String: String] = [:], log: String,
    _ body: () async throws -> R
) async throws -> R {
    guard let path = program.hasPrefix("/") ? program : TestPrograms.find(program) else {
        throw TestServerError("\(program) is not installed")
    }
    let output = try FileDescriptor.open(
        FilePath(log), .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
    var options = PlatformOptions()
    options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(10))]
    var variables: [Environment.Key: String?] = [:]
    for (name, value) in environment { variables[Environment.Key(stringLiteral: name)] = value }
    let outcome = try await Subprocess.run(
        .path(FilePath(path)), arguments: Arguments(arguments), environment: .inherit.updating(variables),
        platformOptions: options, input: .none,
        output: .fileDescriptor(output, closeAfterSpawningProcess: true),
        error: .combinedWithOutput
    ) { execution in
        do {
            let result = try await body()
            await execution.teardown(using: options.teardownSequence)
            return result
        } catch {
            await execution.teardown(using: options.teardownSequence)
            throw error
        }
    }
    return outcome.closureResult
}

/// Ports of the loopback address that nobody had a moment ago, all different, free for TCP and UDP.
///
/// They lie below those that the kernel gives to connections and to servers that do not mind which (32768 and up): one of
/// these may be taken by the next connection that any test opens, before the program that was told the port has opened it.
package enum FreePorts {
    private static let range = 10_000..<30_000
    /// Ports handed out before, which their servers may not have opened yet.
    private static let taken = Mutex<Set<Int>>([])

    package static func take(_ count: Int) throws -> [Int] {
        var ports: [Int] = []
        for _ in 0..<1000 * max(1, count) where ports.count < count {
            let port = Int.random(in: range)
            if isFree(port), taken.withLock({ $0.insert(port).inserted }) { ports.append(port) }
        }
        guard ports.count == count else { throw TestServerError("no \(count) free ports in \(range)") }
        return ports
    }

    private static func isFree(_ port: Int) -> Bool {
        [SOCK_STREAM, SOCK_DGRAM].allSatisfy { kind in
            let handle = socket(AF_INET, Int32(kind.rawValue), 0)
            guard handle >= 0 else { return false }
            defer { _ = close(handle) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            return withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(handle, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
        }
    }
}

/// A folder for one test server's files.
package struct TemporaryFolder: Sendable {
    package let root: String

    package init(named name: String) throws {
        var template = Array("/tmp/certwright-\(name)-XXXXXX".utf8CString)
        guard let made = template.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap { mkdtemp($0) } }) else {
            throw TestServerError("no temporary folder: errno \(errno)")
        }
        root = String(cString: made)
    }

    package func path(_ name: String) -> String { "\(root)/\(name)" }

    package func write(_ name: String, _ bytes: [UInt8]) throws {
        let file = try FileDescriptor.open(
            FilePath(path(name)), .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
        try file.closeAfter { _ = try file.writeAll(bytes) }
    }

    package func text(_ name: String) throws -> String {
        let file = try FileDescriptor.open(FilePath(path(name)), .readOnly)
        return try file.closeAfter {
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65536)
            while true {
                let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0) }
                if count == 0 { return String(decoding: bytes, as: UTF8.self) }
                bytes += buffer[..<count]
            }
        }
    }

    /// Removes the folder with everything in it.
    package func remove() { Self.remove(root) }

    private static func remove(_ folder: String) {
        guard let directory = opendir(folder) else { return }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name != ".", name != ".." else { continue }
            // What is no file, nor a link to one, is a folder.
            if unlink("\(folder)/\(name)") != 0 { remove("\(folder)/\(name)") }
        }
        closedir(directory)
        rmdir(folder)
    }
}
