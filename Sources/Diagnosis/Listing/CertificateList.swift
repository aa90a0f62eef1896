package import CertificateAPI
import KubeModel
package import Wire

/// Certificates as a list shows them: those that run out first come first.
package struct CertificateList: Sendable {
    package struct Entry: Sendable, Equatable {
        package var namespace: String
        package var name: String
        package var isReady: Bool
        package var reason: String
        package var secretName: String
        package var issuer: String
        package var names: [String]
        package var notAfter: Timestamp?
        package var renewalTime: Timestamp?
        package var createdAt: Timestamp?
    }
    package let entries: [Entry]

    /// - Parameters:
    ///   - within: only those that run out within this time, or have done so, or hold no certificate; nil for all.
    ///   - issuer: only those of this issuer, by name or as `kind/name`.
    package init(_ certificates: [Certificate], now: Timestamp, within: Duration? = nil, issuer: String? = nil) {
        entries = certificates.map(Entry.init)
            .filter { entry in
                if let issuer, entry.issuer != issuer, !entry.issuer.hasSuffix("/\(issuer)") { return false }
                guard let within else { return true }
                return entry.notAfter.map { $0 <= now + within } ?? true
            }
            .sorted { one, other in
                let (a, b) = (one.notAfter ?? .init(secondsSince1970: 0), other.notAfter ?? .init(secondsSince1970: 0))
                return a == b ? (one.namespace, one.name) < (other.namespace, other.name) : a < b
            }
    }
}

extension CertificateList.Entry {
    package init(_ certificate: Certificate) {
        let ready = certificate.status?.conditions[type: Condition.Kind.ready]
        let spec = certificate.spec
        namespace = certificate.metadata.namespace ?? ""
        name = certificate.metadata.name
        isReady = ready?.status == .yes
        reason = ready?.reason ?? "NotSeen"
        secretName = spec.secretName
        issuer = "\(spec.issuerRef.effectiveKind)/\(spec.issuerRef.name)"
        names = (spec.dnsNames ?? []) + (spec.ipAddresses ?? []) + (spec.uris ?? []) + (spec.emailAddresses ?? [])
        if names.isEmpty, let common = spec.commonName.nonEmpty { names = [common] }
        notAfter = certificate.status?.notAfter
        renewalTime = certificate.status?.renewalTime
        createdAt = certificate.metadata.creationTimestamp
    }

    package var json: JSONValue {
        var value: JSONValue = [
            "namespace": .string(namespace), "name": .string(name), "ready": .bool(isReady), "reason": .string(reason),
            "secretName": .string(secretName), "issuer": .string(issuer),
            "names": .array(names.map { .string($0) }),
        ]
        if let notAfter { value["notAfter"] = .string(notAfter.rfc3339) }
        if let renewalTime { value["renewalTime"] = .string(renewalTime.rfc3339) }
        return value
    }
}
