import PKI
package import Wire

/// CA certificates in the order in which they are written, none twice.
package struct CABundle: Sendable, Equatable {
    struct Member: Sendable, Equatable {
        let der: [UInt8]
        /// Nil for a certificate that we cannot read but the API server took.
        let notAfter: Timestamp?
    }

    /// More than any rotation needs; beyond it the oldest are left out.
    private static let maximumCount = 64

    private(set) var members: [Member] = []

    /// The certificates of a source: each must be one, and there must be one.
    package static func authority(pem: [UInt8], of what: String) throws(InjectionProblem) -> CABundle {
        do throws(PKIError) {
            var bundle = CABundle()
            for certificate in try Chain.parse(pem: pem, limit: PEMLimits.default.bundle) {
                bundle.add(Member(der: certificate.der, notAfter: certificate.notAfter))
            }
            return bundle
        } catch {
            throw .unreadable(what, reason: error.description)
        }
    }

    /// What stands in a target, as far as it can be read: somebody else may have written it.
    init(standing base64: String?) {
        for der in Self.blocks(base64) {
            add(Member(der: der, notAfter: (try? X509Certificate(der: der))?.notAfter))  // see `notAfter`
        }
    }

    private init() {}

    /// This bundle's certificates and behind them those of `older`, without any that has expired: while a CA is replaced,
    /// servers with certificates of either must be believed.
    package func joined(to older: CABundle, now: Timestamp) -> CABundle {
        var bundle = CABundle()
        for member in members + older.members where !member.hasExpired(at: now) {
            guard bundle.members.count < Self.maximumCount else { break }
            bundle.add(member)
        }
        return bundle
    }

    package func hasValid(at now: Timestamp) -> Bool { members.contains { !$0.hasExpired(at: now) } }

    /// When the first certificate expires; nil when none is known to.
    package var firstExpiry: Timestamp? { members.compactMap(\.notAfter).min() }

    package var base64: String {
        Base64.encode(Array(members.map { PEM.encode("CERTIFICATE", $0.der) }.joined().utf8))
    }

    /// Whether the same certificates stand in `base64`, in whatever order, each once and nothing else.
    func stands(in base64: String?) -> Bool {
        let standing = Self.blocks(base64)
        return standing.count == members.count && Set(standing) == Set(members.map(\.der))
    }

    /// What is no PEM counts as nothing, and is replaced.
    private static func blocks(_ base64: String?) -> [[UInt8]] {
        guard let pem = base64.flatMap({ Base64.decode($0) }),
            let blocks = try? PEM.parse(pem, limit: PEMLimits.default.bundle)
        else { return [] }
        return blocks.filter { $0.label == "CERTIFICATE" }.map(\.bytes)
    }

    private mutating func add(_ member: Member) {
        if !members.contains(where: { $0.der == member.der }) { members.append(member) }
    }
}

extension CABundle.Member {
    fileprivate func hasExpired(at now: Timestamp) -> Bool { notAfter.map { $0 <= now } ?? false }
}
