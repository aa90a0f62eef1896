import SystemPackage

/// Reads small files whole.
enum FileBytes {
    struct Unreadable: Error {
        var reason: String
    }

    /// At most `limit` bytes; a longer file is refused rather than cut.
    static func read(_ path: String, limit: Int = 4 << 20) throws(Unreadable) -> [UInt8] {
        do {
            let descriptor = try FileDescriptor.open(FilePath(path), .readOnly)
            return try descriptor.closeAfter {
                var bytes: [UInt8] = []
                var chunk = [UInt8](repeating: 0, count: 65_536)
                while true {
                    let count = try chunk.withUnsafeMutableBytes { try descriptor.read(into: $0) }
                    guard count > 0 else { return bytes }
                    guard bytes.count + count <= limit else {
                        throw Unreadable(reason: "it is longer than \(limit) bytes")
                    }
                    bytes += chunk[..<count]
                }
            }
        } catch let error as Unreadable {
            throw error
        } catch let error as Errno {
            throw Unreadable(reason: error.description)
        } catch {
            throw Unreadable(reason: "\(error)")
        }
    }

    /// The path, taken from the folder of `file` where it is not absolute.
    static func resolve(_ path: String, besides file: String) -> String {
        guard !path.hasPrefix("/") else { return path }
        guard let slash = file.lastIndex(of: "/") else { return path }
        return file[...slash] + path
    }
}
