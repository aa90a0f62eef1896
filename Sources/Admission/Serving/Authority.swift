import CertificateAPI
package import KubeModel
package import PKI
package import Wire

/// The CA that signs serving certificates, as a Secret keeps it for all replicas.
package struct Authority: Sendable {
    package let certificate: X509Certificate
    package let key: PrivateKey
    /// All that clients are to trust: this CA first, then those it took the place of while their leaves live.
    package let bundle: [X509Certificate]

    package init(certificate: X509Certificate, key: PrivateKey, bundle: [X509Certificate]) {
        self.certificate = certificate
        self.key = key
        self.bundle = bundle
    }

    package var bundlePEM: String { bundle.map(\.pem).joined() }

    /// What is wrong with a Secret that should hold an authority.
    package struct Damage: Error, Sendable, Hashable {
        package var reason: String
    }

    /// Reads what is in a Secret. A CA whose key, certificate and bundle do not belong together is damaged.
    package init(_ secret: Secret) throws(Damage) {
        do {
            certificate = try X509Certificate(pem: secret[Names.SecretKey.certificate] ?? [])
            key = try PrivateKey(pem: secret[Names.SecretKey.privateKey] ?? [])
            bundle = try Chain.parse(pem: secret[Names.SecretKey.ca] ?? [])
        } catch {
            throw Damage(reason: error.description)
        }
        guard key.publicKey == certificate.publicKey else {
            throw Damage(reason: "the private key is not that of the certificate")
        }
        guard certificate.canSignCertificates, certificate.isSelfSigned else {
            throw Damage(reason: "the certificate is not that of a self-signed CA")
        }
        guard bundle.contains(certificate) else { throw Damage(reason: "ca.crt does not hold the certificate") }
    }
}

/// Everything that the decision about the authority looks at.
package struct AuthorityView: Sendable {
    /// Nil when the cluster has none.
    package var secret: Secret?
    /// The CA that signed what this replica serves now.
    package var mine: X509Certificate?
    package var leafLifetime: Duration
    package var now: Timestamp

    package init(secret: Secret?, mine: X509Certificate? = nil, leafLifetime: Duration, now: Timestamp) {
        self.secret = secret
        self.mine = mine
        self.leafLifetime = leafLifetime
        self.now = now
    }
}

package enum AuthorityAction: Sendable {
    case use(Authority)
    /// Make a new CA and put it in the Secret, with these older ones beside it in the bundle.
    case issue(because: String, keeping: [X509Certificate])
    /// Write only `ca.crt` anew.
    case rewriteBundle(Authority, [X509Certificate])
}

package enum AuthorityDecision {
    /// How far apart the clocks of a cluster may be.
    package static let skew = Duration.seconds(300)

    package static func decide(_ view: AuthorityView) -> AuthorityAction {
        let keys = [Names.SecretKey.certificate, Names.SecretKey.privateKey, Names.SecretKey.ca]
        guard let secret = view.secret, keys.contains(where: { secret[$0]?.isEmpty == false }) else {
            return .issue(because: "there is none", keeping: alive([], view))
        }
        let authority: Authority
        do throws(Authority.Damage) {
            authority = try Authority(secret)
        } catch {
            // Of a bundle that can still be read nothing is lost.
            let older = (try? Chain.parse(pem: secret[Names.SecretKey.ca] ?? [])) ?? []
            return .issue(because: "it is damaged: \(error.reason)", keeping: alive(older, view))
        }
        guard view.now < renewalTime(of: authority.certificate) else {
            return .issue(because: "two thirds of its life are over", keeping: alive(authority.bundle, view))
        }
        let wanted = bundle(of: authority, view)
        return wanted == authority.bundle ? .use(authority) : .rewriteBundle(authority, wanted)
    }

    /// Two thirds of the life.
    package static func renewalTime(of certificate: X509Certificate) -> Timestamp {
        certificate.notBefore + (certificate.notAfter - certificate.notBefore) * 2 / 3
    }

    /// An older CA stays for as long as a leaf of it can live, counted from when the newer one came.
    private static func bundle(of authority: Authority, _ view: AuthorityView) -> [X509Certificate] {
        let isOverlapping = view.now < authority.certificate.notBefore + skew + view.leafLifetime
        let older = authority.bundle.filter {
            $0 != authority.certificate && isOverlapping && view.now < $0.notAfter
        }
        return [authority.certificate] + older
    }

    private static func alive(_ certificates: [X509Certificate], _ view: AuthorityView) -> [X509Certificate] {
        var kept: [X509Certificate] = []
        for certificate in certificates + (view.mine.map { [$0] } ?? []) {
            if view.now < certificate.notAfter, !kept.contains(certificate) { kept.append(certificate) }
        }
        // One that was replaced again and again (somebody damages it) must not make the bundle grow without end.
        return Array(kept.suffix(4))
    }
}
