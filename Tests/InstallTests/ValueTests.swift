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
        let schema = try JSONValue(parsing: try Helm.file("charts/certwright/values.schema.json"))
        return resolved(schema, try #require(schema["definitions"]))
    }

    /// The schema with its references replaced by what they name.
    private static func resolved(_ schema: JSONValue, _ definitions: JSONValue) -> JSONValue {
        if let name = schema["$ref"]?.stringValue?.split(separator: "/").last,
            let named = definitions[String(name)]
        {
            return resolved(named, definitions)
        }
        guard case .object(let members) = schema else { return schema }
        var resolved = JSONObject()
        for member in members { resolved[member.key] = Self.resolved(member.value, definitions) }
        return .object(resolved)
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
            let isThere = text.contains(leaf)  // not in the expectation, which would show all of the text
            #expect(isThere, "\(file) says \(leaf), and nothing comes of it")
        }
    }

    /// Without the value that another one in the same file overrides, and those that say nothing to the cluster.
    private static func leaves(of values: JSONValue, under path: String = "") -> [String] {
        let exceptions = [
            "creator", "layout", "global.runtimeClassName", "extraObjects", "acmesolver.image.pullPolicy",
        ]
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

    @Test("each switch makes a difference")
    func switches() async throws {
        // a parent chart's condition; what crds.enabled switches; what is about security policies, which are gone
        let idle: Set = ["enabled", "crds.keep", "global.podSecurityPolicy.useAppArmor"]
        let switches = Self.paths(in: try Self.schema()).filter { $0.value["type"] == "boolean" }.keys
        var left = Set(switches).subtracting(idle)
        for file in Self.files {
            let values = try Self.values(file)
            let before = try await Self.rendered(file)
            try await withThrowingTaskGroup(of: (String, Bool).self) { group in
                for path in left {
                    guard let set = Self.value(path, of: values)?.boolValue else { continue }
                    left.remove(path)
                    group.addTask { (path, try await Self.rendered(file, "\(path)=\(!set)") != before) }
                }
                for try await (path, isDifferent) in group {
                    #expect(isDifferent, "changing \(path) of \(file) changes nothing")
                }
            }
        }
        #expect(left == [])
    }

    /// What helm makes of the file, or why it refuses to.
    private static func rendered(_ file: String, _ setting: String? = nil) async throws -> String {
        do {
            return try await Helm.text(["-f", "\(Helm.chart)/\(file)"] + (setting.map { ["--set", $0] } ?? []))
        } catch let refusal as Helm.Refusal {
            return refusal.description
        }
    }

    @Test(
        "what this chart does not implement is refused by name",
        arguments: [
            ("logLevel=2", "logLevel"), ("global.loglevel=2", "global.loglevel"),
            ("webhook.logLevel=2", "logLevel"), ("cainjector.hostNetwork=true", "hostNetwork"),
            ("acmesolver.image.pullPolicy=Always", "pullPolicy"), ("layout=three", "/layout"),
            ("namespaces={Team A}", "/namespaces/0"), ("webhook.timeoutSeconds=31", "/webhook/timeoutSeconds"),
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
            (
                "webhook.podDisruptionBudget.minAvailable=1,webhook.podDisruptionBudget.maxUnavailable=1",
                "webhook.podDisruptionBudget"
            ),
            ("layout=one,webhook.replicaCount=2", "webhook.replicaCount"),
            ("layout=one,cainjector.extraArgs={--v=3}", "cainjector.extraArgs"),
            ("webhook.enableClientVerification=true", "webhook.clientCAFile"),
            ("webhook.clientCAFile=/ca.pem", "webhook.enableClientVerification"),
            ("webhook.hostNetwork=true", "webhook.securePort"),
            ("namespaces={a},clusterResourceNamespace=b", "clusterResourceNamespace"),
            (
                "namespaces={a},featureGates=ExperimentalCertificateSigningRequestControllers=true",
                "CertificateSigningRequests belong to the whole cluster"
            ),
            ("image.tag=v1.19.1", "a version of cert-manager"),
            ("webhook.image.repository=quay.io/jetstack/cert-manager-webhook", "an image of cert-manager"),
        ])
    func contradictions(settings: String, part: String) async {
        await #expect {
            try await Helm.text(["--set", settings])
        } throws: {
            "\($0)".contains(part)
        }
    }
}
