import CertificateAPI
import DNSProviders
import Wire

enum IssuerAdmission<Kind: IssuerObject>: KindAdmission {
    static func create(_ object: Kind, _ request: AdmissionRequest) -> Judgement {
        Judgement(problems: IssuerRules.problems(object.spec), warnings: IssuerRules.warnings(object.spec))
    }

    /// As for Certificates: only a changed spec is judged.
    static func update(from old: Kind, to new: Kind, _ request: AdmissionRequest) -> Judgement {
        old.spec == new.spec ? .nothing : create(new, request)
    }
}

enum IssuerRules {
    static func problems(_ spec: IssuerSpec) -> [FieldProblem] {
        var problems = spec.problems(at: .spec)
        for (index, solver) in (spec.acme?.solvers ?? []).enumerated() {
            guard let dns01 = solver.dns01 else { continue }
            let path = FieldPath.spec["acme"]["solvers"][index]["dns01"]
            if let key = dns01.provider?.key, DNSProviderRegistry.standard.keys.contains(key) {
                problems += DNSProviderRegistry.standard.problems(in: dns01, at: path)
            } else {
                problems += ProviderRules.problems(in: dns01, at: path)
            }
        }
        return problems
    }

    /// An issuer that cannot work yet is no error: it may be meant for another version, and its condition says why.
    static func warnings(_ spec: IssuerSpec) -> [String] {
        var warnings = UnsupportedFields.problems(
            in: spec, at: .spec, dnsProviders: DNSProviderRegistry.standard.keys
        ).map { "\($0.path): this version of certwright does not support it yet; the issuer will not use it" }
        guard let acme = spec.acme else { return warnings }
        let path = FieldPath.spec["acme"]
        if acme.externalAccountBinding?.keyAlgorithm.nonEmpty != nil {
            warnings.append(
                "\(path["externalAccountBinding"]["keyAlgorithm"]): is deprecated and ignored; HS256 is used always."
                    + " Remove it")
        }
        if acme.skipTLSVerify == true {
            warnings.append(
                "\(path["skipTLSVerify"]): anybody between here and the server can impersonate it;"
                    + " use caBundle instead")
        }
        if (acme.solvers ?? []).isEmpty {
            warnings.append("\(path["solvers"]): without a solver this issuer can prove control of no name")
        }
        return warnings
    }
}
