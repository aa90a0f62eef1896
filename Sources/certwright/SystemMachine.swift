import DNSProviders
import Glibc
import SystemPackage

/// The environment and files of this process, where clouds leave credentials.
struct SystemMachine: MachineSource {
    private static let longestFile = 1 << 20

    func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    func file(_ path: String) -> [UInt8]? {
        // A file that cannot be read is one that is not there: the provider says which it wanted.
        guard let descriptor = try? FileDescriptor.open(FilePath(path), .readOnly) else { return nil }
        return try? descriptor.closeAfter {
            var octets: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 16_384)
            while octets.count <= Self.longestFile {
                let count = try chunk.withUnsafeMutableBytes { try descriptor.read(into: $0) }
                if count == 0 { return octets }
                octets += chunk[..<count]
            }
            return nil
        }
    }
}
