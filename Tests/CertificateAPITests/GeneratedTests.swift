import Subprocess
import SystemPackage
import Testing

@Suite("crds/ is what scripts/crd writes")
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
        _ = try await Subprocess.run(.name("rm"), arguments: ["-r", folder], output: .discarded)
    }
}
