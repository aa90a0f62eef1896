import CertificateAPI
import KubeModel

extension ShimSource {
    /// One Certificate for each entry under `tls`.
    init(_ ingress: Ingress) {
        self.init(ingress, routeKeys: IngressRoute.keys)
        heedsAutomaticAnnotations = true
        let tls = ingress.spec?.tls ?? []
        secretNames = Set(tls.compactMap(\.secretName))
        do throws(BadConfiguration) {
            try refuseDuplicates(in: tls)
            route = try IngressRoute.annotations(for: ingress)
        } catch {
            refusal = error
            return
        }
        for (index, entry) in tls.enumerated() { add(entry, at: FieldPath.spec["tls"][index]) }
    }

    private mutating func add(_ entry: Ingress.TLS, at path: FieldPath) {
        let hosts = (entry.hosts ?? []).filter { !$0.isEmpty }
        guard !hosts.isEmpty else {
            return problems.append(BadConfiguration("skipped a TLS entry: \(FieldProblem.required(path["hosts"]))"))
        }
        guard let secretName = entry.secretName.nonEmpty else {
            return problems.append(
                BadConfiguration("skipped a TLS entry: \(FieldProblem.required(path["secretName"]))"))
        }
        add(hosts, to: secretName)
    }

    private func refuseDuplicates(in entries: [Ingress.TLS]) throws(BadConfiguration) {
        var seen: Set<String> = []
        for (index, entry) in entries.enumerated() {
            guard let name = entry.secretName.nonEmpty, !seen.insert(name).inserted else { continue }
            let path = FieldPath.spec["tls"][index]["secretName"]
            throw BadConfiguration(
                "\(FieldProblem.invalid(path, name, "this secret name must only appear in a single TLS entry"))")
        }
    }
}

/// What an Ingress says about how HTTP-01 reaches its names, said on to its Certificates.
enum IngressRoute {
    private typealias Key = Names.Annotation

    /// The annotations of Certificates that are an Ingress's to set and to remove.
    static let keys = [
        Key.http01OverrideIngressName, Key.http01OverrideIngressClass, Key.http01OverrideIngressClassName,
        Key.issueTemporaryCertificate,
    ]

    static func annotations(for ingress: Ingress) throws(BadConfiguration) -> [String: String] {
        let annotations = ingress.metadata.annotations ?? [:]
        let said = [
            annotations[Key.http01EditInPlace] == "true" ? Key.http01EditInPlace : nil,
            annotations[Key.http01IngressClass].nonEmpty.map { _ in Key.http01IngressClass },
            annotations[Key.http01IngressClassName].nonEmpty.map { _ in Key.http01IngressClassName },
        ].compactMap(\.self)
        if said.count > 1 {
            let keys = said.map { "\"\($0)\"" }.joined(separator: ", ")
            throw BadConfiguration("only one of the annotations \(keys) may be set; remove the others")
        }
        switch said.first {
        case Key.http01EditInPlace:
            return [Key.http01OverrideIngressName: ingress.metadata.name, Key.issueTemporaryCertificate: "true"]
        case Key.http01IngressClass:
            return [Key.http01OverrideIngressClass: annotations[Key.http01IngressClass] ?? ""]
        case Key.http01IngressClassName:
            return [Key.http01OverrideIngressClassName: annotations[Key.http01IngressClassName] ?? ""]
        default: return [:]
        }
    }
}
