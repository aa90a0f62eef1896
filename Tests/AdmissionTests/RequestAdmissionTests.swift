import CertificateAPI
import PKI
import TestSupport
import Testing
import Wire

@testable import Admission

@Suite("Admission of CertificateRequests")
struct RequestAdmissionTests {
    static let resource = "certificaterequests"

    @Test("a new request is stamped with who asks, whatever it claims")
    func stamping() async throws {
        let claimed = try await Samples.certificateRequest { $0["spec"]?["username"] = "root" }
        #expect(
            Mutation.patch(.create(Self.resource, claimed))
                == [["op": "add", "path": "/spec/username", "value": "jane"]])
        let bare = try await Samples.certificateRequest { object in
            for field in ["username", "uid", "groups", "extra"] { object["spec"]?[field] = nil }
        }
        #expect(
            Mutation.patch(.create(Self.resource, bare)) == [
                ["op": "add", "path": "/spec/username", "value": "jane"],
                ["op": "add", "path": "/spec/uid", "value": "u-1"],
                ["op": "add", "path": "/spec/groups", "value": ["devs", "system:authenticated"]],
                ["op": "add", "path": "/spec/extra", "value": ["scopes": ["a", "b"]]],
            ])
        var anonymous = AdmissionRequest.create(Self.resource, claimed)
        anonymous.user = UserInfo(username: "system:anonymous")
        #expect(
            Mutation.patch(anonymous) == [
                ["op": "add", "path": "/spec/username", "value": "system:anonymous"],
                ["op": "remove", "path": "/spec/uid"], ["op": "remove", "path": "/spec/groups"],
                ["op": "remove", "path": "/spec/extra"],
            ])
        #expect(Mutation.patch(.update(Self.resource, from: claimed, to: claimed)) == [])
        #expect(Mutation.patch(.create("certificates", Samples.certificate)) == [])
    }

    @Test("the patch travels in base64 under its type")
    func patchForm() async throws {
        let claimed = try await Samples.certificateRequest { $0["spec"]?["username"] = "root" }
        let bytes = try AdmissionService.scripted().service.mutate(
            AdmissionRequest.create(Self.resource, claimed).review.serialized())
        let response = try #require(try JSONValue(parsing: bytes)["response"])
        #expect(response["patchType"] == "JSONPatch")
        let patch = try #require(Base64.decode(response["patch"]?.stringValue ?? ""))
        #expect(try JSONValue(parsing: patch) == [["op": "add", "path": "/spec/username", "value": "jane"]])
    }

    @Test("a new request must be legible, signed, and say of itself what its spec says")
    func creation() async throws {
        func texts(_ change: (inout JSONValue) -> Void) async throws -> [String] {
            AdmissionRequest.create(Self.resource, try await Samples.certificateRequest(change)).problemTexts
        }
        #expect(try await texts { _ in } == [])
        #expect(
            try await texts { $0["spec"]?["request"] = "" } == ["spec.request: Required value: must be specified"])
        #expect(
            try await texts { $0["spec"]?["request"] = "bm9uc2Vuc2U=" }.first?.hasPrefix(
                "spec.request: Invalid value: \"<snip>\": failed to decode csr: ") == true)
        #expect(
            try await texts { $0["spec"]?["usages"] = ["flying"] }
                == ["spec.usages[0]: Invalid value: \"flying\": unknown keyusage"])
        #expect(
            try await texts { $0["spec"]?["username"] = "root" }
                == ["spec.username: Forbidden: username identity must be that of the requester"])
        #expect(
            try await texts { $0["spec"]?["groups"] = ["system:masters"] }
                == ["spec.groups: Forbidden: groups identity must be that of the requester"])
        let authority = try await Samples.request { $0.basicConstraints = BasicConstraints(isCA: true) }
        #expect(
            try await texts { $0["spec"]?["request"] = authority } == [
                "spec.request: Invalid value: \"<snip>\": encoded CA property (true) does not match spec.isCA (false)"
            ])
        let usage = try await Samples.request {
            $0.keyUsage = [.digitalSignature]
            $0.extendedKeyUsage = [.serverAuth]
        }
        #expect(try await texts { $0["spec"]?["request"] = usage }.count == 2)
        #expect(
            try await texts {
                $0["spec"]?["request"] = usage
                $0["spec"]?["usages"] = ["signing", "server auth"]
            } == [])
    }

    @Test("a signature that is not the key's is found")
    func forged() async throws {
        let request = try await Samples.certificateRequest()
        let pem = try #require(Base64.decode(request["spec"]?["request"]?.stringValue ?? ""))
        var der = try #require(try PEM.parse(pem).first).bytes
        der[der.count - 1] ^= 1
        let forged = Base64.encode(Array(PEM.encode("CERTIFICATE REQUEST", der).utf8))
        let texts = AdmissionRequest.create(
            Self.resource, try await Samples.certificateRequest { $0["spec"]?["request"] = .string(forged) }
        ).problemTexts
        #expect(texts.count == 1)
        #expect(texts.first?.contains("failed to decode csr") == true)
    }

    @Test("spec, our annotations and what was decided never change")
    func immutability() async throws {
        let old = try await Samples.certificateRequest {
            $0["metadata"]?["annotations"] = ["cert-manager.io/certificate-name": "site", "mine": "1"]
            $0["status"] = Samples.conditions("Approved")
        }
        func texts(_ change: (inout JSONValue) -> Void) -> [String] {
            var new = old
            change(&new)
            return AdmissionRequest.update(Self.resource, from: old, to: new).problemTexts
        }
        #expect(texts { $0["metadata"]?["annotations"]?["mine"] = "2" } == [])
        #expect(
            texts { $0["spec"]?["issuerRef"]?["name"] = "other" }
                == ["spec: Forbidden: cannot change spec after creation; make a new CertificateRequest"])
        #expect(
            texts { $0["metadata"]?["annotations"]?["cert-manager.io/certificate-name"] = nil } == [
                "metadata.annotations[cert-manager.io/certificate-name]: Forbidden: cannot change cert-manager"
                    + " annotation after creation"
            ])
        #expect(texts { $0["metadata"]?["annotations"]?["acme.cert-manager.io/x"] = "y" }.count == 1)
        #expect(
            texts { $0["status"] = Samples.conditions() }
                == ["status.conditions: Forbidden: 'Approved' condition may not be modified once set"])
        #expect(
            texts { $0["status"] = Samples.conditions("Approved", "Denied") }
                == ["status.conditions: Forbidden: both 'Denied' and 'Approved' conditions cannot coexist"])
    }

    @Test("Approved and Denied are only ever True, and there once")
    func decisions() async throws {
        let old = try await Samples.certificateRequest()
        func texts(_ status: JSONValue) -> [String] {
            var new = old
            new["status"] = status
            return AdmissionRequest.update(Self.resource, from: old, to: new, subresource: "status").problemTexts
        }
        #expect(texts(Samples.conditions("Denied")) == [])
        #expect(
            texts(Samples.conditions("Denied", status: "False"))
                == ["status.conditions: Invalid value: \"False\": 'Denied' condition may only be set to 'True'"])
        #expect(
            texts(Samples.conditions("Approved", "Approved"))
                == ["status.conditions: Forbidden: multiple 'Approved' conditions present"])
    }
}
