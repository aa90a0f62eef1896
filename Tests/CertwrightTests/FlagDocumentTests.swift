import ArgumentParser
import SystemPackage
import Testing

@testable import certwright

@Suite("docs/flags.md")
struct FlagDocumentTests {
    static let path = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/docs/flags.md"

    static func text() throws -> String {
        let file = try FileDescriptor.open(FilePath(path), .readOnly)
        return try file.closeAfter {
            var buffer = [UInt8](repeating: 0, count: 256 << 10)
            let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0) }
            return String(decoding: buffer[..<count], as: UTF8.self)
        }
    }

    static let help =
        [ControllerCommand.helpMessage(columns: 400), CAInjectorCommand.helpMessage(columns: 400)]
        + [CheckAPICommand.helpMessage(columns: 400), WebhookCommand.helpMessage(columns: 400)]
        + [ACMEServerCommand.helpMessage(columns: 400)]

    /// The flags that a help text shows, without the `--no-…` of switches.
    static func flags(in help: String) -> Set<String> {
        var flags: Set<String> = []
        for line in help.split(separator: "\n") where line.hasPrefix("  -") {
            for word in line.split(whereSeparator: { " ,/".contains($0) }).prefix(while: { $0.hasPrefix("-") })
            where word.hasPrefix("--") && !word.hasPrefix("--no-") {
                flags.insert(String(word))
            }
        }
        return flags.subtracting(["--help", "--version"])
    }

    /// The flags that the tables name.
    static func documented() throws -> Set<String> {
        var flags: Set<String> = []
        for line in try text().split(separator: "\n") where line.hasPrefix("| `-") {
            for part in line.split(separator: "|")[0].split(separator: "`") where part.hasPrefix("--") {
                flags.insert(String(part))
            }
        }
        return flags
    }

    @Test("each flag in it is one that a command takes, and each of every command but the controller is in it")
    func flags() throws {
        let documented = try Self.documented()
        #expect(documented.count > 60)
        let known = Self.help.reduce(into: Set<String>()) { $0.formUnion(Self.flags(in: $1)) }
        #expect(documented.subtracting(known) == [])
        for help in Self.help.dropFirst() { #expect(Self.flags(in: help).subtracting(documented) == []) }
    }

    @Test("each feature gate is in it, with what it does here")
    func gates() throws {
        let text = try Self.text()
        for gate in FeatureGate.allCases {
            let what =
                switch gate.effect {
                case .switches: "switches"
                case .alwaysOn: "always on"
                case .gone: "nothing"
                }
            #expect(text.contains("| `\(gate.rawValue)` | \(what) |"))
        }
    }

    @Test("each field of a configuration file is in it, with its flag", arguments: Program.allCases)
    func fields(program: Program) throws {
        let text = try Self.text()
        let table = ConfigurationFields(program)
        #expect(text.contains("`\(table.kind)` (`\(table.apiVersion)`)"))
        for (path, field) in table.fields { #expect(text.contains("| `\(path)` | `--\(field.flag)` |")) }
    }

    /// The flags of cert-manager's controller, cainjector and webhook.
    @Test(
        "the flags that users' manifests give are taken",
        arguments: [
            (
                "controller",
                [
                    "master", "kubeconfig", "kube-api-qps", "kube-api-burst", "cluster-resource-namespace", "namespace",
                    "leader-elect", "leader-election-namespace", "leader-election-lease-duration",
                    "leader-election-renew-deadline", "leader-election-retry-period", "controllers",
                    "acme-http01-solver-image", "acme-http01-solver-resource-request-cpu",
                    "acme-http01-solver-resource-request-memory", "acme-http01-solver-resource-limits-cpu",
                    "acme-http01-solver-resource-limits-memory", "acme-http01-solver-run-as-non-root",
                    "acme-http01-solver-nameservers", "acme-http01-solver-extra-labels",
                    "acme-http01-solver-runtime-class-name", "cluster-issuer-ambient-credentials",
                    "issuer-ambient-credentials", "auto-certificate-annotations", "extra-certificate-annotations",
                    "default-issuer-name", "default-issuer-kind", "default-issuer-group", "dns01-recursive-nameservers",
                    "dns01-recursive-nameservers-only", "dns01-check-retry-period", "enable-certificate-owner-ref",
                    "enable-gateway-api", "enable-gateway-api-listenerset", "gateway-api-extra-protocols",
                    "copied-annotation-prefixes", "feature-gates", "concurrent-workers", "max-concurrent-challenges",
                    "metrics-listen-address", "enable-profiling", "profiler-address", "internal-healthz-listen-address",
                    "internal-healthz-leader-election-timeout", "max-certificate-size", "max-private-key-size",
                    "max-certificate-chain-length", "max-certificate-bundle-size",
                    "certificate-request-minimum-backoff-duration", "certificate-request-maximum-backoff-duration", "v",
                    "vmodule", "logging-format", "log-flush-frequency", "config",
                    "metrics-tls-cert-file", "metrics-tls-private-key-file",
                    "metrics-dynamic-serving-ca-secret-namespace", "metrics-dynamic-serving-ca-secret-name",
                    "metrics-dynamic-serving-dns-names", "metrics-dynamic-serving-leaf-duration",
                    "metrics-tls-cipher-suites", "metrics-tls-min-version",
                ]
            ),
            (
                "cainjector",
                [
                    "kubeconfig", "namespace", "ignore-namespaces", "leader-elect", "leader-election-namespace",
                    "leader-election-lease-duration", "leader-election-renew-deadline", "leader-election-retry-period",
                    "enable-certificates-data-source", "enable-validatingwebhookconfigurations-injectable",
                    "enable-mutatingwebhookconfigurations-injectable", "enable-customresourcedefinitions-injectable",
                    "enable-apiservices-injectable", "enable-profiling", "profiler-address", "feature-gates",
                    "metrics-listen-address", "config", "v", "vmodule", "logging-format", "log-flush-frequency",
                    "metrics-tls-cert-file", "metrics-tls-private-key-file",
                    "metrics-dynamic-serving-ca-secret-namespace", "metrics-dynamic-serving-ca-secret-name",
                    "metrics-dynamic-serving-dns-names", "metrics-dynamic-serving-leaf-duration",
                    "metrics-tls-cipher-suites", "metrics-tls-min-version",
                ]
            ),
            (
                "webhook",
                [
                    "secure-port", "healthz-port", "tls-cert-file", "tls-private-key-file",
                    "metrics-tls-cert-file", "metrics-tls-private-key-file",
                    "metrics-dynamic-serving-ca-secret-namespace", "metrics-dynamic-serving-ca-secret-name",
                    "metrics-dynamic-serving-dns-names", "metrics-dynamic-serving-leaf-duration",
                    "metrics-tls-cipher-suites", "metrics-tls-min-version",
                    "dynamic-serving-leaf-duration", "dynamic-serving-ca-secret-namespace",
                    "dynamic-serving-ca-secret-name", "dynamic-serving-dns-names", "kubeconfig", "api-server-host",
                    "enable-profiling", "profiler-address", "enable-client-verification", "client-ca-path",
                    "client-subject-names", "tls-cipher-suites", "tls-min-version", "feature-gates",
                    "metrics-listen-address", "max-certificate-size", "max-private-key-size",
                    "max-certificate-chain-length", "max-certificate-bundle-size", "config", "v", "vmodule",
                    "logging-format", "log-flush-frequency",
                ]
            ),
        ])
    func taken(command: String, names: [String]) {
        let help = Self.help[["controller", "cainjector", "check", "webhook"].firstIndex(of: command) ?? 0]
        #expect(Set(names.map { "--\($0)" }).subtracting(Self.flags(in: help)) == [])
    }
}
