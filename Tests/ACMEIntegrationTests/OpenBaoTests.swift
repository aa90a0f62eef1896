import ACME
import CurlTransport
import HTTPTransport
import PKI
import TestSupport
import Testing
import Wire

extension OpenBao {
    /// Its PKI engine as an ACME server that certifies whatever is proved by the DNS server at `resolver`. It is spoken to
    /// without TLS, on the loopback address.
    static func run<R: Sendable>(
        resolver: String, over transport: any HTTPTransport, _ body: (OpenBao) async throws -> R
    ) async throws -> R {
        try await run(over: transport) { bao in
            try await bao.write(
                "pki/config/acme",
                ["enabled": true, "dns_resolver": .string(resolver), "eab_policy": "not-required"])
            return try await body(bao)
        }
    }

    var directoryURL: String { "\(url)/v1/pki/acme/directory" }

    /// When the certificate was revoked, in seconds of 1970; 0 while it is good.
    func revocationTime(of certificate: X509Certificate) async throws -> Int64? {
        let serial = certificate.serial.drop { $0 == 0 }.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        return try await read("pki/cert/\(serial.joined(separator: ":"))")["data"]?["revocation_time"]?.intValue
    }
}

@Suite(
    "Against OpenBao",
    .enabled(
        if: OpenBao.isInstalled && Pebble.isInstalled(), "bao is not installed; scripts/test installs it"))
struct OpenBaoTests {
    @Test("a certificate by dns-01; a wildcard beside it; what the server has not is said (A2, O6, K7)")
    func issue() async throws {
        // Pebble's challenge server is the DNS that OpenBao looks at.
        try await Laboratory.run { laboratory in
            let resolver = laboratory.pebble.challengeServer.dnsAddress
            try await OpenBao.run(resolver: resolver, over: laboratory.transport) { bao in
                let server = ACMEServer(
                    settings: .init(
                        directoryURL: bao.directoryURL, userAgent: "certwright-tests libcurl", allowsPlainHTTP: true),
                    transport: laboratory.transport, time: SystemTime())
                let key = try await PrivateKey.generate(.ecdsa(.p256))
                #expect(try await server.existingAccount(of: key) == nil)
                let account = try await server.newAccount(
                    NewACMEAccount(contact: ["mailto:a@example.com"], agreesToTermsOfService: true), key: key)
                #expect(try await server.existingAccount(of: key)?.url == account.url)
                let client = ACMEClient(server: server, accountURL: account.url, key: key)
                let names = [try ACMEIdentifier(dns: "bao.example"), try ACMEIdentifier(dns: "*.bao.example")]
                let (chain, request) = try await laboratory.certificate(for: names, with: client)
                try chain.check(against: request, identifiers: Set(names), now: .now())
                #expect(try await server.directory().renewalInfo == nil)
                let other = try await PrivateKey.generate(.ecdsa(.p256))
                let error = await #expect(throws: ACMEError.self) { _ = try await client.changeKey(to: other) }
                #expect(error?.advice == .permanent, "\(error as Any)")
                #expect(try await bao.revocationTime(of: chain.leaf) == 0)
                let reason = await #expect(throws: ACMEError.self) {
                    try await client.revoke(chain.leaf, reason: .superseded)
                }
                #expect(reason?.refusal?.problem.type == .badRevocationReason)
                #expect(reason?.advice == .permanent)
                try await client.revoke(chain.leaf)
                #expect(try await bao.revocationTime(of: chain.leaf) ?? 0 > 0)
            }
        }
    }
}
