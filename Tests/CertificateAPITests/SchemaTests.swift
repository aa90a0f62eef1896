import CertificateAPI
import KubeModel
import SystemPackage
import Testing
import Wire
import YAML

/// Holds the schemas in crds/ and the Swift models to the same fields.
@Suite("Schemas and models agree")
struct SchemaTests {
    @Test("every field of the schema survives decoding and encoding, and every Swift field is in the schema")
    func certificates() throws { try expectAgreement(Certificate.self) }

    @Test("CertificateRequest")
    func certificateRequests() throws {
        try expectAgreement(CertificateRequest.self, swiftOnly: ["status.conditions[0].observedGeneration"])
    }

    @Test("Issuer")
    func issuers() throws { try expectAgreement(Issuer.self) }

    @Test("ClusterIssuer")
    func clusterIssuers() throws { try expectAgreement(ClusterIssuer.self) }

    @Test("Order")
    func orders() throws { try expectAgreement(Order.self) }

    @Test("Challenge")
    func challenges() throws { try expectAgreement(Challenge.self) }

    @Test("an empty object decodes, so that its owner can be told what is missing")
    func emptySpecs() throws {
        let bare: JSONValue = ["metadata": ["name": "a", "namespace": "b"]]
        #expect(
            try bare.decode(Certificate.self).problems.map(\.path.text).prefix(2) == [
                "spec.secretName", "spec.issuerRef.name",
            ])
        #expect(try bare.decode(CertificateRequest.self).spec.request.bytes == [])
    }

    private func expectAgreement<Object: KubeObject & Equatable>(
        _ type: Object.Type, swiftOnly: Set<String> = []
    ) throws {
        let resource = Object.resource
        let definition = try #require(try CRD.named("\(resource.plural).\(resource.group)"))
        #expect(definition["spec"]?["group"]?.stringValue == resource.group)
        #expect(definition["spec"]?["names"]?["kind"]?.stringValue == resource.kind)
        #expect(definition["spec"]?["scope"]?.stringValue == (resource.isNamespaced ? "Namespaced" : "Cluster"))
        let version = try #require(definition["spec"]?["versions"]?[0])
        #expect(version["name"]?.stringValue == resource.version)
        let schema = try #require(version["schema"]?["openAPIV3Schema"])
        var example = CRD.example(of: schema)
        example["metadata"] = ["name": "example"]
        let object = try example.decode(Object.self)
        var encoded = try JSONValue(encoding: object)
        encoded["apiVersion"] = example["apiVersion"]
        encoded["kind"] = example["kind"]
        #expect(CRD.differences(example, encoded) == [])
        var empty: [String] = []
        Reflection.walk(object, "") { empty.append($0) }
        #expect(Set(empty.filter { !$0.hasPrefix("metadata.") }) == swiftOnly)
    }
}

/// The definitions in crds/.
enum CRD {
    static let folder = "\(#filePath)".split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/crds"

    static func named(_ name: String) throws -> JSONValue? {
        try YAMLDocuments.parse(try bytes("\(folder)/\(name).yaml")).first
    }

    static func bytes(_ path: String) throws -> [UInt8] {
        let file = try FileDescriptor.open(FilePath(path), .readOnly)
        return try file.closeAfter {
            var bytes: [UInt8] = []
            while true {
                let part = try [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
                    count = try unsafe file.read(into: UnsafeMutableRawBufferPointer(buffer))
                }
                if part.isEmpty { return bytes }
                bytes += part
            }
        }
    }

    /// An instance with every field set.
    static func example(of schema: JSONValue) -> JSONValue {
        if schema["x-kubernetes-preserve-unknown-fields"]?.boolValue == true { return ["anything": [1, "two"]] }
        if schema["x-kubernetes-int-or-string"]?.boolValue == true { return "64Mi" }
        if let choices = schema["enum"]?.arrayValue { return choices[0] }
        switch schema["type"]?.stringValue {
        case "object"?:
            if let value = schema["additionalProperties"] { return ["some-key": example(of: value)] }
            var object: JSONValue = [:]
            for member in schema["properties"]?.objectValue ?? [:] { object[member.key] = example(of: member.value) }
            return object
        case "array"?: return .array([schema["items"].map(example) ?? nil])
        case "boolean"?: return true
        case "integer"?: return 7
        default: break
        }
        switch schema["format"]?.stringValue {
        case "date-time"?: return "2026-01-02T03:04:05Z"
        case "byte"?: return "YWJj"
        default: return "text"
        }
    }

    /// Where two values differ.
    static func differences(_ one: JSONValue, _ other: JSONValue, at path: String = "") -> [String] {
        if let a = one.objectValue, let b = other.objectValue {
            return Set(a.keys).union(b.keys).sorted().flatMap { key -> [String] in
                guard let left = a[key], let right = b[key] else { return ["\(path).\(key)"] }
                return differences(left, right, at: "\(path).\(key)")
            }
        }
        if let a = one.arrayValue, let b = other.arrayValue, a.count == b.count {
            return zip(a, b).enumerated().flatMap { differences($1.0, $1.1, at: "\(path)[\($0)]") }
        }
        return one == other ? [] : [path]
    }
}

/// Looks into any value.
enum Reflection {
    /// Names every optional that is nil and every collection that is empty.
    static func walk(_ value: Any, _ path: String, _ report: (String) -> Void) {
        if value is JSONValue || value is Base64Data || value is Timestamp { return }
        let mirror = Mirror(reflecting: value)
        switch mirror.displayStyle {
        case .optional?:
            guard let inner = mirror.children.first else { return report(path) }
            walk(inner.value, path, report)
        case .collection?:
            if mirror.children.isEmpty { report(path) }
            for (index, child) in mirror.children.enumerated() { walk(child.value, "\(path)[\(index)]", report) }
        case .dictionary?: if mirror.children.isEmpty { report(path) }
        case .struct?, .class?:
            for child in mirror.children {
                walk(child.value, path.isEmpty ? child.label ?? "" : "\(path).\(child.label ?? "")", report)
            }
        default: break
        }
    }
}
