import DNSWire
import Solvers
import Testing
import Wire

@Suite("Propagation of a TXT record")
struct PropagationTests {
    static let name = try! DNSName("_acme-challenge.a.example")  // a constant, and legal
    static let again = Duration.seconds(1)

    static func decide(_ outcomes: [Sighting.Outcome], waited: Duration = .zero) -> SelfCheck {
        let sightings = outcomes.enumerated().map { Sighting(server: "ns\($0 + 1)", outcome: $1) }
        return Propagation.decide(name, sightings, waited: waited, again: again)
    }

    @Test("seen by all is seen (N5d)")
    func all() {
        #expect(
            Self.decide([.shown, .shown]) == .visible("ns1 and ns2 show the TXT record of _acme-challenge.a.example"))
        #expect(Self.decide([.shown]) == .visible("ns1 shows the TXT record of _acme-challenge.a.example"))
    }

    @Test("one that lacks it is waited for, however long, and named")
    func one() {
        let expected = SelfCheck.notYet(
            "the TXT record of _acme-challenge.a.example: ns1 shows it; ns2 shows none (NXDOMAIN); "
                + "ns3 shows 2 other TXT records", again: Self.again)
        let outcomes: [Sighting.Outcome] = [.shown, .nothing(.nameError), .others(count: 2)]
        #expect(Self.decide(outcomes) == expected)
        #expect(Self.decide(outcomes, waited: .seconds(3600)) == expected)
    }

    @Test("one that cannot be reached from here is waited for a minute, if another shows the record")
    func silent() {
        let silent = Sighting.Outcome.silent(.timedOut(server: "192.0.2.1:53"))
        #expect(!Self.decide([.shown, silent], waited: .seconds(59)).isVisible)
        #expect(Self.decide([.shown, silent], waited: .seconds(60)).isVisible)
        #expect(!Self.decide([silent, silent], waited: .seconds(3600)).isVisible)
        #expect(!Self.decide([.shown, silent, .nothing(.noError)], waited: .seconds(3600)).isVisible)
        #expect(!Self.decide([], waited: .seconds(3600)).isVisible)
    }

    @Test("pauses between looks grow with the time waited, between bounds")
    func pace() {
        let start = Samples.presentedAt
        #expect(CheckPace.delay(presentedAt: nil, now: start) == .milliseconds(300))
        #expect(CheckPace.delay(presentedAt: start, now: start) == .milliseconds(300))
        #expect(CheckPace.delay(presentedAt: start, now: start + .seconds(8)) == .seconds(2))
        #expect(CheckPace.delay(presentedAt: start, now: start + .seconds(400)) == .seconds(10))
        #expect(CheckPace.delay(presentedAt: start + .seconds(9), now: start) == .milliseconds(300))
    }
}
