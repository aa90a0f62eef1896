import CertificateAPI
import DNSProviders
import DNSWire
import Testing
import Wire

@Suite("The registry of DNS providers")
struct RegistryTests {
    static let path = FieldPath("spec.acme.solvers[0].dns01")

    static func stanza(_ json: String) throws -> Solver.DNS01 {
        try JSONValue(parsing: Array(json.utf8)).decode(Solver.DNS01.self)
    }

    static func problems(_ json: String) throws -> [String] {
        DNSProviderRegistry.standard.problems(in: try stanza(json), at: path).map(\.description)
    }

    @Test("a provider that is not built in is refused by its field, with those that are")
    func unsupported() throws {
        #expect(
            try Self.problems(#"{"route66": {"region": "eu-west-1"}}"#) == [
                "spec.acme.solvers[0].dns01.route66: Forbidden: this provider is not supported yet; supported are "
                    + DNSProviderRegistry.standard.keys.sorted().joined(separator: ", ")
            ])
    }

    @Test("none or two providers are refused")
    func count() throws {
        let text = "spec.acme.solvers[0].dns01: Required value: exactly one DNS provider must be configured"
        #expect(try Self.problems("{}") == [text])
        #expect(try Self.problems(#"{"rfc2136": {"nameserver": "x"}, "route53": {}}"#) == [text])
    }

    @Test(
        "a good stanza has no problems",
        arguments: [
            #"{"rfc2136": {"nameserver": "192.0.2.1"}}"#, #"{"rfc2136": {"nameserver": "[2001:db8::1]:5353"}}"#,
            #"{"rfc2136": {"nameserver": "ns.example:53", "protocol": "TCP", "tsigAlgorithm": "hmacSHA512", "tsigKeyName": "k", "tsigSecretSecretRef": {"name": "s", "key": "k"}}}"#,
        ])
    func good(json: String) throws {
        #expect(try Self.problems(json) == [])
    }

    @Test(
        "a bad field is named",
        arguments: [
            (#"{"rfc2136": {}}"#, "nameserver"), (#"{"rfc2136": {"nameserver": ""}}"#, "nameserver"),
            (#"{"rfc2136": {"nameserver": "a b"}}"#, "nameserver"),
            (#"{"rfc2136": {"nameserver": "x", "protocol": "QUIC"}}"#, "protocol"),
            (#"{"rfc2136": {"nameserver": "x", "tsigAlgorithm": "HMACSHA3"}}"#, "tsigAlgorithm"),
            (
                #"{"rfc2136": {"nameserver": "x", "tsigKeyName": "a..b", "tsigSecretSecretRef": {"name": "s", "key": "k"}}}"#,
                "tsigKeyName"
            ),
            (#"{"rfc2136": {"nameserver": "x", "tsigSecretSecretRef": {"name": "s", "key": "k"}}}"#, "tsigKeyName"),
            (
                #"{"rfc2136": {"nameserver": "x", "tsigKeyName": "k", "tsigSecretSecretRef": {"name": "s"}}}"#,
                "tsigSecretSecretRef.key"
            ),
            (#"{"rfc2136": {"nameserver": 5}}"#, "nameserver"),
        ])
    func bad(json: String, field: String) throws {
        let problems = try Self.problems(json)
        #expect(problems.count == 1)
        #expect(problems[0].hasPrefix("spec.acme.solvers[0].dns01.rfc2136.\(field): "))
    }
}
