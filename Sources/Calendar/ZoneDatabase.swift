import Glibc
import Synchronization
import SystemPackage

/// The IANA time zones of this machine, each read once when it is first asked for.
///
/// What it answers is a constant of the installation, as the program itself is: decisions may ask it.
package final class ZoneDatabase: Sendable {
    /// The folder that `TZDIR` names, else /usr/share/zoneinfo.
    package static let system = ZoneDatabase(folder: environment("TZDIR") ?? "/usr/share/zoneinfo")

    /// Why there is no such zone, as a sentence's end.
    package struct Unknown: Error, Sendable, Hashable, CustomStringConvertible {
        package let description: String
    }

    private static let maximumFileSize = 1 << 18
    private let folder: String
    private let known = Mutex<[String: Zone]>([:])

    package init(folder: String) {
        self.folder = folder
    }

    /// The zone of a name such as `Europe/Berlin`. The empty name and `UTC` need no file.
    package func zone(_ name: String) throws(Unknown) -> Zone {
        if name.isEmpty || name == "UTC" { return .utc }
        if let zone = known.withLock({ $0[name] }) { return zone }
        guard Self.isName(name) else {
            throw Unknown(description: "must be the name of a time zone in the IANA database, such as Europe/Berlin")
        }
        let zone: Zone
        do throws(ZoneFile.Malformed) {
            zone = try ZoneFile.parse(try read("\(folder)/\(name)"), name: name)
        } catch {
            throw Unknown(
                description:
                    "is not in the time zone database at \(folder): \(error); use a name such as Europe/Berlin,"
                    + " and see that the package tzdata is installed")
        }
        // Only names of files come here, so there are no more of them than the database has.
        known.withLock { $0[name] = zone }
        return zone
    }

    /// Letters, digits and `_+-`, in parts between slashes: it cannot lead out of the folder.
    private static func isName(_ name: String) -> Bool {
        name.utf8.count <= 64
            && name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
                !part.isEmpty
                    && part.utf8.allSatisfy { byte in
                        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF) || "_+-".utf8.contains(byte)
                    }
            }
    }

    private func read(_ path: String) throws(ZoneFile.Malformed) -> [UInt8] {
        do {
            let descriptor = try FileDescriptor.open(FilePath(path), .readOnly)
            return try descriptor.closeAfter {
                var bytes: [UInt8] = []
                var chunk = [UInt8](repeating: 0, count: 16_384)
                while bytes.count < Self.maximumFileSize {
                    let count = try chunk.withUnsafeMutableBytes { try descriptor.read(into: $0) }
                    guard count > 0 else { return bytes }
                    bytes += chunk[..<count]
                }
                throw ZoneFile.Malformed(reason: "its file is longer than \(Self.maximumFileSize) bytes")
            }
        } catch let error as ZoneFile.Malformed {
            throw error
        } catch let error as Errno {
            throw ZoneFile.Malformed(reason: error.description)
        } catch {
            throw ZoneFile.Malformed(reason: "\(error)")
        }
    }

    private static func environment(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        let text = String(cString: value)
        return text.isEmpty ? nil : text
    }
}
