import TestSupport
import Testing
import Wire
import YAML

@Suite("the custom resource definitions in the chart", .enabled(if: Helm.isAvailable, "\(Helm.hint)"))
struct DefinitionTests {
    static let names = [
        "certificates.cert-manager.io", "certificaterequests.cert-manager.io", "issuers.cert-manager.io",
        "clusterissuers.cert-manager.io", "orders.acme.cert-manager.io", "challenges.acme.cert-manager.io",
    ]
    static let kind = "CustomResourceDefinition"

    @Test("what is made from crds/ and the chart is current, and the chart renders what the goldens say")
    func current() async throws {
        let result = try await Tool.run("bash", ["\(Helm.project)/scripts/manifests", "--check"])
        #expect(result.succeeded, "\(result.errors)")
    }

    @Test("they are there only when asked for")
    func none() async throws {
        #expect(try await Helm.objects().named(Self.kind) == nil)
    }

    @Test("they are those of crds/, kept when the release goes", arguments: ["crds.enabled=true", "installCRDs=true"])
    func equal(value: String) async throws {
        let objects = try await Helm.objects(["--set", value, "--kube-version", "1.30"])
        for name in Self.names {
            let definition = try #require(objects.named(Self.kind, name))
            let source = try YAMLDocuments.parse(try Helm.file("crds/\(name).yaml"))
            #expect(definition["spec"] == source[0]["spec"], "\(name)")
            #expect(definition["metadata"]?["annotations"]?["helm.sh/resource-policy"] == "keep")
        }
    }

    @Test("they carry the labels that everything carries, and go with the release when told to")
    func labels() async throws {
        let objects = try await Helm.objects([
            "--set", "crds.enabled=true,crds.keep=false,global.commonLabels.team=pki", "--kube-version", "1.30",
        ])
        for name in Self.names {
            let metadata = try #require(objects.named(Self.kind, name)?["metadata"])
            #expect(metadata["labels"]?["team"] == "pki")
            #expect(metadata["labels"]?["app.kubernetes.io/name"] == "certwright")
            #expect(metadata["annotations"] == nil)
        }
    }

    @Test("a Kubernetes that knows neither selectable fields nor rules in CEL gets none, and loses nothing else")
    func old() async throws {
        let objects = try await Helm.objects(["--set", "crds.enabled=true", "--kube-version", "1.20"])
        for name in Self.names {
            let spec = try #require(objects.named(Self.kind, name)?["spec"])
            let source = try YAMLDocuments.parse(try Helm.file("crds/\(name).yaml"))[0]
            var version = try #require(source["spec"]?["versions"]?[0]?.objectValue)
            version["selectableFields"] = nil
            let expected = Self.withoutRules(.object(version))
            #expect(spec["versions"] == [expected], "\(name)")
        }
    }

    /// As an API server before 1.25 keeps it.
    private static func withoutRules(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let items): return .array(items.map(withoutRules))
        case .object(let members):
            var kept = JSONObject()
            for member in members where member.key != "x-kubernetes-validations" {
                kept[member.key] = withoutRules(member.value)
            }
            return .object(kept)
        default: return value
        }
    }
}
