import CertificateAPI
import Issuers
import TestSupport
import Testing

@Suite(
    "Vault issuers with a standby", .enabled(if: OpenBao.isInstalled, "bao is not installed; scripts/test installs it"))
struct OpenBaoStandbyTests {
    @Test("a standby serves as well as the active server")
    func standby() async throws {
        let world = RemoteWorld()
        try await OpenBaoPair.run(over: Cluster.engine) { pair in
            #expect(try await pair.standbyStatus() == 429)
            world.set("token", ["token": pair.rootToken])
            var spec = IssuerSpec()
            spec.vault = VaultIssuer(auth: .init(), server: pair.standbyURL, path: "pki/sign/web")
            spec.vault?.auth.tokenSecretRef = .init(name: "token")
            let issuers = RemoteIssuers(world.context(over: Cluster.engine))
            let issuer = try #require(issuers.issuer(spec, RemoteWorld.identity))
            let ready = await issuer.check()
            #expect(ready.isReady, "\(ready.message)")
            guard case .issued = try await issuer.sign(try await RemoteSamples.request()) else {
                Issue.record("not issued")
                return
            }
        }
    }
}
