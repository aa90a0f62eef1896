package import CertificateAPI
import DNSWire

extension RFC2136 {
    /// The fields of `dns01.rfc2136`.
    package struct Config: Decodable, Sendable, Hashable {
        package var nameserver: String
        package var `protocol`: String?
        package var tsigKeyName: String?
        package var tsigAlgorithm: String?
        package var tsigSecretSecretRef: SecretKeySelector?
    }

    package static func problems(in config: Config, at path: FieldPath) -> [FieldProblem] {
        var problems: [FieldProblem] = []
        if config.nameserver.isEmpty {
            problems.append(.required(path["nameserver"]))
        } else if Endpoint(config.nameserver) == nil {
            problems.append(
                .invalid(
                    path["nameserver"], config.nameserver,
                    "must be a host or IP address, with a port or without, an IPv6 address in brackets"))
        }
        if let name = config.protocol.nonEmpty, DNSTransport(rawValue: name) == nil {
            problems.append(.notSupported(path["protocol"], name, ["TCP", "UDP"]))
        }
        if let name = config.tsigAlgorithm.nonEmpty, TSIGAlgorithm(configured: name) == nil {
            problems.append(
                .notSupported(path["tsigAlgorithm"], name, TSIGAlgorithm.allCases.map(\.rawValue)))
        }
        return problems + keyProblems(in: config, at: path)
    }

    /// A key needs its name and its secret, or neither.
    private static func keyProblems(in config: Config, at path: FieldPath) -> [FieldProblem] {
        let reference = config.tsigSecretSecretRef
        let referencePath = path["tsigSecretSecretRef"]
        guard let name = config.tsigKeyName.nonEmpty else {
            guard reference != nil else { return [] }
            return [.required(path["tsigKeyName"], "must be set along with tsigSecretSecretRef")]
        }
        var problems: [FieldProblem] = []
        do {
            _ = try DNSName(name)
        } catch {
            problems.append(.invalid(path["tsigKeyName"], name, error.description))
        }
        if (reference?.name).nonEmpty == nil {
            problems.append(.required(referencePath["name"], "must be set along with tsigKeyName"))
        }
        if (reference?.key).nonEmpty == nil {
            problems.append(.required(referencePath["key"], "must be set along with tsigKeyName"))
        }
        return problems
    }
}
