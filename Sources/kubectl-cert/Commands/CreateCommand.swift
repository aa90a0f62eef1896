import ArgumentParser
import CertificateAPI
import KubeClient
import KubeModel
import PKI
import Wire

struct CreateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Makes objects.", subcommands: [CreateRequestCommand.self])
}

/// `kubectl cert create certificaterequest`.
struct CreateRequestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certificaterequest",
        abstract: "Makes a key and a CertificateRequest from a Certificate's manifest, without that Certificate.",
        discussion: """
            kubectl cert create certificaterequest once --from-certificate-file shop.yaml --fetch-certificate. The key stays \
            on this machine, in NAME.key; with --fetch-certificate the certificate goes to NAME.crt.
            """,
        aliases: ["cr", "certificaterequests"])

    @Argument(help: "The CertificateRequest's name.") var name: String

    @Option(help: "The manifest of a Certificate: what to ask for.", completion: .file())
    var fromCertificateFile: String

    @Flag(help: "Wait for the certificate and write it to a file.")
    var fetchCertificate = false

    @Option(help: "How long to wait for it.", transform: ListCommand.span)
    var timeout = Duration.seconds(300)

    @Option(help: "Where the private key goes. Default: NAME.key.", completion: .file())
    var outputKeyFile: String?

    @Option(help: "Where the certificate goes. Default: NAME.crt.", completion: .file())
    var outputCertificateFile: String?

    @OptionGroup var place: NamespaceFlags
    @OptionGroup(title: "Cluster") var connection: ConnectionFlags

    func run() async throws {
        let certificate = try Self.certificate(fromCertificateFile)
        let keyFile = outputKeyFile ?? "\(name).key"
        let (request, key) = try await Self.request(name, from: certificate)
        // Before the request is made: one whose key got lost would be of no use.
        try Files.create(keyFile, key, isSecret: true)
        Console.write("Private key written to file \(keyFile)\n")
        let command = self
        try await Session.run(connection, namespace: place.namespace ?? certificate.metadata.namespace) { session in
            var request = request
            request.metadata.namespace = session.namespace
            let created = try await session.client.create(request)
            Console.write(
                "CertificateRequest \(created.metadata.name) has been created in namespace \(session.namespace)\n")
            guard command.fetchCertificate else { return }
            let pem = try await command.fetch(created.key, session)
            let file = command.outputCertificateFile ?? "\(command.name).crt"
            try Files.create(file, pem, isSecret: false)
            Console.write("Certificate written to file \(file)\n")
        }
    }

    private static func certificate(_ path: String) throws -> Certificate {
        let objects = try Files.objects(path).filter { $0["kind"]?.stringValue == Certificate.resource.kind }
        guard objects.count == 1, let object = objects.first else {
            throw CommandFailure(
                "\(path) must hold one Certificate, and holds \(objects.count)", code: CommandFailure.cluster)
        }
        do throws(ValueDecodingError) {
            return try object.decode(Certificate.self)
        } catch {
            throw CommandFailure("\(path): \(error)", code: CommandFailure.cluster)
        }
    }

    /// The request, and its private key in PEM.
    static func request(_ name: String, from certificate: Certificate) async throws -> (CertificateRequest, [UInt8]) {
        let desired: DesiredCertificate
        do throws(FieldProblems) {
            desired = try DesiredCertificate(certificate.spec)
        } catch {
            throw CommandFailure("The Certificate breaks a rule: \(error)", code: CommandFailure.cluster)
        }
        let key = try await PrivateKey.generate(desired.keyAlgorithm)
        let signing = try await SigningRequest.make(
            subject: desired.subject, extensions: desired.requestExtensions, key: key,
            algorithm: desired.signatureAlgorithm)
        var request = CertificateRequest(
            metadata: ObjectMeta(name: name),
            spec: .init(request: Base64Data(utf8: signing.pem), issuerRef: certificate.spec.issuerRef))
        request.metadata.annotations = certificate.metadata.annotations
        request.metadata.labels = certificate.metadata.labels
        request.spec.duration = certificate.spec.duration
        request.spec.isCA = certificate.spec.isCA
        request.spec.usages = certificate.spec.usages
        return (request, try key.pem(desired.keyEncoding))
    }

    private func fetch(_ key: ObjectKey, _ session: Session) async throws -> [UInt8] {
        let end = session.time.elapsed() + timeout
        while true {
            let request = try await session.client.get(CertificateRequest.self, key)
            let ready = request.status?.conditions[type: Condition.Kind.ready]
            if ready?.status == .yes, let pem = request.status?.certificate?.bytes, !pem.isEmpty { return pem }
            if ["Failed", "Denied"].contains(ready?.reason) {
                throw CommandFailure("CertificateRequest \(key) was not signed: \(ready?.message ?? "")")
            }
            guard session.time.elapsed() < end else {
                throw CommandFailure(
                    "CertificateRequest \(key) is not signed yet: \(ready?.message ?? "nobody has looked at it")")
            }
            try await session.time.sleep(for: .milliseconds(500))
        }
    }
}
