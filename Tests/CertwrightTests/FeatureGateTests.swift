import ArgumentParser
import Testing

@testable import certwright

@Suite("feature gates")
struct FeatureGateTests {
    func problem(_ text: String, for programs: Set<Program> = [.controller]) -> String? {
        do throws(FeatureGates.Problem) {
            _ = try FeatureGates(text, for: programs)
            return nil
        } catch {
            return error.description
        }
    }

    @Test("gates that switch something are as given, else as their stage has them")
    func switches() throws {
        #expect(try !FeatureGates("", for: [.controller]).isOn(.listenerSets))
        #expect(try FeatureGates("", for: [.controller]).isOn(.gatewayAPI))
        let gates = try FeatureGates(
            "ListenerSets=true,ExperimentalGatewayAPISupport=false", for: [.controller])
        #expect(gates.isOn(.listenerSets))
        #expect(!gates.isOn(.gatewayAPI))
        #expect(gates.notices == [])
    }

    @Test("AllAlpha and AllBeta count for every gate that is not named itself")
    func stages() throws {
        let gates = try FeatureGates(
            "AllAlpha=true,AllBeta=false,ListenerSets=false", for: [.controller])
        #expect(!gates.isOn(.listenerSets))
        #expect(gates.isOn(.certificateSigningRequests))
        #expect(!gates.isOn(.gatewayAPI))
        #expect(gates.notices == [])
    }

    @Test("a gate that switches nothing is taken, and the log says why")
    func notices() throws {
        let gates = try FeatureGates("ValidateCAA=true,ServerSideApply=false,NameConstraints=true", for: [.controller])
        #expect(gates.isOn(.nameConstraints))
        #expect(!gates.isOn(.validateCAA))
        #expect(
            gates.notices.map { $0.split(separator: " ")[3] } == ["NameConstraints", "ServerSideApply", "ValidateCAA"])
    }

    @Test("an unknown gate is refused with the names of the program's own")
    func unknown() {
        #expect(problem("Nonsense=true")?.contains("ListenerSets") == true)
        #expect(problem("ListenerSets=true", for: [.cainjector])?.contains("CAInjectorMerging") == true)
        #expect(problem("CAInjectorMerging=true", for: [.controller, .cainjector]) == nil)
        #expect(problem("LiteralCertificateSubject=true", for: [.webhook]) == nil)
        #expect(problem("ListenerSets=maybe") != nil)
    }

    @Test("what is settled cannot be switched off")
    func settled() {
        #expect(problem("AdditionalCertificateOutputFormats=true") == nil)
        #expect(problem("AdditionalCertificateOutputFormats=false")?.contains("settled") == true)
    }

    @Test("gates take the Gateway API away from the flags that ask for it, and never add it")
    func gateway() throws {
        func left(_ gates: String, _ flags: String...) throws -> [Bool] {
            let command = try Certwright.parseAsRoot(["controller"] + flags)
            var gateway = try #require(command as? ControllerCommand).gateway
            gateway.limit(by: try FeatureGates(gates, for: [.controller]))
            return [gateway.enableGatewayApi, gateway.enableGatewayApiListenerset]
        }
        let both = ["--enable-gateway-api", "--enable-gateway-api-listenerset"]
        #expect(try left("", both[0], both[1]) == [true, true])
        #expect(try left("ListenerSets=false", both[0], both[1]) == [true, false])
        #expect(try left("ExperimentalGatewayAPISupport=false", both[0], both[1]) == [false, false])
        #expect(try left("AllAlpha=true,AllBeta=true") == [false, false])
    }
}
