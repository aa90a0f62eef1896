import CertificateAPI
package import DNSWire
import Wire

/// Looks, before a CA is asked for a certificate, at what would keep it from giving one: CAA records, the clock, addresses
/// of names proved by HTTP-01, and zones of names proved by DNS-01. It writes nothing anywhere.
package struct Preflight: Sendable {
    /// A clock that is further off than this makes certificates look expired, or not valid yet.
    private static let tolerableSkew = Duration.seconds(60)
    /// Nothing that is decided by the clock is right any more.
    private static let intolerableSkew = Duration.seconds(3600)
    /// How many questions are asked at once.
    private static let width = 8
    /// How many names of one kind are told of; the rest are counted.
    private static let toldNames = 5

    /// Answers for CAA records and for zones.
    private let resolver: Resolver
    /// Answers for names that are proved by HTTP-01.
    private let addresses: Resolver
    private let zones: ZoneProbe

    package init(resolver: Resolver, addresses: Resolver, zones: ZoneProbe) {
        self.resolver = resolver
        self.addresses = addresses
        self.zones = zones
    }

    package func inspect(_ inquiry: PreflightInquiry) async -> [PreflightFinding] {
        async let caa = authorizations(inquiry)
        async let places = places(inquiry)
        return Self.bounded(Self.clock(inquiry.clockSkew) + (await caa) + (await places))
    }

    private static func clock(_ skew: Duration?) -> [PreflightFinding] {
        guard let skew else { return [] }
        let size = skew < .zero ? .zero - skew : skew
        guard size > tolerableSkew else { return [] }
        let seconds = size.components.seconds
        return [
            PreflightFinding(
                .clock, size > intolerableSkew ? .fault : .doubt,
                "the clock of this controller is \(seconds) s \(skew < .zero ? "ahead of" : "behind") the CA's; set it right"
            )
        ]
    }

    // MARK: CAA

    private func authorizations(_ inquiry: PreflightInquiry) async -> [PreflightFinding] {
        // A CA that does not say what it is called cannot be looked for.
        guard !inquiry.policy.identities.isEmpty else { return [] }
        let names = inquiry.names.compactMap { name in
            (try? DNSName(name.base)).flatMap { IPAddressText.isAddress(name.base) ? nil : (name, $0) }
        }
        var climb = CAAClimb()
        let wanted = Set(names.flatMap { CAAClimb.path(from: $0.1) })
        for (name, records) in await gather(Array(wanted), { await self.records(of: $0) }) {
            climb.found[name] = records
        }
        return names.compactMap { name, dnsName in
            switch climb.relevant(to: dnsName) {
            case .failure(let error):
                // A CA that gets no answer may not issue (RFC 8659 §6); whether it gets one is not known here.
                return PreflightFinding(
                    .caa, error.isServerFailure ? .fault : .doubt,
                    "\(name.text): its CAA records could not be looked up: \(error); a CA that sees the same refuses")
            case .success(let relevant):
                return inquiry.policy.objection(
                    in: relevant.records, isWildcard: name.isWildcard, method: name.method
                ).map { objection in
                    PreflightFinding(
                        .caa, .fault,
                        CAAWords.sentence(objection, about: name, at: relevant.owner, policy: inquiry.policy))
                }
            }
        }
    }

    private func records(of name: DNSName) async -> Result<[CAARecord], DNSError> {
        do throws(DNSError) {
            return .success(try await resolver.query(name, .caa).authorizations(of: name))
        } catch {
            return .failure(error)
        }
    }

    // MARK: Where names are proved

    private func places(_ inquiry: PreflightInquiry) async -> [PreflightFinding] {
        await gather(inquiry.names) { name in await place(of: name, inquiry) }.compactMap(\.1)
    }

    private func place(
        of name: PreflightInquiry.Name, _ inquiry: PreflightInquiry
    ) async -> PreflightFinding? {
        switch name.method {
        case "http-01": return await address(of: name)
        case "dns-01":
            guard let index = name.solver, inquiry.solvers.indices.contains(index) else { return nil }
            return await zones.finding(
                about: name, solver: inquiry.solvers[index], namespace: inquiry.namespace,
                isClusterIssuer: inquiry.isClusterIssuer)
        default: return nil
        }
    }

    private func address(of name: PreflightInquiry.Name) async -> PreflightFinding? {
        guard !IPAddressText.isAddress(name.base), let dnsName = try? DNSName(name.base) else { return nil }
        do throws(DNSError) {
            for type in [RecordType.a, .aaaa] {
                let answer = try await addresses.query(dnsName, type)
                if answer.answers.contains(where: { $0.type == type }) { return nil }
            }
            return PreflightFinding(
                .address, .fault,
                "\(name.text) has no address: add an A or AAAA record that leads to this cluster's ingress, since it is "
                    + "proved by HTTP-01")
        } catch {
            return PreflightFinding(.address, .doubt, "\(name.text): its address could not be looked up: \(error)")
        }
    }

    // MARK: Asking

    private func gather<Item: Sendable, Found: Sendable>(
        _ items: [Item], _ look: @escaping @Sendable (Item) async -> Found
    ) async -> [(Item, Found)] {
        await withTaskGroup(of: (Int, Found).self) { group in
            var next = 0
            func start() {
                guard next < items.count else { return }
                let index = next
                next += 1
                group.addTask { (index, await look(items[index])) }
            }
            for _ in 0..<Self.width { start() }
            var found: [Int: Found] = [:]
            while let (index, answer) = await group.next() {
                found[index] = answer
                start()
            }
            return items.indices.compactMap { index in found[index].map { (items[index], $0) } }
        }
    }

    /// What is the same for many names is said for a few of them.
    private static func bounded(_ findings: [PreflightFinding]) -> [PreflightFinding] {
        var told: [PreflightFinding] = []
        for kind in PreflightFinding.Kind.allCases {
            for severity in [PreflightFinding.Severity.fault, .doubt] {
                let same = findings.filter { $0.kind == kind && $0.severity == severity }
                told += same.prefix(toldNames)
                if same.count > toldNames {
                    told.append(PreflightFinding(kind, severity, "and \(same.count - toldNames) more names like that"))
                }
            }
        }
        return told
    }
}

extension PreflightInquiry.Name {
    var isWildcard: Bool { text.hasPrefix("*.") }
    /// The name without a wildcard's `*.`.
    var base: String { isWildcard ? String(text.dropFirst(2)) : text }
}

/// Tells addresses from names: only addresses have colons, and no DNS name ends in a label of digits (RFC 3696 §2).
enum IPAddressText {
    static func isAddress(_ text: String) -> Bool {
        if text.contains(":") { return true }
        let last = text.split(separator: ".").last ?? ""
        return !last.isEmpty && last.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }
}

extension DNSError {
    /// Servers were reached and could not find out.
    fileprivate var isServerFailure: Bool {
        if case .answered(_, _, _, .serverFailure) = self { true } else { false }
    }
}
