package import PKI
package import Wire

/// What is to be known of a chain of certificates.
package struct ChainReport: Sendable {
    package struct Entry: Sendable {
        /// "leaf", "intermediate 1", "root".
        package var place: String
        package var certificate: X509Certificate
    }
    /// Whether somebody who trusts these roots trusts the leaf: nil, or why not.
    package struct Trust: Sendable, Equatable {
        package var roots: String
        package var problem: String?
    }

    package let entries: [Entry]
    package let trust: [Trust]
    /// What is wrong with the chain as such.
    package let problems: [String]

    /// - Parameter anchors: sets of roots by name, each tried.
    package init(_ certificates: [X509Certificate], anchors: [(name: String, roots: [X509Certificate])], now: Timestamp)
    {
        var problems: [String] = []
        var trust: [Trust] = []
        do throws(PKIError) {
            let chain = try Chain.order(certificates)
            if chain.leaf != certificates.first { problems.append("the first certificate is not the leaf") }
            for (name, roots) in anchors where !roots.isEmpty {
                trust.append(Self.verify(chain, name, roots, now))
            }
        } catch {
            problems.append("\(error)")
        }
        entries = certificates.enumerated().map { index, certificate in
            let place = index == 0 ? "leaf" : certificate.isSelfSigned ? "root" : "intermediate \(index)"
            return Entry(place: place, certificate: certificate)
        }
        for certificate in certificates {
            if certificate.notAfter < now {
                problems.append("\"\(certificate.subject)\" expired at \(certificate.notAfter.rfc3339)")
            } else if now < certificate.notBefore {
                problems.append("\"\(certificate.subject)\" is valid only from \(certificate.notBefore.rfc3339)")
            }
        }
        if let leaf = certificates.first, let first = certificates.dropFirst().map(\.notAfter).min(),
            first < leaf.notAfter
        {
            problems.append("a certificate above the leaf runs out before it does, at \(first.rfc3339)")
        }
        self.trust = trust
        self.problems = problems
    }

    private static func verify(_ chain: Chain, _ name: String, _ roots: [X509Certificate], _ now: Timestamp) -> Trust {
        do throws(PKIError) {
            _ = try chain.verified(against: roots, at: now)
            return Trust(roots: name, problem: nil)
        } catch {
            return Trust(roots: name, problem: "\(error)")
        }
    }

    package var json: JSONValue {
        [
            "certificates": .array(entries.map { Self.json($0) }),
            "trust": .array(
                trust.map { ["roots": .string($0.roots), "problem": $0.problem.map { .string($0) } ?? nil] }),
            "problems": .array(problems.map { .string($0) }),
        ]
    }

    private static func json(_ entry: Entry) -> JSONValue {
        let facts = CertificateFacts(entry.certificate)
        var value: JSONValue = ["place": .string(entry.place)]
        for (name, texts) in facts.rows {
            value[name] =
                texts.count == 1 && !CertificateFacts.lists.contains(name)
                ? .string(texts[0]) : .array(texts.map { .string($0) })
        }
        return value
    }
}

/// One certificate, field by field.
package struct CertificateFacts: Sendable {
    /// In the order they are shown; a field with nothing in it is left out.
    package let rows: [(name: String, texts: [String])]

    /// What is a list also when it has one element.
    static let lists: Set = ["names", "usages", "crl", "ocsp", "issuerURLs"]

    package init(_ certificate: X509Certificate) {
        let extensions = certificate.extensions
        let rows: [(String, [String])] = [
            ("subject", ["\(certificate.subject)"]),
            ("issuer", ["\(certificate.issuer)"]),
            ("serial", [Hex.encode(certificate.serial)]),
            ("notBefore", [certificate.notBefore.rfc3339]),
            ("notAfter", [certificate.notAfter.rfc3339]),
            ("names", extensions.names.map(Self.text)),
            ("key", ["\(certificate.publicKey.algorithm)"]),
            ("isCA", [extensions.isCA ? "true" : "false"]),
            ("usages", Self.usages(extensions)),
            ("fingerprintSHA256", [Hex.encode(certificate.fingerprintSHA256)]),
            ("crl", extensions.crlDistributionPoints),
            ("ocsp", extensions.ocspServers),
            ("issuerURLs", extensions.issuingCertificateURLs),
        ]
        self.rows = rows.filter { !$0.1.isEmpty }
    }

    private static func text(_ name: GeneralName) -> String {
        switch name {
        case .dns(let text): "DNS:\(text)"
        case .ip(let address): "IP:\(address.text)"
        case .uri(let text): "URI:\(text)"
        case .email(let text): "email:\(text)"
        case .other(let oid, let text): "\(oid):\(text)"
        case .unknown(let tag, _): "form \(tag)"
        }
    }

    private static func usages(_ extensions: CertificateExtensions) -> [String] {
        let plain: [(KeyUsage, String)] = [
            (.digitalSignature, "digital signature"), (.contentCommitment, "content commitment"),
            (.keyEncipherment, "key encipherment"), (.dataEncipherment, "data encipherment"),
            (.keyAgreement, "key agreement"), (.certSign, "cert sign"), (.crlSign, "crl sign"),
        ]
        return plain.filter { extensions.keyUsage.contains($0.0) }.map(\.1)
            + extensions.extendedKeyUsage.map { "\($0)" }
    }
}
