import CertificateAPI
import Subprocess
import SystemPackage
import TestSupport
import Testing
import Wire
import YAML

@Suite("crds/ and docs/api.md are what scripts/crd writes")
struct GeneratedTests {
    static let names = [
        "certificates.cert-manager.io", "certificaterequests.cert-manager.io", "issuers.cert-manager.io",
        "clusterissuers.cert-manager.io", "orders.acme.cert-manager.io", "challenges.acme.cert-manager.io",
    ]

    @Test("running the generator changes nothing")
    func current() async throws {
        let folder = "/tmp/certwright-crds-\(UInt64.random(in: 0 ... .max))"
        let script = CRD.folder + "/../scripts/crd/generate.py"
        let run = try await Subprocess.run(
            .name("python3"), arguments: [script, folder], output: .string(limit: 65536), error: .string(limit: 65536))
        #expect(run.terminationStatus.isSuccess, "\(run.standardError)")
        for name in Self.names {
            let written = try CRD.bytes("\(folder)/\(name).yaml")
            #expect(
                written == (try CRD.bytes("\(CRD.folder)/\(name).yaml")), "run scripts/crd/generate.py: \(name) differs"
            )
        }
        #expect(
            try CRD.bytes("\(folder)/api.md") == CRD.bytes("\(CRD.folder)/../docs/api.md"),
            "run scripts/crd/generate.py: docs/api.md differs")
        _ = try await Subprocess.run(.name("rm"), arguments: ["-r", folder], output: .discarded)
    }

    @Test(
        "every rule in CEL accepts what it should and refuses what it should",
        .enabled(if: TestPrograms.find("cel") != nil, "no CEL runtime: scripts/testbed/fetch-tools provides one"))
    func rules() async throws {
        let script = CRD.folder + "/../scripts/crd/check_rules.py"
        let run = try await Subprocess.run(
            .name("python3"), arguments: [script, try #require(TestPrograms.find("cel"))],
            output: .string(limit: 65536), error: .string(limit: 65536))
        #expect(run.terminationStatus.isSuccess, "\(run.standardError)")
    }

    @Test("docs/api.md shows every kind by an example that is legal")
    func examples() throws {
        let text = String(decoding: try CRD.bytes("\(CRD.folder)/../docs/api.md"), as: UTF8.self)
        var kinds: [String] = []
        for part in text.split(separator: "```yaml\n").dropFirst() {
            let yaml = part.prefix(upTo: part.firstRange(of: "```")?.lowerBound ?? part.endIndex)
            let object = try #require(try YAMLDocuments.parse(Array(yaml.utf8)).first)
            let kind = object["kind"]?.stringValue ?? ""
            kinds.append(kind)
            switch kind {
            case "Certificate": #expect(try object.decode(Certificate.self).problems == [])
            case "CertificateRequest": _ = try object.decode(CertificateRequest.self)
            case "Issuer": #expect(try object.decode(Issuer.self).spec.ca != nil)
            case "ClusterIssuer": #expect(try object.decode(ClusterIssuer.self).spec.acme?.solvers?.count == 2)
            case "CertificatePolicy": #expect(try object.decode(CertificatePolicy.self).problems() == [])
            case "Order": _ = try object.decode(Order.self)
            case "Challenge": _ = try object.decode(Challenge.self)
            default: Issue.record("\(kind)")
            }
        }
        #expect(
            kinds == [
                "Certificate", "CertificateRequest", "Issuer", "ClusterIssuer", "CertificatePolicy", "Order",
                "Challenge",
            ])
    }
}
