import CertificateAPI
import Testing
import Wire

@Suite("Conditions")
struct ConditionTests {
    private let early = Timestamp(secondsSince1970: 100)
    private let late = Timestamp(secondsSince1970: 200, nanoseconds: 5)

    @Test("the transition time changes only when the status flips")
    func transition() {
        let first = [Condition]().setting(Condition(type: "Ready", status: .no, reason: "A"), now: early)
        let second = first.setting(Condition(type: "Ready", status: .no, reason: "B"), now: late)
        let third = second.setting(Condition(type: "Ready", status: .yes, reason: "C"), now: late)
        #expect(second == [Condition(type: "Ready", status: .no, reason: "B", lastTransitionTime: early)])
        #expect(
            third
                == [
                    Condition(
                        type: "Ready", status: .yes, reason: "C",
                        lastTransitionTime: Timestamp(secondsSince1970: 200))
                ])
    }

    @Test("conditions of others stay")
    func others() {
        let other = Condition(type: "Approved", status: .yes)
        let all = [other].setting(Condition(type: "Ready", status: .yes), now: early)
        #expect(all.count == 2 && all[0] == other)
        #expect(Optional(all).removing("Ready") == [other])
        #expect(Optional([other]).removing("Approved") == nil)
    }
}
