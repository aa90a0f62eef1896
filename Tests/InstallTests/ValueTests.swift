import TestSupport
import Testing
import Wire
import YAML

/// No value is ignored: the two files in the chart's `ci` folder set every value that the schema knows, each text in them
/// is found in what they render, and each switch makes a difference.
@Suite("values of the chart", .enabled(if: Helm.isAvailable, "\(Helm.hint)"))
struct ValueTests {
    static let files = ["ci/everything-values.yaml", "ci/otherwise-values.yaml"]

    static func values(_ file: String) throws -> JSONValue {
        try YAMLDocuments.parse(try Helm.file("charts/certwright/\(file)"))[0]
    }

    static func schema() throws -> JSONValue {
        try JSONValue(parsing: try Helm.file("charts/certwright/values.schema.json"))
    }

    /// The paths of every value that the schema knows, such as `image.tag`.
    static func paths(in schema: JSONValue, under prefix: String = "") -> [String: JSONValue] {
        guard let properties = schema["properties"]?.objectValue else {
            return [String(prefix.dropLast()): schema]
        }
        var found: [String: JSONValue] = [:]
        for member in properties {
            found.merge(paths(in: member.value, under: prefix + member.key + ".")) { $1 }
        }
        return found
    }

    static func value(_ path: String, of values: JSONValue) -> JSONValue? {
        path.split(separator: ".").reduce(values) { $0?[String($1)] }
    }

    @Test("the two files set every value that the schema knows")
    func complete() throws {
        let files = try Self.files.map { try Self.values($0) }
        for path in Self.paths(in: try Self.schema()).keys {
            #expect(files.contains { Self.value(path, of: $0) != nil }, "no file sets \(path)")
        }
    }

    @Test("values.yaml sets or explains every value that the schema knows, and no other")
    func documented() throws {
        let text = String(decoding: try Helm.file("charts/certwright/values.yaml"), as: UTF8.self)
        for path in Self.paths(in: try Self.schema()).keys {
            let name = path.split(separator: ".").last.map(String.init) ?? path
            #expect(text.contains("\(name):"), "values.yaml does not say \(path)")
        }
    }

    @Test("each text and number of the files is found in what they render", arguments: files)
    func found(file: String) async throws {
        let text = try await Helm.text(["-f", "\(Helm.chart)/\(file)"])
        for leaf in Self.leaves(of: try Self.values(file)) where !leaf.contains("{{") {
            #expect(text.contains(leaf), "\(file) says \(leaf), and nothing comes of it")
        }
    }

    /// Without the value that another one in the same file overrides, and those that say nothing to the cluster.
    private static func leaves(of values: JSONValue, under path: String = "") -> [String] {
        let exceptions = ["creator", "global.runtimeClassName", "extraObjects"]
        if exceptions.contains(path) { return [] }
        switch values {
        case .string(let text): return [text]
        case .integer(let number): return ["\(number)"]
        case .array(let items): return items.flatMap { leaves(of: $0, under: path) }
        case .object(let members):
            return members.flatMap { leaves(of: $0.value, under: path.isEmpty ? $0.key : "\(path).\($0.key)") }
        default: return []
        }
    }

    @Test("each switch makes a difference", arguments: files)
    func switches(file: String) async throws {
        let values = try Self.values(file)
        let common = ["-f", "\(Helm.chart)/\(file)"]
        let before = try await Helm.text(common)
        for (path, schema) in Self.paths(in: try Self.schema()) where schema["type"] == "boolean" {
            // a parent chart's condition; what crds.enabled switches; a monitor that is off; two at once
            if ["enabled", "crds.keep"].contains(path) { continue }
            guard let set = Self.value(path, of: values)?.boolValue else { continue }
            let after = try await Helm.text(common + ["--set", "\(path)=\(!set)"])
            #expect(after != before, "\(path)=\(!set) changes nothing")
        }
    }

    @Test(
        "what this chart does not implement is refused by name",
        arguments: [
            ("webhook.replicaCount=2", "webhook"), ("featureGates=A=true", "featureGates"), ("config.a=b", "config"),
            ("logLevel=2", "logLevel"), ("global.loglevel=2", "global.loglevel"),
            ("startupapicheck.enabled=true", "/startupapicheck/enabled"),
            ("cainjector.replicaCount=2", "replicaCount"), ("acmesolver.image.pullPolicy=Always", "pullPolicy"),
            ("global.podSecurityPolicy.enabled=true", "/global/podSecurityPolicy/enabled"),
        ])
    func refused(setting: String, name: String) async {
        await #expect {
            try await Helm.text(["--set", setting])
        } throws: {
            "\($0)".contains(name)
        }
    }

    @Test(
        "what contradicts itself is refused",
        arguments: [
            ("installCRDs=true,crds.enabled=true", "installCRDs is the old name of crds.enabled"),
            (
                "prometheus.servicemonitor.enabled=true,prometheus.podmonitor.enabled=true",
                "prometheus.podmonitor.enabled"
            ),
            ("podDisruptionBudget.minAvailable=1,podDisruptionBudget.maxUnavailable=1", "not both"),
        ])
    func contradictions(settings: String, part: String) async {
        await #expect {
            try await Helm.text(["--set", settings])
        } throws: {
            "\($0)".contains(part)
        }
    }
}
