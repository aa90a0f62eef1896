import ArgumentParser
import CertificateAPI
import Diagnosis
import HTTPTransport
import KubeClient
import KubeModel
import PKI
import Wire

/// `kubectl cert inspect secret|pem|url`.
struct InspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Shows the chain, key, names, expiry and trust of certificates.",
        subcommands: [InspectSecretCommand.self, InspectPEMCommand.self, InspectURLCommand.self])
}

/// What is to be shown, wherever it came from.
struct Inspection {
    var title: String
    var certificates: [X509Certificate]
    /// Sets of roots beside the system's.
    var anchors: [(name: String, roots: [X509Certificate])] = []
    var notes: [(label: String, text: String, mood: StatusNode.Mood)] = []

    /// Prints it; false when something is wrong with the chain, or nobody trusts it.
    func show(_ console: Console, now: Timestamp, systemRoots: [X509Certificate]) -> Bool {
        let report = ChainReport(certificates, anchors: anchors + [("the system's roots", systemRoots)], now: now)
        let isGood =
            report.problems.isEmpty && notes.allSatisfy { $0.mood != .bad }
            && (report.trust.isEmpty || report.trust.contains { $0.problem == nil })
        var value = report.json
        value["of"] = .string(title)
        value["notes"] = .array(notes.map { ["name": .string($0.label), "text": .string($0.text)] })
        if console.printed(value) { return isGood }
        console.say(console.bold(title))
        for note in notes { console.say("  \(padded(note.label))\(console.paint(note.text, note.mood))") }
        for trust in report.trust {
            console.say(
                "  \(padded("Trust"))"
                    + (trust.problem.map { console.paint("not by \(trust.roots): \($0)", .waiting) }
                        ?? console.paint("by \(trust.roots)", .good)))
        }
        for problem in report.problems { console.say("  \(padded("Problem"))\(console.paint(problem, .bad))") }
        for entry in report.entries { show(entry, console, now) }
        return isGood
    }

    private func show(_ entry: ChainReport.Entry, _ console: Console, _ now: Timestamp) {
        console.say("")
        console.say(console.bold(entry.place.prefix(1).uppercased() + entry.place.dropFirst()))
        for (name, texts) in CertificateFacts(entry.certificate).rows {
            var text = texts.joined(separator: ", ")
            if name == "notAfter" {
                let end = entry.certificate.notAfter
                text += end < now ? " (expired)" : " (in \(HumanDuration.text(end - now)))"
            }
            console.say("  \(padded(Self.labels[name] ?? name))\(text)")
        }
        if entry.place == "leaf",
            CertificateFacts(entry.certificate).rows.allSatisfy({ !["crl", "ocsp"].contains($0.name) })
        {
            console.say("  \(padded("Revocation"))the certificate names no list and no server: only its CA can tell")
        }
    }

    private func padded(_ label: String) -> String { label + String(repeating: " ", count: max(1, 14 - label.count)) }

    private static let labels = [
        "subject": "Subject", "issuer": "Issuer", "serial": "Serial", "notBefore": "From", "notAfter": "Until",
        "names": "Names", "key": "Key", "isCA": "CA", "usages": "Usages", "fingerprintSHA256": "SHA-256",
        "crl": "CRL", "ocsp": "OCSP", "issuerURLs": "Issuer from",
    ]
}

/// The roots that this machine trusts.
enum SystemRoots {
    private static let bundles = [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
    ]

    /// Empty where there are none; one that cannot be read is left out.
    static func read() -> [X509Certificate] {
        let named = ProcessSettings.environment("SSL_CERT_FILE").map { [$0] } ?? []
        for path in named + bundles {
            guard let bytes = try? Files.read(path), let blocks = try? PEM.parse(bytes, limit: 16 << 20) else {
                continue
            }
            return blocks.filter { $0.label == "CERTIFICATE" }.compactMap { try? X509Certificate(der: $0.bytes) }
        }
        return []
    }
}

struct InspectSecretCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "secret", abstract: "Shows the certificate in a Secret.",
        discussion: "Nothing of the private key is shown. Exits with 1 when something is wrong with the chain.")

    @Argument(help: "The Secret's name.") var name: String
    @OptionGroup var output: OutputFlags
    @OptionGroup var place: NamespaceFlags
    @OptionGroup(title: "Cluster") var connection: ConnectionFlags

    func run() async throws {
        let console = Console(output)
        let name = name
        let isGood = try await Session.run(connection, namespace: place.namespace) { session in
            let look = SecretLook(try await session.object(Secret.self, name))
            guard !look.certificates.isEmpty else {
                let why = look.problems.first ?? "it has no data under tls.crt"
                throw CommandFailure("Secret \(look.key) holds no certificate: \(why)")
            }
            var inspection = Inspection(title: "Secret \(look.key)", certificates: look.certificates)
            inspection.anchors = [("ca.crt of the Secret", look.authorities)]
            inspection.notes = Self.notes(look)
            return inspection.show(console, now: await session.clusterTime().now, systemRoots: SystemRoots.read())
        }
        if !isGood { throw ExitCode(CommandFailure.notWell) }
    }

    private static func notes(_ look: SecretLook) -> [(label: String, text: String, mood: StatusNode.Mood)] {
        var notes: [(label: String, text: String, mood: StatusNode.Mood)] = []
        if let certificate = look.certificateName { notes.append(("Certificate", certificate, .plain)) }
        if let issuer = look.annotations[Names.Annotation.issuerName] {
            let kind = look.annotations[Names.Annotation.issuerKind].nonEmpty ?? "Issuer"
            notes.append(("Issued by", "\(kind) \(issuer)", .plain))
        }
        switch (look.keyAlgorithm, look.keyBelongsToLeaf) {
        case (let key?, true?): notes.append(("Private key", "\(key), belongs to the leaf", .good))
        case (let key?, _): notes.append(("Private key", "\(key), does not belong to the leaf", .bad))
        case (nil, _): notes.append(("Private key", "none in tls.key", .waiting))
        }
        notes.append(("Data", look.dataKeys.joined(separator: ", "), .plain))
        notes += look.problems.map { ("Problem", $0, .bad) }
        return notes
    }
}

struct InspectPEMCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pem", abstract: "Shows the certificates in a PEM file; - reads standard input.")

    @Argument(help: "The file.", completion: .file()) var file: String
    @Option(help: "A PEM file with roots to judge trust by, beside the system's.", completion: .file()) var ca: String?
    @OptionGroup var output: OutputFlags

    func run() async throws {
        let console = Console(output)
        var inspection = Inspection(title: file, certificates: try Self.certificates(file))
        if let ca { inspection.anchors = [(ca, try Self.certificates(ca))] }
        if !inspection.show(console, now: .now(), systemRoots: SystemRoots.read()) {
            throw ExitCode(CommandFailure.notWell)
        }
    }

    /// A file may hold a key as well, which is passed over.
    private static func certificates(_ path: String) throws -> [X509Certificate] {
        let bytes = try Files.read(path)
        do {
            let found = try PEM.parse(bytes, limit: 16 << 20).filter { $0.label == "CERTIFICATE" }
                .map { try X509Certificate(der: $0.bytes) }
            if found.isEmpty {
                throw CommandFailure("\(path) holds no certificate in PEM", code: CommandFailure.cluster)
            }
            return found
        } catch let error as CommandFailure {
            throw error
        } catch {
            throw CommandFailure("\(path) cannot be read: \(error)", code: CommandFailure.cluster)
        }
    }
}

struct InspectURLCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "url",
        abstract: "Shows the certificate that a server shows, such as https://shop.example or shop:8443.",
        discussion: """
            Any server that speaks TLS from the first byte can be asked: nothing is sent to it. --connect asks another \
            address than the name's, a pod's or a balancer's say. With --secret it is compared with \
            the one in a Secret: a new certificate may lie there and the old one still be served.
            """)

    @Argument(help: "A URL, or HOST[:PORT].") var url: String
    @Option(help: "The IP address to connect to in place of the name's.") var connect: String?
    @Option(help: "A Secret whose certificate the server should show.") var secret: String?
    @OptionGroup var output: OutputFlags
    @OptionGroup var place: NamespaceFlags
    @OptionGroup(title: "Cluster") var connection: ConnectionFlags

    func run() async throws {
        let console = Console(output)
        let target = try Self.target(url)
        let (shown, problem) = try await Probe.certificates(of: target, connect: connect)
        var inspection = Inspection(title: target, certificates: shown)
        inspection.notes.append(
            problem.map { ("Verified", "no: \($0)", .waiting) } ?? ("Verified", "for this name", .good))
        if let secret { inspection.notes.append(try await compare(shown.first, secret)) }
        if !inspection.show(console, now: .now(), systemRoots: SystemRoots.read()) || problem != nil {
            throw ExitCode(CommandFailure.notWell)
        }
    }

    static func target(_ text: String) throws -> String {
        let url = text.contains("://") ? text : "https://\(text)"
        guard let address = HTTPAddress(url: url), address.scheme == .https else {
            throw ValidationError("\"\(text)\" is no https URL and no HOST[:PORT].")
        }
        return url
    }

    private func compare(
        _ leaf: X509Certificate?, _ secret: String
    ) async throws -> (label: String, text: String, mood: StatusNode.Mood) {
        let look = try await Session.run(connection, namespace: place.namespace) { session in
            SecretLook(try await session.object(Secret.self, secret))
        }
        guard let wanted = look.leaf else { return ("Secret", "\(look.key) holds no certificate", .bad) }
        if wanted == leaf { return ("Secret", "the server shows the certificate of \(look.key)", .good) }
        return (
            "Secret",
            "the server shows another certificate than \(look.key) holds (until \(wanted.notAfter.rfc3339));"
                + " whatever serves it has not read it again", .bad
        )
    }
}
