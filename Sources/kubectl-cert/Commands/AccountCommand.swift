import ArgumentParser
import CertificateAPI
import Diagnosis
import KubeClient
import KubeModel
import Wire

/// `kubectl cert account show|rollover|deactivate`.
struct AccountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "account", abstract: "Shows ACME accounts, gives one another key, or ends it.",
        subcommands: [AccountShowCommand.self, AccountRolloverCommand.self, AccountDeactivateCommand.self],
        defaultSubcommand: AccountShowCommand.self)
}

/// Which issuer is meant: `acme`, `issuer/acme` or `clusterissuer/acme`.
struct IssuerName: ExpressibleByArgument {
    enum Scope { case either, issuer, clusterIssuer }
    var scope: Scope
    var name: String

    init?(argument: String) {
        let parts = argument.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        switch (parts.count, parts.first?.lowercased()) {
        case (1, _) where !argument.isEmpty: (scope, name) = (.either, argument)
        case (2, "issuer"), (2, "issuers"): (scope, name) = (.issuer, parts[1])
        case (2, "clusterissuer"), (2, "clusterissuers"): (scope, name) = (.clusterIssuer, parts[1])
        default: return nil
        }
        if name.isEmpty { return nil }
    }
}

struct IssuerFlags: ParsableArguments {
    @Argument(help: "The issuer: NAME, issuer/NAME or clusterissuer/NAME.") var issuer: IssuerName
    @OptionGroup var place: NamespaceFlags
    @OptionGroup(title: "Cluster") var connection: ConnectionFlags

    /// Applies the wish to the Issuer, or the ClusterIssuer where there is no such Issuer.
    func apply(_ wish: AccountWish) async throws -> String {
        let flags = self
        return try await Session.run(connection, namespace: place.namespace) { session in
            if flags.issuer.scope != .clusterIssuer,
                let found = try await session.client.find(Issuer.self, session.key(flags.issuer.name))
            {
                return try await Self.apply(wish, to: found, session)
            }
            let key = ObjectKey(name: flags.issuer.name)
            if flags.issuer.scope != .issuer, let found = try await session.client.find(ClusterIssuer.self, key) {
                return try await Self.apply(wish, to: found, session)
            }
            throw CommandFailure(
                "There is no issuer \(flags.issuer.name) in namespace \(session.namespace), and no ClusterIssuer")
        }
    }

    private static func apply<Object: IssuerObject>(
        _ wish: AccountWish, to issuer: Object, _ session: Session
    ) async throws -> String {
        let patch: JSONValue
        do throws(AccountWish.Impossible) {
            patch = try wish.patch(issuer)
        } catch {
            throw CommandFailure("\(error)")
        }
        _ = try await session.client.mergePatch(patch, of: Object.self, issuer.key)
        return "\(Object.resource.kind) \(issuer.key)"
    }
}

struct AccountShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows the accounts of the ACME issuers.")

    @OptionGroup var output: OutputFlags
    @OptionGroup var place: NamespacesFlags
    @OptionGroup(title: "Cluster") var connection: ConnectionFlags

    func run() async throws {
        let console = Console(output)
        let command = self
        try await Session.run(connection) { session in
            let namespace = command.place.chosen(session.client.configuration)
            var rows: [AccountRow] = []
            let issuers = try await session.client.listAll(Issuer.self, ListOptions(namespace: namespace)).items
            rows += issuers.compactMap(AccountRow.init)
            do throws(KubeError) {
                rows += try await session.client.listAll(ClusterIssuer.self).items.compactMap { AccountRow($0) }
            } catch {
                guard error.isForbidden else { throw error }
                Console.note("ClusterIssuers may not be read, and are not shown.")
            }
            AccountRow.show(rows, console)
        }
    }
}

/// The account of one issuer.
struct AccountRow {
    let kind: String
    let key: ObjectKey
    let server: String
    let uri: String
    let email: String
    let secret: String
    let ready: Condition?

    init?(_ issuer: some IssuerObject) {
        guard let acme = issuer.spec.acme else { return nil }
        kind = type(of: issuer).resource.kind
        key = issuer.key
        server = acme.server
        uri = issuer.status?.acme?.uri ?? ""
        email = issuer.status?.acme?.lastRegisteredEmail ?? acme.email ?? ""
        secret = acme.privateKeySecretRef.name
        ready = issuer.status?.conditions[type: Condition.Kind.ready]
    }

    static func show(_ rows: [AccountRow], _ console: Console) {
        let json = rows.map { row -> JSONValue in
            [
                "kind": .string(row.kind), "namespace": .string(row.key.namespace), "name": .string(row.key.name),
                "server": .string(row.server), "account": .string(row.uri), "email": .string(row.email),
                "keySecret": .string(row.secret), "ready": .bool(row.ready?.status == .yes),
                "message": .string(row.ready?.message ?? ""),
            ]
        }
        if console.printed(["items": .array(json)]) { return }
        if rows.isEmpty { return Console.note("No ACME issuers found.") }
        var table = Table(headings: ["ISSUER", "READY", "ACCOUNT", "EMAIL", "KEY IN"])
        if console.format == .wide { table.headings += ["SERVER", "MESSAGE"] }
        for row in rows {
            let isReady = row.ready?.status == .yes
            var cells: [Table.Cell] = [
                .init("\(row.kind)/\(row.key)"), .init(isReady ? "True" : "False", isReady ? .good : .bad),
                .init(row.uri.isEmpty ? "-" : row.uri), .init(row.email.isEmpty ? "-" : row.email), .init(row.secret),
            ]
            if console.format == .wide { cells += [.init(row.server), .init(row.ready?.message ?? "")] }
            table.rows.append(cells)
        }
        table.lines(console).forEach(console.say)
    }
}

struct AccountRolloverCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollover", abstract: "Gives an account another key.",
        discussion:
            "The controller makes the key, has the CA take it, and keeps it in the same Secret; see docs/acme.md.")
    @OptionGroup var flags: IssuerFlags
    func run() async throws {
        let title = try await flags.apply(.anotherKey(Timestamp.now().wholeSeconds.rfc3339))
        Console.write("\(title): the account gets another key when no challenge of it is open\n")
    }
}

struct AccountDeactivateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deactivate", abstract: "Ends an account for good.",
        discussion: "No certificate can be ordered or revoked by it any more. It cannot be undone, and so needs --yes.")
    @Flag(help: "Do it.") var yes = false
    @OptionGroup var flags: IssuerFlags
    func run() async throws {
        guard yes else {
            throw CommandFailure(
                "An account that was ended cannot be had back. Say --yes to end that of \(flags.issuer.name).")
        }
        Console.write("\(try await flags.apply(.end)): the account is ended by the controller\n")
    }
}
