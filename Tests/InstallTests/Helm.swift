import Subprocess
import SystemPackage
import TestSupport
import Wire
import YAML

/// The chart, and the helm that renders it.
enum Helm {
    /// The folder of the whole project.
    static let project = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    static let chart = project + "/charts/certwright"
    static let isAvailable = TestPrograms.find("helm") != nil
    static let hint = "no helm: scripts/testbed/fetch-tools provides it"

    struct Refusal: Error, CustomStringConvertible {
        var description: String
    }

    /// `helm template` as text; a `Refusal` says what helm said.
    static func text(_ arguments: [String], release: String = "certwright") async throws -> String {
        let standard = ["template", release, chart, "--namespace", "cert-manager"]
        let result = try await Tool.run("helm", standard + arguments)
        guard result.succeeded else { throw Refusal(description: result.errors) }
        return result.output
    }

    /// The objects that `helm install` would make.
    static func objects(_ arguments: [String] = [], release: String = "certwright") async throws -> [JSONValue] {
        try YAMLDocuments.parse(Array(try await text(arguments, release: release).utf8)).filter { $0 != .null }
    }

    /// A file of the project.
    static func file(_ path: String) throws -> [UInt8] { try file(absolute: "\(project)/\(path)") }

    static func file(absolute path: String) throws -> [UInt8] {
        let file = try FileDescriptor.open(FilePath(path), .readOnly)
        return try file.closeAfter {
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65536)
            while true {
                let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0) }
                if count == 0 { return bytes }
                bytes += buffer[..<count]
            }
        }
    }
}

/// A command that runs to its end.
enum Tool {
    struct Result: Sendable {
        var succeeded: Bool
        var output: String
        var errors: String
    }

    static func run(_ program: String, _ arguments: [String], input: String = "") async throws -> Result {
        guard let path = TestPrograms.find(program) else { throw TestServerError("\(program) is not installed") }
        let result = try await Subprocess.run(
            .path(FilePath(path)), arguments: Arguments(arguments), input: try .file(of: input),
            output: .string(limit: 8 << 20), error: .string(limit: 1 << 20))
        return Result(
            succeeded: result.terminationStatus.isSuccess, output: result.standardOutput, errors: result.standardError)
    }
}

extension [JSONValue] {
    func named(_ kind: String, _ name: String? = nil) -> JSONValue? {
        first { $0["kind"]?.stringValue == kind && (name == nil || $0["metadata"]?["name"]?.stringValue == name) }
    }

    var names: Set<String> {
        Set(
            compactMap { object in
                guard let kind = object["kind"]?.stringValue, let name = object["metadata"]?["name"]?.stringValue else {
                    return nil
                }
                return "\(kind)/\(name)"
            })
    }

    /// The controller's container; the ACME server has a Deployment of its own in every layout.
    var container: JSONValue? {
        let deployment = first {
            $0["kind"] == "Deployment" && $0["metadata"]?["labels"]?["app.kubernetes.io/component"] == "controller"
        }
        return deployment?["spec"]?["template"]?["spec"]?["containers"]?[0]
    }

    var flags: [String] { container?["args"]?.arrayValue?.compactMap(\.stringValue) ?? [] }
}
