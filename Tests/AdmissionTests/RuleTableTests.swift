import Admission
import PKI
import SystemPackage
import TestSupport
import Testing
import Wire
import YAML

/// Holds docs/rules.md to what the schema and the webhook do.
@Suite("docs/rules.md")
struct RuleTableTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var kind: String
        var isChange: Bool
        var rule: String
        var also: String
        var example: JSONValue
        var testDescription: String { "\(kind): \(rule)" }
    }

    static let resources = [
        "Certificate": "certificates.cert-manager.io", "CertificateRequest": "certificaterequests.cert-manager.io",
        "Issuer": "issuers.cert-manager.io", "Order": "orders.acme.cert-manager.io",
        "Challenge": "challenges.acme.cert-manager.io",
    ]

    static func file(_ path: String) throws -> [UInt8] {
        let file = try FileDescriptor.open(FilePath("\(Testbed.repository)/\(path)"), .readOnly)
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

    static func rows() throws -> [Row] {
        try String(decoding: file("docs/rules.md"), as: UTF8.self).split(separator: "\n").compactMap { line in
            let cells = line.split(separator: " | ", maxSplits: 3).map(String.init)
            guard cells.count == 4, cells[3].hasPrefix("`"), let end = cells[3].lastIndex(of: "`") else { return nil }
            let example = cells[3][cells[3].index(after: cells[3].startIndex)..<end]
            let kind = cells[0].dropFirst(2).split(separator: ",")
            return Row(
                kind: String(kind[0]), isChange: kind.count > 1, rule: cells[1], also: cells[2],
                example: try YAMLDocuments.parse(Array(example.utf8))[0])
        }
    }

    static func schema(of kind: String) throws -> JSONValue {
        let name = try #require(resources[kind])
        let definition = try YAMLDocuments.parse(try file("crds/\(name).yaml"))[0]
        return try #require(
            definition["spec"]?["versions"]?[0]?["schema"]?["openAPIV3Schema"]?["properties"]?["spec"])
    }

    /// A spec that breaks no rule.
    static func legal(_ kind: String) async throws -> JSONValue {
        switch kind {
        case "Certificate": return Samples.certificate["spec"] ?? nil
        case "CertificateRequest":
            let request = try await Samples.request { $0.keyUsage = [.digitalSignature, .keyEncipherment] }
            return try await Samples.certificateRequest { $0["spec"]?["request"] = request }["spec"] ?? nil
        case "Order": return ACMEAdmissionTests.order["spec"] ?? nil
        case "Challenge":
            return [
                "url": "u", "authorizationURL": "a", "dnsName": "a.example", "type": "HTTP-01", "token": "t",
                "key": "k",
                "solver": ["http01": ["ingress": [:]]], "issuerRef": ["name": "ca"],
            ]
        default: return [:]
        }
    }

    static func request(_ row: Row, _ spec: JSONValue, from old: JSONValue) throws -> AdmissionRequest {
        let parts = try #require(resources[row.kind]).split(separator: ".", maxSplits: 1).map(String.init)
        func object(_ spec: JSONValue) -> JSONValue { ["metadata": ["name": "n", "namespace": "shop"], "spec": spec] }
        return row.isChange
            ? .update(parts[0], from: object(old), to: object(spec), group: parts[1])
            : .create(parts[0], object(spec), group: parts[1])
    }

    @Test(
        "the webhook and the schema take what breaks no rule",
        arguments: ["Certificate", "CertificateRequest", "Order", "Challenge"])
    func legality(kind: String) async throws {
        let spec = try await Self.legal(kind)
        #expect(SchemaReading.refusals(of: spec, by: try Self.schema(of: kind)) == [])
        let row = Row(kind: kind, isChange: false, rule: "", also: "", example: [:])
        #expect(try Self.request(row, spec, from: [:]).problemTexts == [])
    }

    @Test("each line is true", arguments: try rows())
    func line(row: Row) async throws {
        let old = try await Self.legal(row.kind)
        let spec = row.kind == "Issuer" ? row.example : old.merging(patch: row.example)
        #expect(try Self.request(row, spec, from: old).problemTexts != [], "the webhook takes it")
        let schema = try Self.schema(of: row.kind)
        let refusals = SchemaReading.refusals(of: spec, by: schema)
        switch row.also {
        case "schema": #expect(refusals != [], "the schema takes it")
        case "CEL": #expect(schema["x-kubernetes-validations"]?.arrayValue?.isEmpty == false)
        default: #expect(row.also == "no" && refusals == [], "the schema refuses it as well: \(refusals)")
        }
    }

    @Test("every rule in CEL is a line, and there are lines for every kind")
    func complete() throws {
        let rows = try Self.rows()
        for kind in Self.resources.keys {
            let rules = try Self.schema(of: kind)["x-kubernetes-validations"]?.arrayValue ?? []
            #expect(rows.filter { $0.kind == kind && $0.also == "CEL" }.count == rules.count, "\(kind)")
            #expect(rows.contains { $0.kind == kind })
        }
    }
}

/// What of OpenAPI v3 the definitions use, as the API server reads it.
enum SchemaReading {
    /// The paths at which a value does not fit.
    static func refusals(of value: JSONValue, by schema: JSONValue, at path: String = "spec") -> [String] {
        var found: [String] = []
        if let choices = schema["enum"]?.arrayValue, !choices.contains(value) { found.append(path) }
        if let choices = schema["oneOf"]?.arrayValue {
            // not a choice of ours that the webhook leaves to the schema: its own rule says it with words
            if choices.filter({ refusals(of: value, by: $0, at: path).isEmpty }).count != 1, path != "spec.venafi" {
                found.append(path)
            }
        }
        switch value {
        case .string(let text):
            let count = Int64(text.unicodeScalars.count)
            if let least = schema["minLength"]?.intValue, count < least { found.append(path) }
            if let most = schema["maxLength"]?.intValue, count > most { found.append(path) }
            if let pattern = schema["pattern"]?.stringValue, let expression = try? Regex(pattern),
                text.firstMatch(of: expression) == nil
            {
                found.append(path)
            }
        case .integer(let number):
            if let least = schema["minimum"]?.intValue, number < least { found.append(path) }
            if let most = schema["maximum"]?.intValue, number > most { found.append(path) }
        case .array(let items):
            guard let schema = schema["items"] else { break }
            for (index, item) in items.enumerated() { found += refusals(of: item, by: schema, at: "\(path)[\(index)]") }
        case .object(let members):
            for name in schema["required"]?.arrayValue ?? [] where members[name.stringValue ?? ""] == nil {
                found.append(path)
            }
            for member in members {
                guard let schema = schema["properties"]?[member.key] else { continue }
                found += refusals(of: member.value, by: schema, at: "\(path).\(member.key)")
            }
        default: break
        }
        return found
    }
}
