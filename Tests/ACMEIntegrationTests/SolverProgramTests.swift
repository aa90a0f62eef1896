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
        let tlsPort = try FreePorts.take(1)[0]
        var options = Pebble.Options()
        options.tlsPort = tlsPort
        options.reusedAuthorizationsPercent = 0
        try await Laboratory.run(options) { laboratory in
            let client = try await laboratory.account()
            for identifier in [try ACMEIdentifier(dns: "alpn.example"), try ACMEIdentifier(ip: "127.0.0.1")] {
                let order = try await client.newOrder(NewACMEOrder(identifiers: [identifier]))
                for url in order.authorizations {
                    try await prove(try await client.authorization(url), url, client, port: tlsPort)
                }
                let current = try await client.order(order.url, as: .waitOrder)
                #expect(current.status == .ready, "\(current.error as Any)")
            }
        }
    }

    private func prove(
        _ pending: ACMEAuthorization, _ url: String, _ client: ACMEClient, port: Int
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
            try await untilItAnswers(port, name)
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
