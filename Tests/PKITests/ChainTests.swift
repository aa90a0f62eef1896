import PKI
import Testing
import Wire

@Suite("Chains")
struct ChainTests {
    @Test("every order of four certificates gives the same chain")
    func shuffles() async throws {
        let ordered = try await Samples.chain()
        for order in permutations(ordered) {
            let chain = try Chain.order(order)
            #expect(chain.certificates == Array(ordered.dropLast()))
            #expect(chain.root == ordered.last)
            #expect(chain.rootMost == ordered.last)
        }
        let duplicated = try Chain.order(ordered + ordered.reversed())
        #expect(duplicated.certificates.count == 3)
        #expect(try Chain.parse(pem: Array(duplicated.pem.utf8)) == duplicated.certificates)
    }

    @Test("without its root, the chain's last certificate is the one nearest to it")
    func noRoot() async throws {
        let ordered = try await Samples.chain()
        let chain = try Chain.order([ordered[1], ordered[2], ordered[0]])
        #expect(chain.certificates == Array(ordered.dropLast()))
        #expect(chain.root == nil)
        #expect(chain.rootMost == ordered[2])
        #expect(try Chain.order([ordered[0]]).rootMost == nil)
        let root = try Chain.order([ordered[3]])
        #expect(root.certificates == [ordered[3]])
        #expect(root.root == ordered[3])
    }

    @Test("a gap, a stranger and two leaves are refused")
    func broken() async throws {
        let ordered = try await Samples.chain()
        let stranger = try await Samples.signed("stranger").certificate
        for set in [[ordered[0], ordered[2], ordered[3]], ordered + [stranger], []] {
            #expect(throws: PKIError.self) { try Chain.order(set) }
        }
    }

    @Test("the path through a cross-signed root is taken, since it is the longer one")
    func crossSigned() async throws {
        let old = try await Samples.signed("old")
        let new = try await Samples.signed("new")
        let cross = try await Samples.template("new", new.key.publicKey, isCA: true)
            .signed(by: old.certificate, key: old.key)
        let leaf = try await Samples.signed("leaf", by: new, isCA: false).certificate
        for order in permutations([leaf, new.certificate, cross, old.certificate]) {
            let chain = try Chain.order(order)
            #expect(chain.certificates == [leaf, cross])
            #expect(chain.root == old.certificate)
        }
    }

    @Test("verification finds the right chain good, and says what is wrong with others")
    func verification() async throws {
        let ordered = try await Samples.chain()
        let chain = try Chain.order(ordered)
        let root = try #require(chain.root)
        #expect(try chain.verified(against: [root], at: Samples.noon).chain == chain)
        // An intermediate may be the anchor.
        #expect(throws: Never.self) { try chain.verified(against: [ordered[2]], at: Samples.noon) }
        let stranger = try await Samples.signed("root").certificate
        for (anchors, time, reason) in [
            ([stranger], Samples.noon, "unable to get"), ([], Samples.noon, "unable to get"),
            ([root], Samples.noon - .seconds(1), "not yet valid"),
            ([root], Samples.noon + .seconds(86_400 * 91), "expired"),
        ] {
            let error = #expect(throws: PKIError.self) { try chain.verified(against: anchors, at: time) }
            #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
        }
    }

    @Test("a leaf cannot sign, and name constraints hold")
    func constraints() async throws {
        let leaf = try await Samples.signed("leaf", isCA: false)
        let below = try await Samples.signed("below", by: leaf, isCA: false).certificate
        let wrong = try Chain.order([below, leaf.certificate])
        #expect(throws: PKIError.self) { try wrong.verified(against: [leaf.certificate], at: Samples.noon) }

        let rootKey = try await PrivateKey.generate(.ecdsa(.p256))
        var template = try Samples.template("root", rootKey.publicKey, isCA: true)
        var constraints = NameConstraints()
        constraints.isCritical = true
        constraints.permitted.dnsDomains = ["example.org"]
        template.extensions.nameConstraints = constraints
        let root = Samples.Signer(certificate: try await template.signed(by: nil, key: rootKey), key: rootKey)
        let outside = try await Samples.signed("a", by: root, isCA: false).certificate  // a.example.com
        let error = #expect(throws: PKIError.self) {
            try Chain.order([outside, root.certificate]).verified(against: [root.certificate], at: Samples.noon)
        }
        #expect(error?.description.contains("permitted subtree violation") == true)
    }

    @Test("a leaf on top of its signer's chain")
    func stacked() async throws {
        let ordered = try await Samples.chain()
        let signer = try Chain.order(Array(ordered.dropFirst()))
        #expect(Chain(leaf: ordered[0], signer: signer) == (try Chain.order(ordered)))
        let rootOnly = try Chain.order([ordered[3]])
        let direct = Chain(leaf: ordered[2], signer: rootOnly)
        #expect(direct.certificates == [ordered[2]])
        #expect(direct.root == ordered[3])
    }

    @Test("a verified chain grows by a leaf its signer made, and by no other")
    func extended() async throws {
        let root = try await Samples.signed("root")
        let signer = try Chain.order([root.certificate]).verified(against: [root.certificate], at: Samples.noon)
        let leaf = try await Samples.signed("leaf", by: root, isCA: false)
        let chain = try signer.extended(with: leaf.certificate, at: Samples.noon).chain
        #expect(chain == (try Chain.order([leaf.certificate, root.certificate])))
        let stranger = try await Samples.signed("leaf", by: try await Samples.signed("root"), isCA: false).certificate
        for (certificate, time) in [(stranger, Samples.noon), (leaf.certificate, Samples.noon + .seconds(86_400 * 91))]
        {
            // with the signer's key at hand, with another's, and without
            for key in [root.key, leaf.key, nil] {
                #expect(throws: PKIError.self) { try signer.extended(with: certificate, at: time, key: key) }
            }
        }
        for key in [root.key, leaf.key] {
            #expect(try signer.extended(with: leaf.certificate, at: Samples.noon, key: key).chain == chain)
        }
        let below = try await Samples.signed("below", by: leaf, isCA: false).certificate
        let wrong = try signer.extended(with: leaf.certificate, at: Samples.noon)
        #expect(throws: PKIError.self) { try wrong.extended(with: below, at: Samples.noon) }
    }

    @Test("a path length of zero and name constraints hold for what is put on top")
    func extendedWithConstraints() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var template = try Samples.template("root", key.publicKey, isCA: true)
        template.extensions.basicConstraints = BasicConstraints(isCA: true, pathLength: 0)
        let root = Samples.Signer(certificate: try await template.signed(by: nil, key: key), key: key)
        let signer = try Chain.order([root.certificate]).verified(against: [root.certificate], at: Samples.noon)
        let lower = try await Samples.signed("lower", by: root)
        let lowerChain = try signer.extended(with: lower.certificate, at: Samples.noon)
        let leaf = try await Samples.signed("leaf", by: lower, isCA: false).certificate
        let error = #expect(throws: PKIError.self) { try lowerChain.extended(with: leaf, at: Samples.noon) }
        #expect(error?.description.contains("path length") == true, "\(String(describing: error))")
    }

    @Test("more than 32 certificates are refused, and 32 of one CA are one link")
    func tangled() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var twins: [X509Certificate] = []
        let template = try Samples.template("ca", key.publicKey, isCA: true)
        for _ in 0..<33 { twins.append(try await template.signed(by: nil, key: key)) }
        #expect(throws: PKIError.self) { try Chain.order(twins) }
        #expect(try Chain.order(Array(twins.dropLast())).certificates.count == 1)
    }

    @Test("a PEM text with anything that is not a certificate is refused, and comments are not")
    func parsing() async throws {
        let ordered = try await Samples.chain()
        let pem = ordered.map(\.pem).joined()
        let commented = "subject=x\n" + ordered.map { "# next\n" + $0.pem }.joined(separator: "\n")
        #expect(try Chain.parse(pem: Array(commented.utf8)) == ordered)
        #expect(try Chain.parse(pem: Array(pem.replacing("\n", with: "\r\n").utf8)) == ordered)
        let key = text(try await PrivateKey.generate(.ed25519).pem(.pkcs8))
        for bad in [pem + key, pem + "x", String(pem.dropLast(3)), "x" + pem, ""] {
            #expect(throws: PKIError.self) { try Chain.parse(pem: Array(bad.utf8)) }
        }
        #expect(throws: PKIError.self) { try Chain.parse(pem: Array(pem.utf8), limit: pem.utf8.count - 1) }
    }

    private func permutations<T>(_ items: [T]) -> [[T]] {
        guard let first = items.first else { return [[]] }
        return permutations(Array(items.dropFirst())).flatMap { rest in
            (0...rest.count).map { index in rest[..<index] + [first] + rest[index...] }
        }
    }
}
