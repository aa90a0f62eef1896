import ArgumentParser
import CertificateAPI
import Diagnosis
import KubeClient
import KubeModel
import Wire

/// `kubectl cert renew`.
struct RenewCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "renew", abstract: "Has Certificates issued anew, whatever their age.",
        discussion: """
            kubectl cert renew shop api; kubectl cert renew -l app=shop; kubectl cert renew --all -A. The back-off after \
            failures is passed over; the limits of a CA are not. With --wait it exits with 1 when one of them fails.
            """)

    @Argument(help: "Names of Certificates.", completion: .certificates) var names: [String] = []

    @Flag(help: "All Certificates of the namespace, or with -A of the cluster.")
    var all = false

    @Option(name: [.customShort("l"), .long], help: "A label selector.")
    var selector: String?

    @Flag(help: "Wait until they are issued, and tell how far they are.")
    var wait = false

    @Option(help: "How long to wait in all.", transform: ListCommand.span)
    var timeout = Duration.seconds(600)

    @OptionGroup var output: OutputFlags
    @OptionGroup var place: NamespacesFlags
    @OptionGroup(title: "Cluster") var connection: ConnectionFlags

    func validate() throws {
        if names.isEmpty, !all, selector == nil {
            throw ValidationError("Name Certificates, or say --all, or --selector.")
        }
        if !names.isEmpty, all || selector != nil {
            throw ValidationError("Names and --all or --selector cannot be given together.")
        }
        if all, selector != nil { throw ValidationError("--all and --selector cannot be given together.") }
        if !names.isEmpty, place.allNamespaces {
            throw ValidationError("Names and --all-namespaces do not go together.")
        }
    }

    func run() async throws {
        let console = Console(output)
        let command = self
        let failed = try await Session.run(connection, namespace: place.namespace) { session in
            let chosen = try await command.chosen(session)
            if chosen.isEmpty { Console.note("No Certificates found.") }
            var renewals: [Renewal] = []
            let now = await session.clusterTime().now
            for certificate in chosen {
                renewals.append(try await command.start(certificate, session, now: now))
            }
            if !command.wait {
                Self.tell(renewals, console)
                return 0
            }
            return try await RenewalWait(session: session, console: console, limit: command.timeout).wait(renewals)
        }
        if failed > 0 { throw ExitCode(CommandFailure.notWell) }
    }

    private static func tell(_ renewals: [Renewal], _ console: Console) {
        let list: JSONValue = .array(
            renewals.map {
                [
                    "namespace": .string($0.key.namespace), "name": .string($0.key.name),
                    "triggered": .bool(!$0.wasUnderWay),
                ]
            })
        if console.printed(["items": list]) { return }
        for renewal in renewals {
            if console.format == .name {
                console.say("certificate.cert-manager.io/\(renewal.key.name)")
            } else {
                console.say(
                    renewal.wasUnderWay
                        ? "Certificate \(renewal.key) is being issued already"
                        : "Manually triggered issuance of Certificate \(renewal.key)")
            }
        }
    }

    private func chosen(_ session: Session) async throws -> [Certificate] {
        guard names.isEmpty else {
            var found: [Certificate] = []
            for name in names {
                found.append(
                    try await session.object(Certificate.self, name.split(separator: "/").last.map(String.init) ?? name)
                )
            }
            return found
        }
        let namespace = place.chosen(session.client.configuration)
        return try await session.client.listAll(
            Certificate.self, ListOptions(namespace: namespace, labelSelector: selector)
        ).items
    }

    /// Once more where somebody wrote the status in between.
    private func start(_ certificate: Certificate, _ session: Session, now: Timestamp) async throws -> Renewal {
        var certificate = certificate
        for attempt in 0..<5 {
            let revision = certificate.status?.revision ?? 0
            switch ManualRenewal.decide(certificate, now: now) {
            case .underWay: return Renewal(key: certificate.key, revision: revision, since: now, wasUnderWay: true)
            case .patch(let patch):
                do throws(KubeError) {
                    _ = try await session.client.mergePatch(
                        patch, of: Certificate.self, certificate.key, subresource: "status")
                    return Renewal(key: certificate.key, revision: revision, since: now, wasUnderWay: false)
                } catch {
                    guard error.isConflict, attempt < 4 else { throw error }
                    certificate = try await session.client.get(Certificate.self, certificate.key)
                }
            }
        }
        throw CommandFailure("Certificate \(certificate.key) changes too fast to be written: try again.")
    }
}

/// A Certificate that is to be issued anew.
struct Renewal: Sendable {
    var key: ObjectKey
    /// Before.
    var revision: Int
    var since: Timestamp
    var wasUnderWay: Bool
}

/// Follows renewals to their end.
struct RenewalWait: Sendable {
    let session: Session
    let console: Console
    let limit: Duration

    /// Answers how many did not get there.
    func wait(_ renewals: [Renewal]) async throws -> Int {
        var open = renewals
        var told: [ObjectKey: String] = [:]
        var failed = 0
        let end = session.time.elapsed() + limit
        while !open.isEmpty {
            var left: [Renewal] = []
            for renewal in open {
                let look = TreeLook(session: Session.of(session, namespace: renewal.key.namespace))
                let tree = try await look.tree(renewal.key.name)
                switch ManualRenewal.stage(tree, after: renewal.revision, since: renewal.since) {
                case .done(let text): console.say("\(console.paint("✔", .good)) \(renewal.key): \(text)")
                case .failed(let text):
                    console.say("\(console.paint("✘", .bad)) \(renewal.key): \(text)")
                    failed += 1
                case .waiting(let text):
                    if told[renewal.key] != text { Console.note("… \(renewal.key): \(text)") }
                    told[renewal.key] = text
                    left.append(renewal)
                }
            }
            open = left
            guard !open.isEmpty else { break }
            guard session.time.elapsed() < end else {
                for renewal in open {
                    console.say(
                        "\(console.paint("✘", .bad)) \(renewal.key): not in time; kubectl cert why \(renewal.key.name)"
                            + " -n \(renewal.key.namespace)")
                }
                return failed + open.count
            }
            try await session.time.sleep(for: .milliseconds(700))
        }
        return failed
    }
}
