package import CertificateAPI
import Diagnosis
import KubeModel
package import Wire

/// What the pages show, read at one moment. No Secret is in it.
package struct Snapshot: Sendable {
    package var certificates: [Certificate] = []
    package var requests: [CertificateRequest] = []
    package var orders: [Order] = []
    package var challenges: [Challenge] = []
    package var issuers: [Issuer] = []
    package var clusterIssuers: [ClusterIssuer] = []
    /// By the API server's clock, where that is known.
    package var now: Timestamp
    /// Of what: "the cluster at https://…", "the namespaces …".
    package var source: String
    /// What could not be read, a sentence each.
    package var notes: [String] = []
    /// What the controller itself has counted of an account's new orders, by the account's URL.
    package var counted: [String: Counted] = [:]

    package struct Counted: Sendable {
        package var used: Int
        package var waiting: Int

        package init(used: Int, waiting: Int) {
            self.used = used
            self.waiting = waiting
        }
    }

    package init(now: Timestamp, source: String) {
        self.now = now
        self.source = source
    }
}

/// A snapshot in which children are found by their owners.
struct View: Sendable {
    let snapshot: Snapshot
    private(set) var rows: [Row] = []
    private let requests: [String: [CertificateRequest]]
    private let orders: [String: [Order]]
    private let challenges: [String: [Challenge]]
    private let issuers: [IssuerPlace: IssuerLook]
    /// The Certificates that name one Secret, by its place.
    private let writers: [ObjectKey: [Certificate]]

    var now: Timestamp { snapshot.now }

    /// A Certificate with what is said of it in lists.
    struct Row: Sendable {
        var entry: CertificateList.Entry
        var certificate: Certificate
        var standing: Standing
    }

    init(_ snapshot: Snapshot) {
        self.snapshot = snapshot
        requests = Self.byOwner(snapshot.requests)
        orders = Self.byOwner(snapshot.orders)
        challenges = Self.byOwner(snapshot.challenges)
        writers = Dictionary(grouping: snapshot.certificates.filter { !$0.metadata.isBeingDeleted }) {
            ObjectKey(namespace: $0.key.namespace, name: $0.spec.secretName)
        }
        var issuers: [IssuerPlace: IssuerLook] = [:]
        for issuer in snapshot.issuers {
            issuers[IssuerPlace(issuer)] = IssuerLook(issuer, as: IssuerReference(name: issuer.metadata.name))
        }
        for issuer in snapshot.clusterIssuers {
            let reference = IssuerReference(name: issuer.metadata.name, kind: ClusterIssuer.resource.kind)
            issuers[IssuerPlace(issuer)] = IssuerLook(issuer, as: reference)
        }
        self.issuers = issuers
        rows = snapshot.certificates.map(row)
    }

    /// What is being issued and meets what only a person can mend is held up, although it is tried again and again.
    private func row(_ certificate: Certificate) -> Row {
        var row = Row(
            entry: CertificateList.Entry(certificate), certificate: certificate,
            standing: Standing(certificate, now: now))
        guard row.standing == .underWay, case .cause(let cause) = finding(on: row) else { return row }
        // A limit of the CA's passes by itself.
        if cause.kind != .rateLimited { row.standing = .heldUp }
        return row
    }

    private static func byOwner<Object: KubeObject>(_ objects: [Object]) -> [String: [Object]] {
        Dictionary(grouping: objects) { $0.metadata.controller?.uid ?? "" }
    }

    /// How many objects of one kind and one owner a page tells of.
    private static let bound = 100

    /// What hangs on a Certificate, without Secrets; of a great many only the newest.
    func tree(of certificate: Certificate) -> CertificateTree {
        var tree = CertificateTree(certificate: certificate, now: now)
        tree.secret = .unknown("These pages read no Secrets: see kubectl cert inspect secret")
        tree.issuer = issuer(of: certificate)
        let own = requests[certificate.metadata.uid ?? "-"] ?? []
        tree.requests = Array(own.sorted { $0.revision > $1.revision }.prefix(5))
        tree.orders = tree.requests.flatMap { (orders[$0.metadata.uid ?? "-"] ?? []).prefix(Self.bound) }
        let all = tree.orders.flatMap { challenges[$0.metadata.uid ?? "-"] ?? [] }
        // Those that something can still be said of first.
        tree.challenges = Array(
            (all.filter { $0.status?.state != .valid } + all.filter { $0.status?.state == .valid }).prefix(Self.bound))
        return tree
    }

    private func issuer(of certificate: Certificate) -> IssuerSight {
        let reference = certificate.spec.issuerRef
        guard reference.isOurs else { return .foreign }
        if let found = issuers[IssuerPlace(reference, namespace: certificate.key.namespace)] { return .found(found) }
        return snapshot.notes.isEmpty ? .absent : .unknown("issuers could not be read")
    }

    /// Why it is not ready, or how far it is; nil where nothing is to be said.
    func finding(on row: Row) -> Finding? {
        guard row.standing.isOpen else { return nil }
        var view = DiagnosisView(tree: tree(of: row.certificate))
        let key = ObjectKey(namespace: row.entry.namespace, name: row.entry.secretName)
        view.rivals = (writers[key] ?? []).filter { $0.metadata.name != row.entry.name }
        let finding = Diagnosis.decide(view)
        guard case .cause(let cause) = finding, cause.kind == .unexplained else { return finding }
        return .cause(unexplained(row) ?? cause)
    }

    /// What no object explains, in words that fit: its conditions may still call it ready.
    private func unexplained(_ row: Row) -> Cause? {
        let sentence: String
        switch row.standing {
        case .expired: sentence = "It has run out, and nothing that is read here says why it was not renewed."
        case .late: sentence = "Its renewal is due, and nothing that is read here says what holds it up."
        case .heldUp, .underWay, .ready: return nil
        }
        return Cause(
            .unexplained, at: "Certificate \(row.certificate.key)", sentence,
            remedy: "kubectl cert why \(row.entry.name) -n \(row.entry.namespace)"
                + "   # asks the controller, DNS and the CA too")
    }

    func row(_ key: ObjectKey) -> Row? {
        rows.first { $0.entry.name == key.name && $0.entry.namespace == key.namespace }
    }
}
