import PKI
import Wire

extension IssuerSpec {
    /// Every rule the spec breaks, apart from those of single DNS providers, which the providers hold.
    package func problems(at path: FieldPath = .spec) -> [FieldProblem] {
        let set = [
            ("acme", acme != nil), ("ca", ca != nil), ("selfSigned", selfSigned != nil), ("vault", vault != nil),
            ("venafi", venafi != nil),
        ].filter(\.1).map(\.0)
        guard !set.isEmpty else {
            return [.required(path, "at least one issuer must be configured")]
        }
        var problems = set.dropFirst().map {
            FieldProblem.forbidden(path[$0], "may not specify more than one issuer type")
        }
        if let acme { problems += acme.problems(at: path["acme"]) }
        if let ca { problems += ca.problems(at: path["ca"]) }
        if let vault { problems += vault.problems(at: path["vault"]) }
        if let venafi { problems += venafi.problems(at: path["venafi"]) }
        return problems
    }
}

extension CAIssuer {
    func problems(at path: FieldPath) -> [FieldProblem] {
        var problems: [FieldProblem] = []
        if secretName.isEmpty { problems.append(.required(path["secretName"])) }
        for (field, urls) in [("ocspServers", ocspServers), ("issuingCertificateURLs", issuingCertificateURLs)] {
            for (index, url) in (urls ?? []).enumerated() where url.isEmpty {
                problems.append(
                    .invalid(path[field][index], url, "must be a valid URL, e.g., http://ocsp.int-x3.letsencrypt.org"))
            }
        }
        return problems
    }
}

extension SecretKeySelector {
    func problems(at path: FieldPath, needsKey: Bool = false) -> [FieldProblem] {
        var problems: [FieldProblem] = []
        if name.isEmpty { problems.append(.required(path["name"], "secret name is required")) }
        if needsKey, key.nonEmpty == nil { problems.append(.required(path["key"], "secret key is required")) }
        return problems
    }
}

extension ACMEIssuer {
    func problems(at path: FieldPath) -> [FieldProblem] {
        var problems: [FieldProblem] = []
        if let bundle = caBundle, !bundle.bytes.isEmpty {
            if skipTLSVerify == true {
                problems.append(
                    .invalid(
                        path["caBundle"], "<snip>",
                        "caBundle and skipTLSVerify are mutually exclusive and cannot both be set"))
            }
            problems += bundle.bundleProblems(at: path["caBundle"])
        }
        if privateKeySecretRef.name.isEmpty {
            problems.append(
                .required(path["privateKeySecretRef"]["name"], "private key secret name is a required field"))
        }
        if server.isEmpty { problems.append(.required(path["server"], "acme server URL is a required field")) }
        if let binding = externalAccountBinding {
            let path = path["externalAccountBinding"]
            if binding.keyID.isEmpty {
                problems.append(
                    .required(path["keyID"], "the keyID field is required when using externalAccountBinding"))
            }
            problems += binding.keySecretRef.problems(at: path["keySecretRef"], needsKey: true)
        }
        for (index, solver) in (solvers ?? []).enumerated() {
            problems += solver.problems(at: path["solvers"][index])
        }
        return problems
    }
}

extension Solver {
    /// Every rule the stanza breaks, apart from those of its DNS provider.
    package func problems(at path: FieldPath) -> [FieldProblem] {
        var problems: [FieldProblem] = []
        switch (http01, dns01) {
        case (nil, nil): problems.append(.required(path, "no solver type configured"))
        case (.some, .some):
            problems.append(.forbidden(path["dns01"], "may not specify more than one solver type in a single solver"))
        default: break
        }
        if let http01 { problems += http01.problems(at: path["http01"]) }
        if let dns01 { problems += dns01.problems(at: path["dns01"]) }
        do {
            let path = path["waitInsteadOfSelfCheck"]
            if let wait = try Durations.parse(waitInsteadOfSelfCheck, at: path), wait.nanoseconds < 0 {
                problems.append(.invalid(path, wait.description, "must not be negative"))
            }
        } catch {
            problems.append(error)
        }
        return problems
    }
}

extension Solver.HTTP01 {
    func problems(at path: FieldPath) -> [FieldProblem] {
        switch (ingress, gatewayHTTPRoute) {
        case (nil, nil): [.required(path, "no HTTP01 solver type configured")]
        case (.some, .some):
            [.forbidden(path["gatewayHTTPRoute"], "only 1 HTTP01 solver type may be configured")]
        case (let ingress?, nil): ingress.problems(at: path["ingress"])
        case (nil, let gateway?): gateway.problems(at: path["gatewayHTTPRoute"])
        }
    }

    static func problems(serviceType: String?, at path: FieldPath) -> [FieldProblem] {
        guard let type = serviceType.nonEmpty, !["ClusterIP", "NodePort"].contains(type) else { return [] }
        return [.invalid(path["serviceType"], type, "must be empty, \"ClusterIP\" or \"NodePort\"")]
    }
}

extension Solver.IngressSolver {
    func problems(at path: FieldPath) -> [FieldProblem] {
        var problems = Solver.HTTP01.problems(serviceType: serviceType, at: path)
        if [`class`, ingressClassName, name].filter({ $0.nonEmpty != nil }).count > 1 {
            problems.append(
                .forbidden(path, "only one of 'ingressClassName', 'name' or 'class' should be specified"))
        }
        if let name = ingressClassName.nonEmpty, let problem = NameRules.subdomainProblem(name) {
            problems.append(.invalid(path["ingressClassName"], name, problem))
        }
        return problems
    }
}

extension Solver.GatewaySolver {
    func problems(at path: FieldPath) -> [FieldProblem] {
        var problems = Solver.HTTP01.problems(serviceType: serviceType, at: path)
        for (index, parent) in (parentRefs ?? []).enumerated() {
            let path = path["parentRefs"][index]
            if parent.name.isEmpty { problems.append(.required(path["name"], "must be set along with kind")) }
            if let kind = parent.kind, kind.isEmpty {
                problems.append(.required(path["kind"], "must be set along with name"))
            }
        }
        return problems
    }
}

extension Solver.DNS01 {
    func problems(at path: FieldPath) -> [FieldProblem] {
        var problems: [FieldProblem] = []
        if providers.isEmpty { problems.append(.required(path, "no DNS01 provider configured")) }
        for key in providers.keys.dropFirst() {
            problems.append(.forbidden(path[key], "may not specify more than one provider type"))
        }
        if let strategy = cnameStrategy.nonEmpty, !["None", "Follow"].contains(strategy) {
            problems.append(.notSupported(path["cnameStrategy"], strategy, ["None", "Follow"]))
        }
        for (index, server) in (nameservers ?? []).enumerated() where !Self.isNameserver(server) {
            problems.append(
                .invalid(
                    path["nameservers"][index], server,
                    "must be in the format host:port (IPv6 addresses in brackets), or an https URL"))
        }
        return problems
    }

    /// `host:port`, or the URL of a server that speaks DNS over HTTPS (RFC 8484).
    private static func isNameserver(_ text: String) -> Bool {
        if text.hasPrefix("https://") { return text.utf8.count > "https://".utf8.count && NameRules.isURI(text) }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
            return false
        }
        let host = text[..<colon]
        guard host.contains(":") else {
            return !host.isEmpty && host.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: "/") }
        }
        guard host.hasPrefix("["), host.hasSuffix("]") else { return false }
        return IPAddress(String(host.dropFirst().dropLast()))?.isV4 == false
    }
}

extension Base64Data {
    func bundleProblems(at path: FieldPath) -> [FieldProblem] {
        guard !bytes.isEmpty else { return [] }
        do {
            _ = try Chain.parse(pem: bytes)
            return []
        } catch {
            return [.invalid(path, "<snip>", "cert bundle didn't contain any valid certificates")]
        }
    }
}

extension VaultIssuer {
    /// A path must not lead out of its mount.
    static func pathProblems(_ text: String?, at path: FieldPath) -> [FieldProblem] {
        guard let text, text.split(separator: "/").contains("..") else { return [] }
        return [.invalid(path, text, "must not contain the segment \"..\"")]
    }

    func problems(at path: FieldPath) -> [FieldProblem] {
        var problems: [FieldProblem] = []
        if server.isEmpty { problems.append(.required(path["server"])) }
        if self.path.isEmpty { problems.append(.required(path["path"])) }
        problems += Self.pathProblems(self.path, at: path["path"])
        if let bundle = caBundle, !bundle.bytes.isEmpty {
            if caBundleSecretRef != nil {
                let detail = "specified caBundle and caBundleSecretRef cannot be used together"
                problems.append(.invalid(path["caBundle"], "<snip>", detail))
                problems.append(.invalid(path["caBundleSecretRef"], caBundleSecretRef?.name ?? "", detail))
            }
            problems += bundle.bundleProblems(at: path["caBundle"])
        }
        if clientCertSecretRef != nil, clientKeySecretRef == nil {
            problems.append(.required(path["clientKeySecretRef"], "must be set along with clientCertSecretRef"))
        }
        if clientKeySecretRef != nil, clientCertSecretRef == nil {
            problems.append(.required(path["clientCertSecretRef"], "must be set along with clientKeySecretRef"))
        }
        return problems + auth.problems(at: path["auth"])
    }
}

extension VaultIssuer.Auth {
    func problems(at path: FieldPath) -> [FieldProblem] {
        var problems: [FieldProblem] = []
        if let tokenSecretRef { problems += tokenSecretRef.problems(at: path["tokenSecretRef"]) }
        let isSet =
            tokenSecretRef != nil || appRole != nil || clientCertificate != nil || kubernetes != nil || aws != nil
        if !isSet {
            problems.append(
                .required(path, "please supply one of: appRole, kubernetes, tokenSecretRef, clientCertificate, aws"))
        }
        if let appRole {
            if appRole.roleId.isEmpty { problems.append(.required(path["appRole"]["roleId"])) }
            problems += appRole.secretRef.problems(at: path["appRole"]["secretRef"])
            problems += VaultIssuer.pathProblems(appRole.path, at: path["appRole"]["path"])
        }
        if let clientCertificate {
            problems += VaultIssuer.pathProblems(
                clientCertificate.mountPath, at: path["clientCertificate"]["mountPath"])
        }
        if let kubernetes {
            let path = path["kubernetes"]
            problems += VaultIssuer.pathProblems(kubernetes.mountPath, at: path["mountPath"])
            if let reference = kubernetes.secretRef { problems += reference.problems(at: path["secretRef"]) }
            if let account = kubernetes.serviceAccountRef, account.name.isEmpty {
                problems.append(.required(path["serviceAccountRef"]["name"]))
            }
            if kubernetes.role.isEmpty { problems.append(.required(path["role"])) }
            if (kubernetes.secretRef == nil) == (kubernetes.serviceAccountRef == nil) {
                problems.append(.required(path, "please supply one of: secretRef, serviceAccountRef"))
            }
        }
        if let aws {
            let path = path["aws"]
            if aws.role.isEmpty { problems.append(.required(path["role"])) }
            problems += VaultIssuer.pathProblems(aws.mountPath, at: path["mountPath"])
            if let account = aws.serviceAccountRef, account.name.isEmpty {
                problems.append(.required(path["serviceAccountRef"]["name"]))
            }
            if aws.serviceAccountRef != nil, aws.iamRoleArn.nonEmpty == nil {
                problems.append(.required(path["iamRoleArn"], "must be set along with serviceAccountRef"))
            }
        }
        return problems
    }
}

extension VenafiIssuer {
    func problems(at path: FieldPath) -> [FieldProblem] {
        var problems: [FieldProblem] = []
        if zone.isEmpty { problems.append(.required(path["zone"])) }
        if [tpp != nil, cloud != nil, ngts != nil].filter({ $0 }).count != 1 {
            problems.append(.required(path, "please supply exactly one of: tpp, cloud, ngts"))
        }
        if let tpp {
            let path = path["tpp"]
            if tpp.url.isEmpty { problems.append(.required(path["url"])) }
            if tpp.caBundle != nil, tpp.caBundleSecretRef != nil {
                problems.append(
                    .invalid(
                        path["caBundle"], "<snip>", "specified caBundle and caBundleSecretRef cannot be used together"))
            }
            if let bundle = tpp.caBundle { problems += bundle.bundleProblems(at: path["caBundle"]) }
        }
        if let ngts {
            if ngts.tsgID.isEmpty { problems.append(.required(path["ngts"]["tsgID"])) }
            if ngts.credentialsRef.name.isEmpty { problems.append(.required(path["ngts"]["credentialsRef"]["name"])) }
        }
        return problems
    }
}
