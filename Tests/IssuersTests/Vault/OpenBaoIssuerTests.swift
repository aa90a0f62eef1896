import CertificateAPI
import HTTPTransport
import Issuers
import PKI
import TestSupport
import Testing
import Wire

/// A Vault issuer against a real OpenBao server, over TLS.
@Suite(
    "Vault issuers with OpenBao", .enabled(if: OpenBao.isInstalled, "bao is not installed; scripts/test installs it"))
struct OpenBaoIssuerTests {
    private let world = RemoteWorld()

    /// The server's rights for signing with role `web`, and what logs in with them.
    private func withBao(_ body: (Bench) async throws -> Void) async throws {
        try await OpenBao.run(tls: true, over: Cluster.engine) { bao in
            try await bao.write(
                "pki/roles/web",
                [
                    "allowed_domains": "example.com", "allow_subdomains": true, "max_ttl": "72h", "key_type": "any",
                    "require_cn": false,
                ])
            try await bao.write(
                "sys/policies/acl/signer",
                ["policy": "path \"pki/sign/web\" { capabilities = [\"create\", \"update\"] }"])
            try await body(Bench(bao: bao, world: world, issuers: RemoteIssuers(world.context(over: Cluster.engine))))
        }
    }

    struct Bench {
        let bao: OpenBao
        let world: RemoteWorld
        let issuers: RemoteIssuers

        func issuer(path: String = "pki/sign/web", _ change: (inout VaultIssuer) -> Void) throws -> any RemoteIssuer {
            var spec = IssuerSpec()
            var vault = VaultIssuer(auth: .init(), server: bao.url, path: path)
            vault.caBundle = bao.authority.map { Base64Data($0) }
            change(&vault)
            spec.vault = vault
            return try #require(issuers.issuer(spec, RemoteWorld.identity))
        }

        func tokenIssuer(path: String = "pki/sign/web") throws -> any RemoteIssuer {
            try issuer(path: path) { $0.auth.tokenSecretRef = .init(name: "token") }
        }

        /// A token with these policies in Secret `token`.
        func makeToken(_ policies: [String], _ options: JSONValue = [:]) async throws -> String {
            var body = options
            body["policies"] = .array(policies.map { .string($0) })
            let text = try #require(
                try await bao.write("auth/token/create", body)["auth"]?["client_token"]?.stringValue)
            world.set("token", ["token": text + "\n"])
            return text
        }

        func expectSigns(_ issuer: any RemoteIssuer) async throws {
            let ready = await issuer.check()
            #expect(ready.isReady, "\(ready.message)")
            #expect(ready.reason == "VaultVerified")
            let request = try await RemoteSamples.request()
            guard case .issued(let issued) = try await issuer.sign(request) else {
                Issue.record("not issued")
                return
            }
            #expect(issued.certificate.extensions.names == [.dns("site.example.com")])
            #expect(issued.ca?.subject.commonName == "OpenBao root")
        }
    }

    @Test("with a token: issues, issues again, shortens as the role says, and refuses what the role refuses")
    func token() async throws {
        try await withBao { bench in
            _ = try await bench.makeToken(["default", "signer"])
            let issuer = try bench.tokenIssuer()
            try await bench.expectSigns(issuer)
            try await bench.expectSigns(issuer)
            guard case .issued(let long) = try await issuer.sign(try await RemoteSamples.request(duration: "2160h"))
            else {
                Issue.record("not issued")
                return
            }
            #expect(long.notes.count == 1)
            let foreign = await issuer.outcome(try await RemoteSamples.request(["site.example.org"]))
            guard case .failure(.failed("SigningError", let message)) = foreign else {
                Issue.record("\(foreign)")
                return
            }
            #expect(message.contains("site.example.org not allowed by this role"), "\(message)")
        }
    }

    @Test("every kind of name, a chain that openssl verifies, and a CA of the engine's own choosing")
    func names() async throws {
        try await withBao { bench in
            try await bench.bao.write(
                "pki/roles/any",
                [
                    "allow_any_name": true, "enforce_hostnames": false, "allowed_uri_sans": "*", "allow_ip_sans": true,
                    "allowed_other_sans": "*", "require_cn": false, "key_type": "any",
                ])
            bench.world.set("token", ["token": OpenBao.rootToken])
            let key = try await PrivateKey.generate(.ecdsa(.p256))
            let wanted = try IssuanceRequest(try await SignerSamples.spec(key, duration: "24h"))
            let request = RemoteRequest(wanted: wanted, name: SignerSamples.name)
            guard case .issued(let issued) = try await bench.tokenIssuer(path: "pki/sign/any").sign(request) else {
                Issue.record("not issued")
                return
            }
            #expect(Set(issued.certificate.extensions.names).isSuperset(of: wanted.request.extensions.names))
            let verified = try await OpenSSLTool.run(
                ["verify", "-CAfile", "@root", "@chain"],
                files: ["root": try #require(issued.caPEM), "chain": issued.certificatePEM])
            #expect(verified.succeeded, "\(verified.output)")
        }
    }

    @Test("AppRole: one login for many certificates; a rotated secret id and a revoked token are got over")
    func appRole() async throws {
        try await withBao { bench in
            try await bench.bao.write("sys/auth/approle", ["type": "approle"])
            try await bench.bao.write(
                "auth/approle/role/cm", ["token_policies": ["default", "signer"], "token_ttl": "1h"])
            let role = try await bench.bao.read("auth/approle/role/cm/role-id")["data"]?["role_id"]?.stringValue ?? ""
            func rotate() async throws {
                let made = try await bench.bao.write("auth/approle/role/cm/secret-id")
                bench.world.set("approle", ["id": made["data"]?["secret_id"]?.stringValue ?? ""])
            }
            try await rotate()
            let issuer = try bench.issuer {
                $0.auth.appRole = .init(path: "approle", roleId: role, secretRef: .init(name: "approle", key: "id"))
            }
            try await bench.expectSigns(issuer)
            try await bench.expectSigns(issuer)
            #expect(try await Self.tokens(bench) == 1)
            // Somebody revokes what the login brought: it logs in again by itself.
            try await bench.bao.write("sys/leases/revoke-prefix/auth/approle")
            try await bench.expectSigns(issuer)
            // Another secret id is another login.
            try await rotate()
            try await bench.expectSigns(issuer)
            bench.world.set("approle", ["id": "wrong"])
            let refused = await issuer.check()
            #expect(!refused.isReady)
            #expect(refused.message.contains("spec.vault.auth.appRole"), "\(refused.message)")
            #expect(!refused.message.contains("wrong"))
        }
    }

    /// How many tokens the logins of the AppRole have.
    private static func tokens(_ bench: Bench) async throws -> Int {
        let list = try await bench.bao.read("sys/leases/lookup/auth/approle/login?list=true")
        return list["data"]?["keys"]?.arrayValue?.count ?? 0
    }

    @Test("a client certificate logs in, by name of the role or without")
    func clientCertificate() async throws {
        try await withBao { bench in
            let client = try await SignerSamples.authority(
                "client", isCA: false, from: .now() - .seconds(60)
            ) { $0.extendedKeyUsage = [.clientAuth] }
            try await bench.bao.write("sys/auth/cert", ["type": "cert"])
            try await bench.bao.write(
                "auth/cert/certs/cm",
                ["certificate": .string(client.certificate.pem), "token_policies": ["default", "signer"]])
            bench.world.set(
                "client",
                [
                    "tls.crt": client.certificate.pem,
                    "tls.key": String(decoding: try client.key.pem(.pkcs8), as: UTF8.self),
                ])
            for name in [nil, "cm"] {
                try await bench.expectSigns(
                    try bench.issuer {
                        $0.auth.clientCertificate = .init()
                        $0.auth.clientCertificate?.secretName = "client"
                        $0.auth.clientCertificate?.name = name
                    })
            }
            // The connection's own certificate serves as well, and the roots may lie in a Secret.
            bench.world.set("roots", ["ca.crt": String(decoding: bench.bao.authority ?? [], as: UTF8.self)])
            try await bench.expectSigns(
                try bench.issuer {
                    $0.auth.clientCertificate = .init()
                    $0.caBundle = nil
                    $0.caBundleSecretRef = .init(name: "roots")
                    $0.clientCertSecretRef = .init(name: "client")
                    $0.clientKeySecretRef = .init(name: "client")
                    $0.serverName = "localhost"
                })
        }
    }

    @Test("in a namespace of its own")
    func namespace() async throws {
        try await withBao { bench in
            let bao = bench.bao
            try await bao.write("sys/namespaces/team")
            try await bao.write("sys/mounts/pki", ["type": "pki"], namespace: "team")
            try await bao.write(
                "pki/root/generate/internal", ["common_name": "OpenBao root", "key_type": "ec"], namespace: "team")
            try await bao.write(
                "pki/roles/web", ["allow_any_name": true, "key_type": "any", "require_cn": false], namespace: "team")
            bench.world.set("token", ["token": OpenBao.rootToken])
            try await bench.expectSigns(
                try bench.issuer {
                    $0.auth.tokenSecretRef = .init(name: "token")
                    $0.namespace = "team"
                })
            let lost = await
                (try bench.issuer {
                    $0.auth.tokenSecretRef = .init(name: "token")
                    $0.namespace = "nobody"
                }).check()
            #expect(!lost.isReady)
        }
    }

    @Test("what is wrong is said so that one knows what to do")
    func sentences() async throws {
        try await withBao { bench in
            bench.world.set("token", nil)
            let missing = await (try bench.tokenIssuer()).check()
            #expect(missing.message == "Secret ns/token does not exist; create it")
            _ = try await bench.makeToken(["default"])
            let denied = await (try bench.tokenIssuer()).check()
            #expect(denied.reason == "VaultError")
            #expect(
                denied.message
                    == "Vault denies signing at \"pki/sign/web\" to what spec.vault.auth.tokenSecretRef logs in as; give it a "
                    + "policy with path \"pki/sign/web\" { capabilities = [\"create\", \"update\"] }")
            let token = try await bench.makeToken(["default", "signer"])
            try await bench.bao.write("auth/token/revoke", ["token": .string(token)])
            let revoked = await (try bench.tokenIssuer()).check()
            #expect(revoked.message.contains("has ended, was revoked, or its policies lack"), "\(revoked.message)")
            #expect(!revoked.message.contains(token))
            let answer = await (try bench.tokenIssuer()).outcome(try await RemoteSamples.request())
            guard case .failure(.later("VaultInitError", _, _)) = answer else {
                Issue.record("\(answer)")
                return
            }
            bench.world.set("token", ["token": OpenBao.rootToken])
            let role = await (try bench.tokenIssuer(path: "pki/sign/none")).check()
            #expect(
                role.message.contains("The role of spec.vault.path \"pki/sign/none\" does not exist"), "\(role.message)"
            )
            let path = await (try bench.tokenIssuer(path: "nowhere/sign/web")).check()
            #expect(path.message.contains("is the PKI engine enabled there?"), "\(path.message)")
            let untrusted = await
                (try bench.issuer {
                    $0.auth.tokenSecretRef = .init(name: "token")
                    $0.caBundle = nil
                }).check()
            #expect(untrusted.message.contains("no secure connection could be made"), "\(untrusted.message)")
        }
    }

    @Test("a token that runs out is renewed in time; a sealed server is waited for")
    func rotationAndSeal() async throws {
        try await withBao { bench in
            let token = try await bench.makeToken(["default", "signer"], ["ttl": "1h", "renewable": true])
            let issuer = try bench.tokenIssuer()
            func left() async throws -> Int64 {
                let found = try await bench.bao.write("auth/token/lookup", ["token": .string(token)])
                return found["data"]?["ttl"]?.intValue ?? 0
            }
            // Half an hour before its end it is left alone, and looked at in time.
            let first = await issuer.check()
            #expect(try #require(first.lookAgain) <= .now() + .seconds(1800))
            try await bench.bao.write("auth/token/renew", ["token": .string(token), "increment": "60s"])
            #expect(try await left() <= 60)
            #expect(await issuer.check().isReady)
            #expect(try await left() > 3000)
            bench.world.set("token", ["token": OpenBao.rootToken])
            try await bench.bao.write("sys/seal")
            let sealed = await issuer.check()
            #expect(sealed.message == "Vault at \(bench.bao.url) is sealed; unseal it")
            let answer = await issuer.outcome(try await RemoteSamples.request())
            guard case .failure(.later("VaultInitError", let message, _)) = answer else {
                Issue.record("\(answer)")
                return
            }
            #expect(message.contains("sealed"), "\(message)")
            try await bench.bao.write("sys/unseal", ["key": .string(try bench.bao.unsealKey())])
            for _ in 0..<50 where await !issuer.check().isReady { try await Task.sleep(for: .milliseconds(100)) }
            try await bench.expectSigns(issuer)
        }
    }
}
