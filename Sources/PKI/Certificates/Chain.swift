/// Certificates in order: the leaf first, each signed by the next. The root, when it came along, stands apart.
package struct Chain: Sendable, Hashable {
    /// Leaf first, without the root, unless the root is all there is.
    package let certificates: [X509Certificate]
    /// The self-signed certificate at the end, if it was given.
    package let root: X509Certificate?

    package var leaf: X509Certificate { certificates[0] }  // init takes care that there is one

    /// The root, or else the certificate nearest to it; nil for a lone certificate that is not self-signed.
    package var rootMost: X509Certificate? {
        root ?? (certificates.count > 1 ? certificates.last : nil)
    }

    /// The PEM texts of `certificates`, one after the other.
    package var pem: String { certificates.map(\.pem).joined() }

    /// Every certificate of a PEM text in its order. At least one.
    package static func parse(
        pem: [UInt8], limit: Int = PEMLimits.default.chain
    ) throws(PKIError) -> [X509Certificate] {
        try parse(pem: pem, limits: PEMLimits(chain: limit))
    }

    /// The same, with a limit to each certificate too.
    package static func parse(pem: [UInt8], limits: PEMLimits) throws(PKIError) -> [X509Certificate] {
        let blocks = try PEMText.contents(
            pem, of: "the certificate chain", labels: ["CERTIFICATE"], limit: limits.chain)
        var certificates: [X509Certificate] = []
        for block in blocks { certificates.append(try X509Certificate(der: block, limit: limits.certificate)) }
        return certificates
    }

    /// Puts certificates into the order of their signatures, however they were given. Duplicates are dropped, and of
    /// several certificates for one CA (cross-signed) the ones on the longest chain are kept.
    package static func order(_ unordered: [X509Certificate]) throws(PKIError) -> Chain {
        try ChainBuilder(unordered).build()
    }

    fileprivate init(path: [X509Certificate]) {
        guard let last = path.last, last.isSelfSigned else {
            certificates = path
            root = nil
            return
        }
        certificates = path.count == 1 ? path : Array(path.dropLast())
        root = last
    }

    /// One certificate and nothing above it.
    package init(_ certificate: X509Certificate) { self.init(path: [certificate]) }

    /// A certificate just signed, on top of the chain of its signer.
    package init(leaf: X509Certificate, signer: Chain) {
        let above = signer.certificates == signer.root.map { [$0] } ? [] : signer.certificates
        certificates = [leaf] + above
        root = signer.root
    }
}

/// Finds the one chain that certificates form.
private struct ChainBuilder {
    /// More than any real chain, few enough that trying all pairs is quick.
    private static let maximumCount = 32
    private static let maximumSteps = 4096

    /// What the certificates of one CA have in common.
    private struct Identity: Hashable {
        var subject: [UInt8]
        var key: [UInt8]
    }

    private let certificates: [X509Certificate]
    private let identities: [Identity]
    /// For each certificate the indexes of those that signed it, other certificates of its own CA left out.
    private let signers: [[Int]]

    init(_ unordered: [X509Certificate]) throws(PKIError) {
        var seen: Set<X509Certificate> = []
        let certificates = unordered.filter { seen.insert($0).inserted }
        guard !certificates.isEmpty else { throw .chain(reason: "there is no certificate") }
        guard certificates.count <= ChainBuilder.maximumCount else {
            throw .chain(
                reason: "there are \(certificates.count), and at most \(ChainBuilder.maximumCount) are accepted")
        }
        let identities = certificates.map { Identity(subject: $0.rawSubject, key: $0.publicKey.spki) }
        signers = certificates.indices.map { index in
            certificates.indices.filter { other in
                identities[other] != identities[index] && certificates[index].isSigned(by: certificates[other])
            }
        }
        self.certificates = certificates
        self.identities = identities
    }

    func build() throws(PKIError) -> Chain {
        var steps = 0
        var path: [Int] = []
        for leaf in try leaves() {
            let candidate = try longestPath([leaf], &steps)
            if candidate.count > path.count { path = candidate }
        }
        // What is left belongs to a CA of the path, or stands above such a certificate on a shorter chain.
        let issuing = Set(signers.joined())
        let kept = Set(path.map { identities[$0] })
        for index in certificates.indices where !kept.contains(identities[index]) && !issuing.contains(index) {
            throw .chain(reason: "\"\(certificates[index].subject)\" neither signed nor was signed by the others")
        }
        return Chain(path: path.map { certificates[$0] })
    }

    /// The certificates of the only name and key that signed no other.
    private func leaves() throws(PKIError) -> [Int] {
        let issuing = Set(signers.joined().map { identities[$0] })
        let leaves = certificates.indices.filter { !issuing.contains(identities[$0]) }
        guard let first = leaves.first else { throw .chain(reason: "every certificate has signed another") }
        guard leaves.allSatisfy({ identities[$0] == identities[first] }) else {
            let names = leaves.map { "\"\(certificates[$0].subject)\"" }.joined(separator: ", ")
            throw .chain(reason: "more than one certificate has signed no other: \(names)")
        }
        return leaves
    }

    private func longestPath(_ path: [Int], _ steps: inout Int) throws(PKIError) -> [Int] {
        steps += 1
        guard steps <= ChainBuilder.maximumSteps else {
            throw .chain(reason: "they are cross-signed in too many ways")
        }
        var best = path
        guard let end = path.last else { return best }
        for signer in signers[end] where !path.contains(where: { identities[$0] == identities[signer] }) {
            let candidate = try longestPath(path + [signer], &steps)
            if candidate.count > best.count { best = candidate }
        }
        return best
    }
}
