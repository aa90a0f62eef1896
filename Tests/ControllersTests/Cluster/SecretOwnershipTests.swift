import CertificateAPI
import Controllers
import KubeClient
import KubeModel
import PKI
import TestSupport
import Testing
import Wire

@Suite(
    "Target Secrets are shared with others", .serialized, .enabled(if: Cluster.hasKubectl, "\(Cluster.hint)"))
struct SecretOwnershipTests {
    private static let deadline = Duration.seconds(60)

    private func secret(_ cluster: Cluster) async throws -> Secret {
        try await cluster.client.get(Secret.self, cluster.key("site-tls"))
    }

    private func patch(_ patch: JSONValue, _ cluster: Cluster, subresource: String? = nil) async throws {
        _ = try await cluster.client.mergePatch(
            patch, of: Certificate.self, cluster.key("site"), subresource: subresource)
    }

    /// As `cmctl renew` does.
    private func renew(_ cluster: Cluster) async throws {
        let status = try await cluster.client.get(Certificate.self, cluster.key("site")).status
        let asked = status?.conditions.setting(
            Condition(type: "Issuing", status: .yes, reason: "ManuallyTriggered"), now: .now())
        try await patch(["status": ["conditions": try JSONValue(encoding: asked)]], cluster, subresource: "status")
    }

    private func ready(_ cluster: Cluster, revision: Int) async throws {
        try await cluster.eventually("ready at revision \(revision)", within: Self.deadline) {
            try await cluster.isReady("site", revision: revision)
        }
    }

    @Test("what kubectl annotate and label add stays, through a smaller template and a renewal")
    func kubectlAdditions() async throws {
        try await Cluster.withNamespace { cluster in
            let template = "secretTemplate: {labels: {a: b, shared: x}, annotations: {c: d}}"
            try await cluster.apply(
                Manifest.all(Manifest.issuer, Manifest.certificate("site", secret: "site-tls", template)))
            try await cluster.live {
                try await ready(cluster, revision: 1)
                try await cluster.kubectl(["annotate", "secret", "site-tls", "reloader.example/match=true"])
                try await cluster.kubectl(["label", "secret", "site-tls", "theirs=yes"])
                try await patch(
                    ["spec": ["secretTemplate": ["labels": ["a": nil], "annotations": nil]]], cluster)
                let labels = ["shared": "x", "theirs": "yes", "controller.cert-manager.io/fao": "true"]
                func isAsWanted() async throws -> Bool {
                    let metadata = try await secret(cluster).metadata
                    return metadata.labels == labels && metadata.annotations?["c"] == nil
                        && metadata.annotations?["reloader.example/match"] == "true"
                }
                try await cluster.eventually("only the template's keys are gone", within: Self.deadline) {
                    try await isAsWanted()
                }
                try await renew(cluster)
                try await ready(cluster, revision: 2)
                #expect(try await isAsWanted())
                try await patch(["spec": ["secretTemplate": nil]], cluster)
                try await cluster.eventually("the last of the template is gone", within: Self.deadline) {
                    try await secret(cluster).metadata.labels
                        == ["theirs": "yes", "controller.cert-manager.io/fao": "true"]
                }
            }
        }
    }

    @Test("a Secret that cert-manager applied goes on: not issued anew, its template's keys removed, then renewed")
    func takenOver() async throws {
        try await Cluster.withNamespace { cluster in
            let template = "secretTemplate: {labels: {a: b, keep: k}, annotations: {c: d}}"
            try await cluster.apply(
                Manifest.all(Manifest.issuer, Manifest.certificate("site", secret: "site-tls", template)))
            try await cluster.live { try await ready(cluster, revision: 1) }
            let before = try await secret(cluster)
            try await cluster.kubectl(["delete", "secret", "site-tls"])
            var applied: JSONValue = ["apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls"]
            applied["metadata"] = [
                "name": "site-tls", "labels": try JSONValue(encoding: before.metadata.labels),
                "annotations": try JSONValue(encoding: before.metadata.annotations),
            ]
            applied["data"] = try JSONValue(encoding: before.data)
            try await cluster.kubectl(
                [
                    "apply", "--server-side", "--force-conflicts",
                    "--field-manager=cert-manager-certificates-issuing", "-f", "-",
                ], input: String(decoding: applied.serialized(), as: UTF8.self))
            try await cluster.live {
                try await patch(
                    ["spec": ["secretTemplate": ["labels": ["a": nil], "annotations": nil]]], cluster)
                try await cluster.eventually("the template's keys are gone", within: Self.deadline) {
                    let metadata = try await secret(cluster).metadata
                    return metadata.labels == ["keep": "k", "controller.cert-manager.io/fao": "true"]
                        && metadata.annotations?["c"] == nil
                }
                #expect(try await secret(cluster).data == before.data)
                try await ready(cluster, revision: 1)
                try await renew(cluster)
                try await ready(cluster, revision: 2)
                #expect(try await secret(cluster)["tls.crt"] != before["tls.crt"])
            }
        }
    }

    /// A CA's key pair as the Secret `ca`.
    private func authority(_ name: String, _ cluster: Cluster) async throws -> (certificate: [UInt8], secret: JSONValue)
    {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var extensions = CertificateExtensions()
        extensions.basicConstraints = BasicConstraints(isCA: true)
        extensions.keyUsage = [.certSign]
        let template = CertificateTemplate(
            subject: try DistinguishedName(commonName: name), publicKey: key.publicKey,
            notBefore: .now() - .seconds(60), notAfter: .now() + .seconds(365 * 86400), extensions: extensions)
        let pem = Array(try await template.signed(by: nil, key: key).pem.utf8)
        let data: JSONValue = [
            "tls.crt": .string(Base64.encode(pem)), "tls.key": .string(Base64.encode(try key.pem(.pkcs8))),
        ]
        return (pem, ["data": data])
    }

    @Test("a CA that is rotated leaves the certificates it signed; their next renewal brings its new ca.crt")
    func rotatedCA() async throws {
        try await Cluster.withNamespace { cluster in
            let (old, new) = (try await authority("old", cluster), try await authority("new", cluster))
            try await cluster.apply(
                Manifest.all(
                    "apiVersion: cert-manager.io/v1\nkind: Issuer\nmetadata: {name: self}\nspec: {ca: {secretName: ca}}",
                    "apiVersion: v1\nkind: Secret\nmetadata: {name: ca}", Manifest.certificate()))
            _ = try await cluster.client.mergePatch(old.secret, of: Secret.self, cluster.key("ca"))
            try await cluster.live {
                try await ready(cluster, revision: 1)
                #expect(try await secret(cluster)["ca.crt"] == old.certificate)
                _ = try await cluster.client.mergePatch(new.secret, of: Secret.self, cluster.key("ca"))
                // What is mended after the rotation has been looked at after it.
                try await patch(["spec": ["secretTemplate": ["labels": ["after": "rotation"]]]], cluster)
                try await cluster.eventually("looked at", within: Self.deadline) {
                    try await secret(cluster).metadata.labels?["after"] == "rotation"
                }
                #expect(try await cluster.isReady("site", revision: 1))
                #expect(try await secret(cluster)["ca.crt"] == old.certificate)
                // The watch that tells of the new key pair may be behind: then one more renewal is asked for.
                var revision = 1
                try await cluster.eventually("signed by the new CA", within: Self.deadline) {
                    guard try await cluster.isReady("site", revision: revision) else { return false }
                    if try await secret(cluster)["ca.crt"] == new.certificate { return true }
                    revision += 1
                    try await renew(cluster)
                    return false
                }
            }
        }
    }
}
