import KubeModel
import SystemPackage
import Wire
import YAML

/// Files that the user names.
enum Files {
    /// The whole file, of standard input for "-".
    static func read(_ path: String, limit: Int = 16 << 20) throws -> [UInt8] {
        do {
            if path == "-" { return try bytes(of: .standardInput, path, limit) }
            let descriptor = try FileDescriptor.open(FilePath(path), .readOnly)
            return try descriptor.closeAfter { try bytes(of: descriptor, path, limit) }
        } catch let error as Errno {
            throw CommandFailure("\(path) cannot be read: \(error.description)", code: CommandFailure.cluster)
        }
    }

    private static func bytes(of descriptor: FileDescriptor, _ path: String, _ limit: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = try chunk.withUnsafeMutableBytes { try descriptor.read(into: $0) }
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
            guard bytes.count <= limit else {
                throw CommandFailure("\(path) is longer than \(limit) bytes", code: CommandFailure.cluster)
            }
        }
    }

    /// Makes the file; one that is there stays as it is, and that is an error.
    static func create(_ path: String, _ bytes: [UInt8], isSecret: Bool) throws {
        do {
            let file = try FileDescriptor.open(
                FilePath(path), .writeOnly, options: [.create, .exclusiveCreate],
                permissions: isSecret ? .ownerReadWrite : [.ownerReadWrite, .groupRead, .otherRead])
            try file.closeAfter { _ = try file.writeAll(bytes) }
        } catch let error as Errno {
            throw CommandFailure("\(path) cannot be written: \(error.description)", code: CommandFailure.cluster)
        }
    }

    /// The same for a file, or every .yaml and .yml file of a folder in the order of their names.
    static func objects(in path: String) throws -> [JSONValue] {
        guard let names = Folder.files(path) else { return try objects(path) }
        let chosen = names.filter { $0.hasSuffix(".yaml") || $0.hasSuffix(".yml") }.sorted()
        if chosen.isEmpty { throw CommandFailure("\(path) holds no YAML files", code: CommandFailure.cluster) }
        return try chosen.flatMap { try objects("\(path)/\($0)") }
    }

    /// Every object of a YAML or JSON file, those of Lists one by one.
    static func objects(_ path: String) throws -> [JSONValue] {
        let bytes = try read(path)
        let documents: [JSONValue]
        do throws(YAMLError) {
            documents = try YAMLDocuments.parse(bytes)
        } catch {
            throw CommandFailure("\(path): \(error)", code: CommandFailure.cluster)
        }
        return documents.flatMap { document -> [JSONValue] in
            document["kind"]?.stringValue?.hasSuffix("List") == true ? document["items"]?.arrayValue ?? [] : [document]
        }
    }
}
