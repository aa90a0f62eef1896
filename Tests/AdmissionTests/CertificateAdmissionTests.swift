import Admission
import CertificateAPI
import Testing
import Wire

@Suite("Admission of Certificates")
struct CertificateAdmissionTests {
    func certificate(_ change: (inout JSONValue) -> Void) -> JSONValue {
        var object = Samples.certificate
        var spec = object["spec"] ?? [:]
        change(&spec)
        object["spec"] = spec
        return object
    }

    @Test("a change of anything but the spec is not held against the spec")
    func ratchet() {
        let wrong = certificate { $0["secretName"] = "" }
        var labelled = wrong
        labelled["metadata"]?["labels"] = ["a": "b"]
        #expect(AdmissionRequest.update("certificates", from: wrong, to: labelled).problemTexts == [])
        let worse = certificate { $0["secretName"] = "UPPER" }
        #expect(AdmissionRequest.update("certificates", from: wrong, to: worse).problemTexts.count == 1)
    }

    @Test("an object that cannot be read is refused by field, unless only its metadata changes")
    func unreadable() {
        let broken = certificate { $0["dnsNames"] = "site.example" }
        #expect(
            AdmissionRequest.create("certificates", broken).problemTexts
                == ["spec.dnsNames: Invalid value: <snip>: expected an array, found a string"])
        var labelled = broken
        labelled["metadata"]?["finalizers"] = []
        #expect(AdmissionRequest.update("certificates", from: broken, to: labelled).problemTexts == [])
    }

    @Test("what is legal and unwise is said in a warning")
    func warnings() {
        func warnings(_ change: (inout JSONValue) -> Void) -> [String] {
            Validation.judge(.create("certificates", certificate(change))).warnings
        }
        #expect(warnings { _ in } == [])
        #expect(
            warnings { $0["renewBefore"] = "1h" } == [
                "spec.renewBefore: renewal begins only 1h0m0s before the certificate expires; a few failed attempts would"
                    + " let it expire"
            ])
        #expect(
            warnings {
                $0["duration"] = "100h"
                $0["renewBefore"] = "95h"
            } == [
                "spec.renewBefore: the certificate would be renewed 5h0m0s after it was issued; an issuer that gives"
                    + " shorter lifetimes would be asked without end"
            ])
        #expect(
            warnings { $0["renewBeforePercentage"] = 2 }.first?.hasPrefix("spec.renewBeforePercentage: renewal begins")
                == true)
        #expect(
            warnings { $0["privateKey"] = ["algorithm": "Ed25519", "size": 256] }
                == ["spec.privateKey.size: is ignored, because Ed25519 keys have one size"])
    }

    @Test("an issuer that is missing, or cannot prove a wildcard, is a warning and no refusal")
    func issuers() async throws {
        let wild = AdmissionRequest.create("certificates", certificate { $0["dnsNames"] = ["*.site.example"] })
        func warnings(_ sighting: IssuerSighting) async -> AdmissionAnswer {
            await AdmissionService.scripted(issuer: sighting).service.answer(wild)
        }
        #expect(await warnings(.unknown) == .allowed)
        #expect(
            await warnings(.missing).warnings == [
                "spec.issuerRef: there is no Issuer \"ca\" in namespace shop yet; nothing is issued until it exists"
            ])
        let http = try #require(try Samples.acme(solver: ["http01": ["ingress": [:]]])["spec"]?.decode(IssuerSpec.self))
        #expect(
            await warnings(.found(http)).warnings == [
                "spec.dnsNames: \"*.site.example\" is a wildcard, which only DNS-01 can prove, and every solver of Issuer"
                    + " \"ca\" uses HTTP-01; add a dns01 solver"
            ])
        let dns = try #require(
            try Samples.dns01("rfc2136", ["nameserver": "192.0.2.1"])["spec"]?.decode(IssuerSpec.self))
        #expect(await warnings(.found(dns)) == .allowed)
    }
}
