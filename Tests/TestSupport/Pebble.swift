package import HTTPTransport
import HTTPTypes
package import PKI
import Wire

/// A real ACME server, Pebble, with `pebble-challtestsrv` as the DNS and the web it validates against; both live while
/// the body of ``run(_:over:_:)`` runs.
package struct Pebble: Sendable {
    package struct Options: Sendable {
        /// Debian's Pebble, or the newer one that the testbed brings (profiles, RFC 9773).
        package enum Version: String, Sendable {
            case installed = "pebble"
            case next = "pebble-next"
        }
        package var version = Version.installed
        /// Tests turn Pebble's misbehaviour up: half of all good nonces refused, half of all authorizations reused.
        package var refusedNoncesPercent = 50
        package var reusedAuthorizationsPercent = 50
        package var isStrict = true
        /// Every validation succeeds without being made.
        package var validatesNothing = false
        package var alternateRoots = 0
        package var chainLength = 1
        /// Key identifiers and their base64url keys; with any of them new accounts need one.
        package var externalAccounts: [String: String] = [:]
        package var blockedDomains: [String] = []
        /// Profile names and their validity in seconds; only the newer version knows them.
        package var profiles: [String: Int64] = [:]
        /// Seconds in Retry-After; only the newer version says it.
        package var retryAfterSeconds: Int64?
        /// Where names are resolved; by default the challenge server of this Pebble.
        package var resolver: String?
        /// The port http-01 is validated on; by default the challenge server's.
        package var httpPort: Int?
        /// The port tls-alpn-01 is validated on; by default one that nobody listens on.
        package var tlsPort: Int?

        package init() {}
    }

    package let directoryURL: String
    /// Trusts this Pebble's own https certificate and nothing else.
    package let tls: TLSOptions
    package let certificatePEM: [UInt8]
    package let managementURL: String
    package let challengeServer: ChallengeServer

    /// Starts both servers on free ports, waits until they answer, and ends them when `body` is left.
    package static func run<R: Sendable>(
        _ options: Options = Options(), over transport: any HTTPTransport,
        _ body: sending (Pebble) async throws -> R
    ) async throws -> R {
        let folder = try TemporaryFolder(named: "pebble")
        defer { folder.remove() }
        let ports = try FreePorts.take(6)
        let (certificate, key) = try await serverIdentity()
        try folder.write("cert.pem", certificate)
        try folder.write("key.pem", key)
        try folder.write("config.json", configuration(options, ports: ports, folder: folder).serialized(pretty: true))
        let pebble = Pebble(
            directoryURL: "https://localhost:\(ports[0])/dir", tls: TLSOptions(trust: .only(pem: certificate)),
            certificatePEM: certificate, managementURL: "https://localhost:\(ports[1])",
            challengeServer: ChallengeServer(
                managementURL: "http://127.0.0.1:\(ports[2])", dnsAddress: "127.0.0.1:\(ports[3])",
                httpPort: ports[4], transport: transport))
        let isNext = options.version == .next
        let challengeArguments =
            [
                "-management", "127.0.0.1:\(ports[2])", isNext ? "-dnsserver" : "-dns01", "127.0.0.1:\(ports[3])",
                "-http01", "127.0.0.1:\(ports[4])", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", "",
                "-defaultIPv4", "127.0.0.1",
            ] + (isNext ? ["-doh", ""] : [])
        let serverArguments =
            [
                "-config", folder.path("config.json"), "-dnsserver",
                options.resolver ?? pebble.challengeServer.dnsAddress,
            ]
            + (options.isStrict ? ["-strict"] : [])
        let challengeProgram = isNext ? "pebble-challtestsrv-next" : "pebble-challtestsrv"
        return try await withProcess(challengeProgram, challengeArguments, log: folder.path("challtestsrv.log")) {
            try await withProcess(
                options.version.rawValue, serverArguments, environment: environment(options),
                log: folder.path("pebble.log")
            ) {
                try await pebble.waitUntilReady(over: transport)
                return try await body(pebble)
            }
        }
    }

    /// Whether both programs are there; `scripts/test` sees to it that they are.
    package static func isInstalled(_ version: Options.Version = .installed) -> Bool {
        TestPrograms.find(version.rawValue) != nil
    }

    /// The root certificate of the chain with that index: 0 is the default one.
    package func rootPEM(_ index: Int = 0, over transport: any HTTPTransport) async throws -> [UInt8] {
        try await transport.send(TransportRequest(url: "\(managementURL)/roots/\(index)", tls: tls)).body
    }

    /// The number of the reason that the certificate was revoked for; nil while it is good.
    package func revocationReason(
        of certificate: X509Certificate, over transport: any HTTPTransport
    ) async throws -> Int64? {
        let digits = certificate.serial.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let url = "\(managementURL)/cert-status-by-serial/\(String(digits.drop { $0 == "0" }))"
        let answer = try await transport.send(TransportRequest(url: url, tls: tls, proxy: .none))
        guard answer.status == .ok else { throw TestServerError("\(url): \(answer.status)") }
        let status = try JSONValue(parsing: answer.body)
        return status["Status"]?.stringValue == "Revoked" ? status["Reason"]?.intValue ?? 0 : nil
    }

    private func waitUntilReady(over transport: any HTTPTransport) async throws {
        for url in [directoryURL, "\(managementURL)/roots/0", challengeServer.managementURL] {
            for attempt in 1... {
                do {
                    var headers = HTTPFields()
                    headers[.userAgent] = "certwright-tests"
                    let request = TransportRequest(url: url, headers: headers, tls: tls, proxy: .none)
                    // The challenge server has no page to GET: any answer will do.
                    _ = try await transport.send(request)
                    break
                } catch {
                    if attempt > 300 { throw error }
                    try await Task.sleep(for: .milliseconds(50))
                }
            }
        }
    }
}

extension Pebble {
    /// A certificate for localhost that is its own root.
    private static func serverIdentity() async throws -> (certificate: [UInt8], key: [UInt8]) {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let now = Timestamp.now()
        var extensions = CertificateExtensions()
        extensions.names = [.dns("localhost")]
        let template = CertificateTemplate(
            subject: try DistinguishedName(commonName: "localhost"), publicKey: key.publicKey,
            notBefore: now - .seconds(3600), notAfter: now + .seconds(7 * 86400), extensions: extensions)
        let certificate = try await template.signed(by: nil, key: key)
        return (Array(certificate.pem.utf8), try key.pem(.pkcs8))
    }

    private static func configuration(_ options: Options, ports: [Int], folder: TemporaryFolder) -> JSONValue {
        var members: JSONObject = [
            "listenAddress": .string("127.0.0.1:\(ports[0])"),
            "managementListenAddress": .string("127.0.0.1:\(ports[1])"),
            "certificate": .string(folder.path("cert.pem")),
            "privateKey": .string(folder.path("key.pem")),
            "httpPort": .integer(Int64(options.httpPort ?? ports[4])),
            "tlsPort": .integer(Int64(options.tlsPort ?? ports[5])),
            "ocspResponderURL": "",
            "externalAccountBindingRequired": .bool(!options.externalAccounts.isEmpty),
            "domainBlocklist": .array(options.blockedDomains.map { .string($0) }),
        ]
        if !options.externalAccounts.isEmpty {
            members["externalAccountMACKeys"] = .object(options.externalAccounts.asObject { .string($0) })
        }
        if !options.profiles.isEmpty {
            members["profiles"] = .object(
                options.profiles.asObject { ["description": "for tests", "validityPeriod": .integer($0)] })
        }
        if let seconds = options.retryAfterSeconds {
            members["retryAfter"] = ["authz": .integer(seconds), "order": .integer(seconds)]
        }
        return ["pebble": .object(members)]
    }

    private static func environment(_ options: Options) -> [String: String] {
        var variables = [
            "PEBBLE_VA_NOSLEEP": "1",
            "PEBBLE_WFE_NONCEREJECT": "\(options.refusedNoncesPercent)",
            "PEBBLE_AUTHZREUSE": "\(options.reusedAuthorizationsPercent)",
            "PEBBLE_ALTERNATE_ROOTS": "\(options.alternateRoots)",
            "PEBBLE_CHAIN_LENGTH": "\(options.chainLength)",
        ]
        if options.validatesNothing { variables["PEBBLE_VA_ALWAYS_VALID"] = "1" }
        return variables
    }
}

extension Dictionary where Key == String {
    fileprivate func asObject(_ value: (Value) -> JSONValue) -> JSONObject {
        var object = JSONObject()
        for (key, entry) in self { object[key] = value(entry) }
        return object
    }
}

/// `pebble-challtestsrv`: a DNS server and a web server that answer what a test tells them to.
package struct ChallengeServer: Sendable {
    package let managementURL: String
    package let dnsAddress: String
    package let httpPort: Int
    private let transport: any HTTPTransport

    init(managementURL: String, dnsAddress: String, httpPort: Int, transport: any HTTPTransport) {
        self.managementURL = managementURL
        self.dnsAddress = dnsAddress
        self.httpPort = httpPort
        self.transport = transport
    }

    /// Adds a value to the TXT records of a name, such as `_acme-challenge.example.com`.
    package func setTXT(_ name: String, _ value: String) async throws {
        try await post("set-txt", ["host": .string(absolute(name)), "value": .string(value)])
    }

    /// Removes every TXT record of the name.
    package func clearTXT(_ name: String) async throws {
        try await post("clear-txt", ["host": .string(absolute(name))])
    }

    package func addHTTP01(token: String, content: String) async throws {
        try await post("add-http01", ["token": .string(token), "content": .string(content)])
    }

    package func removeHTTP01(token: String) async throws {
        try await post("del-http01", ["token": .string(token)])
    }

    /// Answers questions for the name with SERVFAIL.
    package func setServerFailure(_ name: String) async throws {
        try await post("set-servfail", ["host": .string(absolute(name))])
    }

    package func clearServerFailure(_ name: String) async throws {
        try await post("clear-servfail", ["host": .string(absolute(name))])
    }

    private func absolute(_ name: String) -> String { name.hasSuffix(".") ? name : name + "." }

    private func post(_ path: String, _ body: JSONValue) async throws {
        let request = TransportRequest(
            url: "\(managementURL)/\(path)", method: .post, body: body.serialized(), proxy: .none)
        let answer = try await transport.send(request)
        guard answer.status == .ok else { throw TestServerError("\(path) was answered with \(answer.status)") }
    }
}
