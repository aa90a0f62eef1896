import KubeModel

/// The challenges of ACME that can be answered here, by the names that servers give them.
///
/// The API has two types of Challenge, one for each way to answer: something that listens at the name (`HTTP-01`), or a
/// record in its zone (`DNS-01`). Which challenge it is beyond that stands in an annotation.
package enum ChallengeMethod: String, Sendable, Hashable, CaseIterable {
    /// RFC 8555 §8.3.
    case http01 = "http-01"
    /// RFC 8737.
    case tlsALPN01 = "tls-alpn-01"
    /// RFC 8555 §8.4.
    case dns01 = "dns-01"
    /// draft-ietf-acme-dns-account-label.
    case dnsAccount01 = "dns-account-01"
    /// draft-ietf-acme-dns-persist.
    case dnsPersist01 = "dns-persist-01"

    /// The type that the API has for it.
    package var kind: Challenge.Kind {
        switch self {
        case .http01, .tlsALPN01: .http01
        case .dns01, .dnsAccount01, .dnsPersist01: .dns01
        }
    }

    /// What an issuer without an annotation offers, first choice first.
    package static let standard: [ChallengeMethod] = [.http01, .dns01]
}

/// Whether each challenge of HTTP-01 has a pod, Service and way in of its own.
package enum SolverMode: String, Sendable, Hashable {
    /// Those of one namespace and issuer share them.
    case shared
    case each
}

/// Where the self-check of a challenge that is answered by a pod looks.
package enum SelfCheckPlace: String, Sendable, Hashable {
    /// Where the CA looks: at the name.
    case name
    /// At the solver's Service, from inside the cluster; for clusters that do not reach their own way in.
    case service
}

/// What leads to the pod of a TLS-ALPN-01 challenge whose solver has an `ingress`, since an Ingress cannot pass TLS on.
package enum TLSRouting: String, Sendable, Hashable {
    /// Nothing of ours: the user exposes the Service.
    case service
    /// Traefik's IngressRouteTCP.
    case traefik
}

extension Challenge {
    /// Nil for one that this version does not know.
    package var method: ChallengeMethod? {
        guard let text = metadata.annotations?[Names.Annotation.challengeType] else {
            return spec.type == .http01 ? .http01 : .dns01
        }
        return ChallengeMethod(rawValue: text).flatMap { $0.kind == spec.type ? $0 : nil }
    }

    /// The name of the TXT record that answers it; nil where none does, or where the annotation that it takes is damaged.
    package var recordName: String? {
        switch method {
        case .dns01: "_acme-challenge.\(spec.dnsName)"
        case .dnsPersist01: "_validation-persist.\(spec.dnsName)"
        case .dnsAccount01: accountLabel.map { "\($0)._acme-challenge.\(spec.dnsName)" }
        case .http01, .tlsALPN01, nil: nil
        }
    }

    /// What the account is called in record names: nothing else is let into one.
    package var accountLabel: String? {
        guard let text = metadata.annotations?[Names.Annotation.accountLabel], text.utf8.count == 17,
            text.hasPrefix("_"),
            text.utf8.dropFirst().allSatisfy({ byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "2")...UInt8(ascii: "7")).contains(byte)
            })
        else { return nil }
        return text
    }

    /// Whether the record that answers it stays, since it is to answer the next ones too.
    package var isPersistent: Bool { method == .dnsPersist01 }

    /// As people are told of it: `HTTP-01`.
    package var methodName: String { method?.rawValue.uppercased() ?? spec.type.rawValue }

    /// Challenges without the annotation were made by other programs, or before there was a choice.
    package var mode: SolverMode {
        metadata.annotations?[Names.Annotation.solverMode].flatMap(SolverMode.init) ?? .each
    }

    package var selfCheck: SelfCheckPlace {
        metadata.annotations?[Names.Annotation.selfCheck].flatMap(SelfCheckPlace.init) ?? .name
    }

    package var routing: TLSRouting {
        metadata.annotations?[Names.Annotation.tlsRouting].flatMap(TLSRouting.init) ?? .service
    }

    /// Whether it still waits for an answer: neither decided nor on its way out.
    package var isOpen: Bool { !metadata.isBeingDeleted && status?.state?.isFinal != true }

    /// What follows the token in the key authorization (RFC 8555 §8.1); nil where that is none.
    package var thumbprint: String? {
        let prefix = spec.token + "."
        guard spec.key.hasPrefix(prefix), spec.key.utf8.count > prefix.utf8.count else { return nil }
        return String(spec.key.dropFirst(prefix.count))
    }
}
