import CertificateAPI
import Controllers
import KubeClient
import KubeModel
import PKI
import TestSupport
import Testing
import Wire

@Suite("Outputs on a real API server", .serialized, .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"))
struct OutputClusterTests {
    private func live(_ cluster: Cluster, _ body: () async throws -> Void) async throws {
        let client = cluster.client(over: cluster.transport)
        let namespace = cluster.namespace
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    try await CertificateLife().run(client, namespace)
                } catch {
                    guard Task.isCancelled else { throw error }
                }
            }
            try await body()
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    private func secret(_ cluster: Cluster) async throws -> Secret {
        try await cluster.client.get(Secret.self, cluster.key("site-tls"))
    }

    private func patch(_ spec: JSONValue, _ cluster: Cluster) async throws {
        _ = try await cluster.client.mergePatch(["spec": spec], of: Certificate.self, cluster.key("site"))
    }

    private func opens(_ secret: Secret, _ password: String, alias: String, _ profile: PKCS12.Profile) async -> Bool {
        guard let password = try? KeystorePassword(Array(password.utf8)), let jks = secret["keystore.jks"],
            let pkcs12 = secret["keystore.p12"], let trust = secret["truststore.p12"], let pem = secret["tls.key"],
            let key = try? PrivateKey(pem: pem).publicKey, let java = try? JKS.read(jks, password),
            let file = try? await PKCS12.read(pkcs12, password), let trusted = try? await PKCS12.read(trust, password)
        else { return false }
        return java.contents.key?.publicKey == key && java.alias == alias && java.authorityAliases == ["ca"]
            && file.contents.key?.publicKey == key && file.profile == profile && trusted.contents.authorities.count == 1
    }

    @Test("keystores wait for their password, follow it, profile and alias, and go; the certificate stays")
    func keystores() async throws {
        try await Cluster.withNamespace { cluster in
            let reference: JSONValue = ["create": true, "passwordSecretRef": ["name": "p", "key": "pw"]]
            try await cluster.apply(
                Manifest.all(
                    Manifest.issuer,
                    Manifest.certificate(
                        "site", secret: "site-tls",
                        "keystores: {jks: {create: true, passwordSecretRef: {name: p, key: pw}},"
                            + " pkcs12: {create: true, passwordSecretRef: {name: p, key: pw}}}"
                            + "\n  additionalOutputFormats: [{type: DER}, {type: CombinedPEM}]")))
            try await live(cluster) {
                try await cluster.eventually("the password is missed") {
                    let certificate = try await cluster.client.get(Certificate.self, cluster.key("site"))
                    return certificate.status?.conditions[type: "Issuing"]?.reason == "KeystorePasswordSecretNotFound"
                }
                try await cluster.apply(
                    "{apiVersion: v1, kind: Secret, metadata: {name: p}, data: {pw: Zmlyc3Q=}}")
                try await cluster.eventually("ready") { try await cluster.isReady("site", revision: 1) }
                let first = try await secret(cluster)
                #expect(await opens(first, "first", alias: "certificate", .legacyRC2))
                let key = try PrivateKey(pem: first["tls.key"] ?? [])
                #expect(first["key.der"] == (try key.der(.pkcs1)))
                #expect(first["tls-combined.pem"] == (first["tls.key"] ?? []) + [0x0A] + (first["tls.crt"] ?? []))

                try await cluster.apply(
                    "{apiVersion: v1, kind: Secret, metadata: {name: p}, data: {pw: c2Vjb25k}}")
                try await cluster.eventually("the new password opens them") {
                    await opens(try await secret(cluster), "second", alias: "certificate", .legacyRC2)
                }
                var changed = reference
                changed["profile"] = "Modern2023"
                var named = reference
                named["alias"] = "Web"
                try await patch(["keystores": ["jks": named, "pkcs12": changed]], cluster)
                try await cluster.eventually("profile and alias are new") {
                    await opens(try await secret(cluster), "second", alias: "web", .modern2023)
                }
                #expect(try await secret(cluster)["tls.crt"] == first["tls.crt"])
            }
            // Another process, which learns from managed fields alone what is ours.
            try await patch(
                ["keystores": nil, "additionalOutputFormats": nil, "privateKey": ["encoding": "PKCS8"]], cluster)
            try await live(cluster) {
                try await cluster.eventually("only what is wanted is left") {
                    (try await secret(cluster).data ?? [:]).keys.sorted() == ["ca.crt", "tls.crt", "tls.key"]
                }
                try await cluster.eventually("still ready") { try await cluster.isReady("site", revision: 1) }
            }
        }
    }
}
