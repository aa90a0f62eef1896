import ArgumentParser
import Testing
import Wire

@testable import certwright

@Suite("flags of certwright controller")
struct FlagTests {
    func parse(_ arguments: String...) throws -> ControllerCommand {
        let command = try Certwright.parseAsRoot(SwitchSyntax.rewritten(["controller"] + arguments))
        return try #require(command as? ControllerCommand)
    }

    @Test("without flags every default works")
    func defaults() throws {
        let command = try parse()
        #expect(command.leaderElection.leaderElect)
        #expect(command.leaderElection.leaderElectionLeaseDuration.description == "1m0s")
        #expect(command.controllers.concurrentWorkers == 5)
        #expect(command.serving.metricsListenAddress == ListenAddress(host: "0.0.0.0", port: 9402))
        #expect(try ControllerName.selected(by: command.controllers.controllers) == Set(ControllerName.allCases))
    }

    @Test("switches take the Kubernetes spelling")
    func switches() throws {
        let command = try parse("--leader-elect=false", "--enable-certificate-owner-ref=true", "--http2")
        #expect(!command.leaderElection.leaderElect)
        #expect(command.certificates.enableCertificateOwnerRef)
        #expect(command.cluster.http2)
    }

    @Test("every switch of the command is known to the rewriting, and the other way round")
    func switchList() {
        let help = ControllerCommand.helpMessage(columns: 400)
        let inHelp = help.split(separator: "\n").compactMap { line -> String? in
            let parts = line.split(separator: "/--no-")
            guard parts.count == 2, let name = parts[1].split(separator: " ").first else { return nil }
            return String(name)
        }
        #expect(Set(inHelp) == SwitchSyntax.switches)
    }

    @Test("lists are split at commas")
    func lists() throws {
        let command = try parse("--dns01-recursive-nameservers=10.0.0.1:53, 10.0.0.2:5353")
        #expect(command.acme.dns01RecursiveNameservers == ["10.0.0.1:53", "10.0.0.2:5353"])
    }

    @Test(
        "what cannot work is refused at start with the flag's name",
        arguments: [
            ("--controllers=*,nonsense", "nonsense"), ("--controllers=*,-certificates-trigger", "works as one"),
            ("--leader-election-renew-deadline=90s", "--leader-election-lease-duration"),
            ("--concurrent-workers=0", "--concurrent-workers"), ("--max-concurrent-challenges=0", "--max-concurrent"),
            ("--enable-gateway-api-listenerset", "--enable-gateway-api"),
            ("--acme-http01-solver-extra-labels=nokey", "nokey"), ("--metrics-listen-address=nine", "--metrics-listen"),
        ])
    func refused(argument: String, part: String) {
        #expect {
            try parse(argument)
        } throws: { error in
            Certwright.fullMessage(for: error).contains(part)
        }
    }

    @Test("a controller can be left out")
    func leftOut() throws {
        let selected = try ControllerName.selected(by: ["*", "-ingress-shim"])
        #expect(selected == Set(ControllerName.allCases).subtracting([.ingressShim]))
    }
}
