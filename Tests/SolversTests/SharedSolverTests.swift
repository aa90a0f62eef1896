import CertificateAPI
import KubeModel
import Synchronization
import Testing
import Wire

@testable import Solvers

@Suite("Challenges that share their objects")
struct SharedSolverTests {
    static func objects(_ challenge: Challenge) throws -> SolverObjects {
        SolverObjects(
            challenge: challenge, way: .ingress(try #require(challenge.spec.solver.http01?.ingress)),
            options: HTTP01Options(image: "solver:1"))
    }

    static func set(_ challenge: Challenge) throws -> SolverSet { try #require(SolverSet(challenge)) }

    // MARK: Who shares with whom

    @Test("those of one namespace, issuer, account key and stanza are a set; each difference makes another")
    func sets() throws {
        let one = try Self.set(Samples.shared(1))
        #expect(try Self.set(Samples.shared(2)) == one)
        // A way of writing the same, and what says when a stanza is chosen or how long is waited, make no difference.
        let same = try Samples.shared(3) {
            $0.spec.issuerRef = IssuerReference(name: "issuer", kind: "Issuer", group: "cert-manager.io")
            $0.spec.solver.waitInsteadOfSelfCheck = "1s"
            $0.spec.solver.selector = Solver.Selector(dnsNames: ["n3.example"])
        }
        #expect(try Self.set(same) == one)
        let others = [
            try Samples.shared { $0.metadata.namespace = "other" },
            try Samples.shared { $0.spec.issuerRef.name = "other" },
            try Samples.shared { $0.spec.issuerRef.kind = "ClusterIssuer" },
            try Samples.shared { $0.spec.key = "token-1.another" },
            try Samples.shared(1, #"{"ingressClassName": "traefik"}"#),
            try Samples.shared(1, #"{"name": "web"}"#),
            try Samples.shared(1, #"{"podTemplate": {"spec": {"priorityClassName": "high"}}}"#),
        ]
        let sets = Set(try others.map(Self.set))
        #expect(sets.count == others.count)
        #expect(!sets.contains(one))
    }

    @Test("maps of a stanza may be written in any order")
    func order() throws {
        let one = #"{"podTemplate": {"metadata": {"labels": {"a": "1", "b": "2", "c": "3", "d": "4"}}}}"#
        let other = #"{"podTemplate": {"metadata": {"labels": {"d": "4", "c": "3", "b": "2", "a": "1"}}}}"#
        #expect(try Self.set(Samples.shared(1, one)) == Self.set(Samples.shared(1, other)))
    }

    @Test("without the annotation, with each, and where the key is none of the token's, a challenge stands alone")
    func alone() throws {
        #expect(try SolverSet(Samples.shared { $0.metadata.annotations = nil }) == nil)
        #expect(
            try SolverSet(Samples.shared { $0.metadata.annotations = [Names.Annotation.solverMode: "each"] }) == nil)
        #expect(try SolverSet(Samples.shared { $0.spec.key = "other.thumb" }) == nil)
        #expect(try SolverSet(Samples.shared { $0.spec.key = "token-1." }) == nil)
    }

    @Test("the shared pod knows the thumbprint alone; nothing shared has an owner, and the Service finds the pod")
    func sharedObjects() throws {
        let objects = try Self.objects(Samples.shared())
        let set = try #require(objects.shared)
        let labels = ["acme.cert-manager.io/http01-solver": "true", "certwright.dev/solver-set": set.digest]
        #expect(objects.pod.spec?["containers"]?[0]?["args"] == ["--listen-port=8089", "--thumbprint=thumb"])
        #expect(objects.service.spec?["selector"] == .object(objects.object(labels)))
        let ingress = objects.ingress(as: try #require(objects.challenge.spec.solver.http01?.ingress))
        for metadata in [objects.pod.metadata, objects.service.metadata, ingress.metadata] {
            #expect(metadata.name == "cm-acme-http-solver-\(set.digest)")
            #expect(metadata.labels == labels)
            #expect(metadata.ownerReferences == nil)
        }
    }

    @Test("an HTTPRoute stays the challenge's own, and leads to the shared Service")
    func sharedRoute() throws {
        let challenge = try Samples.shared {
            $0.spec.solver = try Samples.solver(
                #"{"http01": {"gatewayHTTPRoute": {"parentRefs": [{"name": "edge"}]}}}"#)
        }
        let gateway = try #require(challenge.spec.solver.http01?.gatewayHTTPRoute)
        let objects = SolverObjects(challenge: challenge, way: .gateway(gateway), options: HTTP01Options(image: "i"))
        let route = objects.route(as: gateway)
        #expect(route.metadata.name == SolverObjects.name(for: challenge))
        #expect(route.metadata.ownerReferences?.map(\.uid) == ["uid-1"])
        #expect(route.spec?["rules"]?[0]?["backendRefs"]?[0]?["name"]?.stringValue == objects.shared?.key.name)
    }

    // MARK: Rounds

    @Test("what comes while a round is under way waits for the next, which its first leads")
    func machine() throws {
        let set = try Self.set(Samples.shared())
        var machine = RoundMachine()
        func join(_ number: Int) -> Bool { machine.joined(SolverWish(number: number, aim: .tidy), set) }
        let first = [join(1), join(2)]
        #expect(first == [true, false])
        let one = machine.began(set).map(\.number)
        #expect(one == [1, 2])
        let meanwhile = [join(3), join(4)]
        #expect(meanwhile == [false, false])
        let next = machine.ended(set)
        #expect(next == 3)
        let two = machine.began(set).map(\.number)
        #expect(two == [3, 4])
        let last = machine.ended(set)
        #expect(last == nil)
        let again = join(5)
        #expect(again)
    }

    /// How many wishes each round had, and what it answers: those whose number ends in 7 fail.
    private final class Journal: Sendable {
        let sizes = Mutex<[Int]>([])

        func hold(_ wishes: [SolverWish]) async -> SolverRounds.Failures {
            sizes.withLock { $0.append(wishes.count) }
            // Long enough for the others to come; nobody cancels it.
            try? await Task.sleep(for: .milliseconds(300))
            var failures: SolverRounds.Failures = [:]
            for wish in wishes {
                guard case .present(let objects) = wish.aim else { continue }
                let name = objects.challenge.metadata.name
                if name.hasSuffix("7") { failures[wish.number] = .failed(name) }
            }
            return failures
        }
    }

    @Test("a hundred at once take two rounds, and each is told what became of its own")
    func gathering() async throws {
        let set = try Self.set(Samples.shared())
        let (rounds, journal) = (SolverRounds(), Journal())
        let all = try (1...100).map { try Self.objects(Samples.shared($0)) }
        let failed = await withTaskGroup(of: SolverError?.self) { group in
            for objects in all {
                group.addTask {
                    do throws(SolverError) {
                        try await rounds.run(.present(objects), in: set) { await journal.hold($0) }
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            return await group.reduce(into: Set<SolverError>()) { if let error = $1 { $0.insert(error) } }
        }
        #expect(failed == Set((1...100).filter { $0 % 10 == 7 }.map { .failed("order-1-\($0)") }))
        let sizes = journal.sizes.withLock { $0 }
        #expect(sizes.reduce(0, +) == 100)
        #expect(sizes.count <= 3, "\(sizes)")
    }

    @Test("the objects go with the last challenge, and stay for one that nobody has presented yet")
    func decision() throws {
        let (one, two) = (try Samples.shared(1), try Samples.shared(2))
        let present = SolverWish(number: 1, aim: .present(try Self.objects(one)))
        let retire = SolverWish(number: 2, aim: .retire(try Self.objects(one)))
        let tidy = SolverWish(number: 3, aim: .tidy)
        let paths: Set = [ChallengePath(two)]
        #expect(SharedRound.decide([present], open: [two]) == .serve([try Self.objects(one)], open: paths))
        #expect(SharedRound.decide([retire], open: [one]) == .remove)
        #expect(SharedRound.decide([retire], open: [one, two]) == .keep(open: paths))
        #expect(SharedRound.decide([tidy], open: []) == .remove)
        #expect(SharedRound.decide([tidy], open: [two]) == .keep(open: paths))
        let other = SolverWish(number: 4, aim: .present(try Self.objects(two)))
        #expect(SharedRound.decide([retire, other], open: [one, two]) == .serve([try Self.objects(two)], open: paths))
    }

    private final class Known: Sendable {
        let challenges: Mutex<[Challenge]>

        init(_ challenges: [Challenge]) { self.challenges = Mutex(challenges) }
    }

    @Test("two that end in the same moment take the objects with them, though neither is known to be over")
    func endingTogether() throws {
        let (one, two) = (try Samples.shared(1), try Samples.shared(2))
        let known = Known([one, two])
        let open = OpenChallenges { _ in known.challenges.withLock { $0 } }
        let set = try Self.set(one)
        #expect(open.under(set).count == 2)
        open.retire(one)
        #expect(open.under(set) == [two])
        open.retire(two)
        #expect(open.under(set).isEmpty)
        open.reopen(one)
        #expect(open.under(set) == [one])
        // What is gone is forgotten; what no Order made counts for nothing.
        open.retire(one)
        known.challenges.withLock { $0 = [] }
        #expect(open.under(set).isEmpty)
        known.challenges.withLock { $0 = [one] }
        #expect(open.under(set) == [one])
        let forged = try Samples.shared { $0.metadata.ownerReferences = nil }
        #expect(OpenChallenges { _ in [forged] }.under(set).isEmpty)
    }

    // MARK: The rules of an Ingress

    @Test("an Ingress gets the paths of those that come, keeps those of the open, and loses those that are over")
    func rules() throws {
        let all = try (1...3).map { try Samples.shared($0) }
        let objects = try all.map(Self.objects)
        let service = objects[0].key.name
        let two = try #require(
            IngressEdit.settling([], adding: Array(objects[0...1]), open: [], service: service))
        #expect(two.map(\.host) == ["n1.example", "n2.example"])
        #expect(IngressEdit.settling(two, adding: Array(objects[0...1]), open: [], service: service) == nil)
        let three = try #require(
            IngressEdit.settling(two, adding: [objects[2]], open: [ChallengePath(all[1])], service: service))
        #expect(three.map(\.host) == ["n2.example", "n3.example"])
        // The user's own paths, and those of other sets, are not touched.
        let theirs = [
            IngressEditTests.rule("n2.example", [IngressEditTests.own]),
            IngressEditTests.rule("x.example", [try Self.objects(Samples.shared(9, #"{"class": "c"}"#)).ingressPath]),
        ]
        let edited = try #require(IngressEdit.settling(theirs, adding: [objects[1]], open: [], service: service))
        #expect(edited[0].http?.paths == [objects[1].ingressPath, IngressEditTests.own])
        #expect(IngressEdit.settling(edited, adding: [], open: [], service: service) == theirs)
    }

    // MARK: Leftovers

    private static let now = Samples.presentedAt

    private func verdict(_ metadata: ObjectMeta, _ challenges: [Challenge]) -> Leftovers.Verdict {
        Leftovers.judge(metadata, challenges: challenges, now: Self.now)
    }

    @Test("what belongs to a challenge that is gone, or over and let go of, is left over; all else is needed")
    func leftovers() throws {
        var each = try Samples.shared { $0.metadata.annotations = nil }
        each.metadata.finalizers = [Names.Finalizer.challenge]
        var pod = try Self.objects(each).pod.metadata
        pod.creationTimestamp = Self.now - .seconds(61)
        #expect(verdict(pod, [each]) == .needed)
        #expect(verdict(pod, []) == .leftover)
        var over = each
        over.status?.state = .valid
        #expect(verdict(pod, [over]) == .needed)
        over.metadata.finalizers = nil
        #expect(verdict(pod, [over]) == .leftover)
        var young = pod
        young.creationTimestamp = Self.now - .seconds(59)
        #expect(verdict(young, []) == .needed)
        var going = pod
        going.deletionTimestamp = Self.now
        #expect(verdict(going, []) == .needed)
        var foreign = pod
        foreign.ownerReferences = nil
        #expect(verdict(foreign, []) == .needed)
        let shared = try Samples.shared()
        #expect(verdict(try Self.objects(shared).pod.metadata, []) == .shared(try Self.set(shared)))
    }

    @Test("a path of the user's Ingress goes when no challenge asks for it any more")
    func leftPaths() throws {
        let challenge = try Samples.shared(1, #"{"name": "web"}"#)
        let path = try Self.objects(challenge).ingressPath
        let rules = [IngressEditTests.rule("n1.example", [path, IngressEditTests.own])]
        #expect(Leftovers.removing(from: rules, challenges: [challenge]) == nil)
        #expect(
            Leftovers.removing(from: rules, challenges: []) == [
                IngressEditTests.rule("n1.example", [IngressEditTests.own])
            ])
        // Somebody else's solver is left alone.
        let theirs = [
            IngressEditTests.rule(
                "n1.example",
                [Ingress.Path(path: path.path, pathType: "Exact", backend: ["service": ["name": "own-solver"]])])
        ]
        #expect(Leftovers.removing(from: theirs, challenges: []) == nil)
    }
}
