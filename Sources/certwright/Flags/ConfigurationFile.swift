import SystemPackage
import Wire
import YAML

/// Reads the file that `--config` names: every field in it is a flag by another name.
enum ConfigurationFile {
    struct Problem: Error, Equatable, CustomStringConvertible {
        var description: String
    }

    private static let sizeLimit = 1 << 20

    /// The arguments, with those that the file makes right behind the command's name: of a flag given twice the last
    /// counts, so what stands on the command line wins.
    static func expanded(_ arguments: [String]) throws(Problem) -> [String] {
        guard let path = path(in: arguments), let command = arguments.firstIndex(where: { !$0.hasPrefix("-") }),
            let program = Program(rawValue: arguments[command])
        else { return arguments }
        let made: [String]
        do {
            made = try self.arguments(from: try read(path), for: program)
        } catch {
            throw Problem(description: "--config=\(path): \(error.description)")
        }
        return Array(arguments[...command]) + made + arguments[(command + 1)...]
    }

    /// The flags that a file for `program` amounts to, in its order.
    static func arguments(from bytes: [UInt8], for program: Program) throws(Problem) -> [String] {
        let documents: [JSONValue]
        do throws(YAMLError) {
            documents = try YAMLDocuments.parse(bytes)
        } catch {
            throw Problem(description: "the file is no YAML: \(error.description).")
        }
        guard documents.count == 1, let document = documents.first, let fields = document.objectValue else {
            throw Problem(description: "the file must hold one object.")
        }
        let table = ConfigurationFields(program)
        let kind = (document["apiVersion"]?.stringValue ?? "", document["kind"]?.stringValue ?? "")
        guard kind == (table.apiVersion, table.kind) else {
            throw Problem(
                description: """
                    the file must say apiVersion: \(table.apiVersion) and kind: \(table.kind) to be for \
                    certwright \(program.rawValue).
                    """)
        }
        var arguments: [String] = []
        for member in fields where !["apiVersion", "kind"].contains(member.key) {
            try append(member.value, at: member.key, table, to: &arguments)
        }
        return arguments
    }

    private static func append(
        _ value: JSONValue, at path: String, _ table: ConfigurationFields, to arguments: inout [String]
    ) throws(Problem) {
        if let field = table.fields[path] {
            // As in Go, what is empty is what is not there.
            if let text = try field.text(of: value, at: path) { arguments.append("--\(field.flag)=\(text)") }
        } else if table.isSection(path) {
            if value == .null { return }
            guard let members = value.objectValue else {
                throw Problem(description: "\(path) must be an object; it is \(value.kindName).")
            }
            for member in members { try append(member.value, at: "\(path).\(member.key)", table, to: &arguments) }
        } else if !table.ignored.contains(path) {
            throw Problem(
                description: "\(path) is not a field of \(table.kind). docs/flags.md names those that are.")
        }
    }

    private static func path(in arguments: [String]) -> String? {
        let own = arguments.prefix { $0 != "--" }
        var path: String?
        for (index, argument) in own.enumerated() {
            if argument.hasPrefix("--config=") {
                path = String(argument.dropFirst("--config=".count))
            } else if argument == "--config", index + 1 < own.count {
                path = own[index + 1]
            }
        }
        return path
    }

    private static func read(_ path: String) throws(Problem) -> [UInt8] {
        do {
            let file = try FileDescriptor.open(FilePath(path), .readOnly)
            return try file.closeAfter {
                var bytes: [UInt8] = []
                var chunk = [UInt8](repeating: 0, count: 65_536)
                while true {
                    let count = try chunk.withUnsafeMutableBytes { try file.read(into: $0) }
                    guard count > 0 else { return bytes }
                    bytes += chunk[..<count]
                    guard bytes.count <= sizeLimit else {
                        throw Problem(description: "the file has more than \(sizeLimit) bytes.")
                    }
                }
            }
        } catch let problem as Problem {
            throw problem
        } catch {
            throw Problem(description: "the file cannot be read: \(error).")
        }
    }
}
