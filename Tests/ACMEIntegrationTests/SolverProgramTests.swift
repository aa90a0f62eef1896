import ACME
import HTTPServer
import HTTPTransport
import PKI
import TestSupport
import Testing
import Wire

@Suite(
    "The solver's program against Pebble",
    .enabled(if: Pebble.isInstalled(), "pebble is not installed; scripts/test installs it"))
struct SolverProgramTests {
    @Test("Pebble validates a name and an address by the certificate that the solver's program shows (L1, L2, L3, L4)")
    func validates() async throws {
        try await validate { port, body in try await body(port) }
    }

    /// The same rule as in the IngressRouteTCP that a solver makes. The file is Traefik's own, for the API server of the tests is
    /// too old for a Traefik that leaves `acme-tls/1` to others: 3.0 answers it itself.
    @Test("Pebble validates them through Traefik, which passes TLS on by server name (L2, L4, L5)")
    func validatesThroughTraefik() async throws {
        try await validate { port, body in
            let inner = try FreePorts.take(1)[0]
            let folder = try TemporaryFolder(named: "traefik")
            defer { folder.remove() }
            let names = ["alpn.example", "1.0.0.127.in-addr.arpa"]
            let routers = names.enumerated().map { number, name in
                "    r\(number): {rule: 'HostSNI(`\(name)`)', service: solver, tls: {passthrough: true}}"
            }
            let file = """
                tcp:
                  routers:
                \(routers.joined(separator: "\n"))
                  services:
                    solver: {loadBalancer: {servers: [{address: '127.0.0.1:\(inner)'}]}}

                """
            try folder.write("routes.yaml", Array(file.utf8))
            let arguments = [
                "--entrypoints.tls.address=127.0.0.1:\(port)",
                "--providers.file.filename=\(folder.path("routes.yaml"))",
                "--global.sendanonymoususage=false", "--global.checknewversion=false",
            ]
            try await withProcess("traefik-new", arguments, log: folder.path("log")) { try await body(inner) }
        }
    }

    /// - Parameter passage: opens a way from the first port, which the CA asks, to another one and lends that.
    private func validate(
        by passage:
            @escaping @Sendable (_ port: Int, _ body: @Sendable (_ solverPort: Int) async throws -> Void) async throws
            -> Void
    ) async throws {
        let tlsPort = try FreePorts.take(1)[0]
        var options = Pebble.Options()
        options.tlsPort = tlsPort
        options.reusedAuthorizationsPercent = 0
        try await Laboratory.run(options) { laboratory in
            let client = try await laboratory.account()
            try await passage(tlsPort) { port in
                for identifier in [try ACMEIdentifier(dns: "alpn.example"), try ACMEIdentifier(ip: "127.0.0.1")] {
                    let order = try await client.newOrder(NewACMEOrder(identifiers: [identifier]))
                    for url in order.authorizations {
                        let authorization = try await client.authorization(url)
                        try await prove(authorization, url, client, port: port, seenAt: tlsPort)
                    }
                    let current = try await client.order(order.url, as: .waitOrder)
                    #expect(current.status == .ready, "\(current.error as Any)")
                }
            }
        }
    }

    private func prove(
        _ pending: ACMEAuthorization, _ url: String, _ client: ACMEClient, port: Int, seenAt outerPort: Int
    ) async throws {
        let challenge = try #require(pending.challenges.first { $0.type == "tls-alpn-01" })
        let answer = try ChallengeToken(try #require(challenge.token)).keyAuthorization(for: client.accountKey)
        let arguments = [
            "--tls-alpn", "--listen-port=\(port)", "--domain=\(pending.identifier.value)", "--key=\(answer.reveal())",
        ]
        let folder = try TemporaryFolder(named: "acmesolver")
        defer { folder.remove() }
        try await withProcess(
            try ControllerProcess.program("acmesolver"), arguments, log: folder.path("log")
        ) {
            let name = ServerIdentity.validationServerName(of: pending.identifier.value)
            try await untilItAnswers(outerPort, name)
            _ = try await client.respond(to: challenge.url)
            var authorization = pending
            while authorization.status == .pending {
                try await Task.sleep(for: .milliseconds(50))
                authorization = try await client.authorization(url, as: .waitAuthorization)
            }
            #expect(authorization.status == .valid, "\(authorization.failure as Any)")
        }
    }

    private func untilItAnswers(_ port: Int, _ name: String) async throws {
        for attempt in 1... {
            do {
                _ = try await ValidationProbe.look(at: "127.0.0.1", port: port, serverName: name)
                return
            } catch {
                if attempt > 200 { throw error }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    @Test("Pebble validates names of one account by the program that knows its thumbprint alone (H1, H2)")
    func shared() async throws {
        let port = try FreePorts.take(1)[0]
        var options = Pebble.Options()
        options.httpPort = port
        options.reusedAuthorizationsPercent = 0
        try await Laboratory.run(options) { laboratory in
            let client = try await laboratory.account()
            let folder = try TemporaryFolder(named: "acmesolver")
            defer { folder.remove() }
            let arguments = ["--listen-port=\(port)", "--thumbprint=\(client.accountKey.thumbprint)"]
            try await withProcess(
                try ControllerProcess.program("acmesolver"), arguments, log: folder.path("log")
            ) {
                try await untilServed("http://127.0.0.1:\(port)/healthz", laboratory)
                let names = try ["one.example", "two.example"].map { try ACMEIdentifier(dns: $0) }
                let order = try await client.newOrder(NewACMEOrder(identifiers: names))
                for url in order.authorizations {
                    var authorization = try await client.authorization(url)
                    let challenge = try #require(authorization.challenges.first { $0.type == "http-01" })
                    _ = try await client.respond(to: challenge.url)
                    while authorization.status == .pending {
                        try await Task.sleep(for: .milliseconds(50))
                        authorization = try await client.authorization(url, as: .waitAuthorization)
                    }
                    #expect(authorization.status == .valid, "\(authorization.failure as Any)")
                }
            }
        }
    }

    private func untilServed(_ url: String, _ laboratory: Laboratory) async throws {
        for attempt in 1... {
            do {
                _ = try await laboratory.transport.send(TransportRequest(url: url, proxy: .none))
                return
            } catch {
                if attempt > 200 { throw error }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }
}
