import HTTPTypes
import Testing

@testable import HTTPServer

@Suite struct ConnectionMachineTests {
    static let request = ServerRequest(target: "/")

    @Test("a request is handed over when it is whole, and the connection then takes the next")
    func whole() {
        var machine = ConnectionMachine(bodyLimit: 10)
        for _ in 0..<2 {
            #expect(machine.headArrived(Self.request, keepAlive: true, announcedLength: 3) == .none)
            #expect(machine.bodyArrived([1, 2]) == .none)
            #expect(machine.bodyArrived([3]) == .none)
            var whole = Self.request
            whole.body = [1, 2, 3]
            #expect(machine.endArrived() == .handle(whole))
            #expect(machine.keepsAlive)
            #expect(machine.answered() == .none)
        }
    }

    @Test("a body past the limit is refused when announced and when it comes unannounced")
    func tooLong() {
        var announced = ConnectionMachine(bodyLimit: 10)
        #expect(
            announced.headArrived(Self.request, keepAlive: true, announcedLength: 11)
                == .refuseAndDrain(.contentTooLarge))
        var surprising = ConnectionMachine(bodyLimit: 10)
        _ = surprising.headArrived(Self.request, keepAlive: true, announcedLength: nil)
        #expect(surprising.bodyArrived(Array(repeating: 0, count: 11)) == .refuseAndDrain(.contentTooLarge))
        #expect(surprising.bodyArrived([1]) == .none)
        #expect(surprising.endArrived() == .close)
    }

    @Test("a slow request is told so, a silent connection is closed")
    func timeouts() {
        var slow = ConnectionMachine(bodyLimit: 10)
        _ = slow.headArrived(Self.request, keepAlive: true, announcedLength: nil)
        #expect(slow.timedOut() == .refuse(.requestTimeout))
        #expect(slow.timedOut() == .close)
        var silent = ConnectionMachine(bodyLimit: 10)
        #expect(silent.timedOut() == .close)
        #expect(silent.timedOut() == .none)
    }

    @Test("stopping closes what is idle at once and the rest after its answer")
    func stopping() {
        var idle = ConnectionMachine(bodyLimit: 10)
        #expect(idle.stopping() == .close)
        var busy = ConnectionMachine(bodyLimit: 10)
        _ = busy.headArrived(Self.request, keepAlive: true, announcedLength: nil)
        #expect(busy.stopping() == .none)
        #expect(busy.endArrived() == .handle(Self.request))
        #expect(!busy.keepsAlive)
        #expect(busy.answered() == .close)
    }

    @Test("a client that wants no further request gets its connection closed")
    func noKeepAlive() {
        var machine = ConnectionMachine(bodyLimit: 10)
        _ = machine.headArrived(Self.request, keepAlive: false, announcedLength: nil)
        _ = machine.endArrived()
        #expect(!machine.keepsAlive)
        #expect(machine.answered() == .close)
    }
}
