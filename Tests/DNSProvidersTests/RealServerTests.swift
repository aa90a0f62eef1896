import TestSupport
import Testing

/// The same promises, asked of real servers: one process for all of them.
@Suite("The contract of DNS providers against real servers", .serialized)
struct RealServerTests {
    @Test(
        "PowerDNS keeps every promise against a real server",
        .enabled(if: PowerDNSServer.isInstalled, "pdns_server is not installed"))
    func powerDNS() async throws {
        try await PowerDNSServer.run { server in
            let host = String(server.base.dropLast("/api/v1/servers/localhost".count))
            let subject = ContractSubject.powerDNS(host)
            for promise in Contract.promises where Contract.applies(promise, to: subject) {
                // It has no limit of requests to keep.
                if promise.testDescription.hasPrefix("200 challenges") { continue }
                try await server.reset()
                let world = ContractWorld(subject, server: server)
                do {
                    try await promise.check(world)
                } catch {
                    Issue.record("\(promise.testDescription): \(error)")
                }
                world.expectNoCredentialWasHeard()
            }
        }
    }

    @Test(
        "Route 53 keeps the promises that moto can tell",
        .enabled(if: MotoServer.isInstalled, "moto_server is not installed"))
    func route53() async throws {
        // moto has no pages and no rights. It judges a DELETE by everything that ever was at the name, and not by what is
        // (5.2.5, the newest, does so too), so that replicas are not told of each other.
        var subject = ContractSubject.route53
        subject.limits = [.overwrites, .noRestriction]
        subject.calls = CallCounts(coldPresent: 3, warmPresent: 2, warmCleanUp: 2)
        let left = ["wrong credentials", "200 challenges", "two replicas"]
        try await MotoServer.run { server in
            for promise in Contract.promises where Contract.applies(promise, to: subject) {
                if left.contains(where: { promise.testDescription.hasPrefix($0) }) { continue }
                try await server.reset()
                let world = ContractWorld(subject, server: server)
                do {
                    try await promise.check(world)
                } catch {
                    Issue.record("\(promise.testDescription): \(error)")
                }
                world.expectNoCredentialWasHeard()
            }
        }
    }
}
