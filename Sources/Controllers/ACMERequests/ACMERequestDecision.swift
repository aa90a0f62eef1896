import ACME
import CertificateAPI
import Issuers
import KubeModel
import PKI
import Wire

/// Everything the decision about a CertificateRequest of an ACME issuer looks at.
struct ACMERequestView: Sendable, Equatable {
    var request: CertificateRequest
    var issuer: ACMERequestIssuer
    /// The Order that the request controls; where it has several, the one of the latest stage.
    var order: Order?
    /// Those of earlier stages.
    var earlier: [Order] = []
    /// Other issuers to go to where one cannot certify, in order.
    var fallbacks: [ACMECandidate] = []
    var rehearsal = Rehearsal.none
    /// Whether another object's Order has the name.
    var isNameTaken = false
    /// The certificate that the new one is to follow.
    var predecessor: Predecessor?
    var limits = PEMLimits.default
    /// At the issuer that is asked, this one included.
    var ordersUnderWay = 0
    var now: Timestamp
}

/// Whether the first order is tried at a staging CA before.
enum Rehearsal: Sendable, Equatable {
    case none
    case at(ACMECandidate)
    /// It is wanted, and the sentence says why it cannot be had.
    case impossible(String)
}

/// The certificate in a Secret that is being renewed.
struct Predecessor: Sendable, Equatable {
    /// What its CA calls it (RFC 9773 §4.1).
    var renewalName: String
    var notAfter: Timestamp
    /// Whether it is for every name that the request is for.
    var hasSameNames = false
}

enum ACMERequestIssuer: Sendable, Equatable {
    /// Another kind of issuer, or none: its own controller answers.
    case notACME
    case notReady(String)
    case ready(ACMEIssuer)
}

/// What to do for one request.
struct ACMERequestPlan: Sendable, Equatable {
    var create: Order?
    /// Nil to leave it.
    var status: CertificateRequest.Status?
    var notices: [Notice] = []
    /// Orders of earlier stages that nobody waits for any more.
    var giveUp: [Order] = []
    /// The Order has a certificate, of which only the fact is known here.
    var fetchesOrder = false
    var lookAgain: Timestamp?
}

enum ACMERequestDecision {
    static func decide(_ view: ACMERequestView) -> ACMERequestPlan {
        let request = view.request
        guard !request.metadata.isBeingDeleted, case .pending = RequestFacts.State(request.status) else {
            return ACMERequestPlan()
        }
        if let order = view.order { return follow(order, view) }
        switch view.issuer {
        case .notACME: return ACMERequestPlan()
        case .notReady(let why): return replace(unready: why, view) ?? pending("IssuerNotReady", why, view)
        case .ready(let issuer): return rehearse(view) ?? begin(issuer, view)
        }
    }

    static func begin(_ issuer: ACMEIssuer, _ view: ACMERequestView) -> ACMERequestPlan {
        if view.isNameTaken {
            var plan = pending(
                "OrderCreatingError",
                "An Order of another request has the name \(orderName(view.request)); it is waited for",
                view)
            plan.lookAgain = view.now + .seconds(10)
            return plan
        }
        return make(at: view.request.spec.issuerRef, issuer, .first, view)
    }

    /// Plans the Order of one stage.
    static func make(
        at reference: IssuerReference, _ issuer: ACMEIssuer, _ stage: OrderStage, _ view: ACMERequestView
    ) -> ACMERequestPlan {
        do throws(RequestProblem) {
            // A certificate of another CA is none that this one knows.
            var order = try order(for: view.request, issuer, stage == .first ? view.predecessor : nil, view.limits)
            order.spec.issuerRef = reference
            if let text = stage.text {
                order.metadata.name = orderName(view.request, stage)
                order.metadata.annotations = (order.metadata.annotations ?? [:])
                    .merging([Names.Annotation.stage: text]) { _, ours in ours }
            }
            if let end = view.predecessor?.notAfter, stage != .rehearsal {
                order.metadata.annotations = (order.metadata.annotations ?? [:])
                    .merging([Names.Annotation.neededBefore: end.rfc3339]) { _, ours in ours }
            }
            let message = "Created Order resource \(order.key)"
            return ACMERequestPlan(create: order, notices: [.normal("OrderCreated", message)])
        } catch {
            return failed(error.reason, error.message, view)
        }
    }

    struct RequestProblem: Error {
        var reason: String
        var message: String
    }

    private static func order(
        for request: CertificateRequest, _ issuer: ACMEIssuer, _ predecessor: Predecessor?, _ limits: PEMLimits
    ) throws(RequestProblem) -> Order {
        let signing: SigningRequest
        do { signing = try SigningRequest(pem: request.spec.request.bytes, limit: limits.certificate) } catch {
            throw RequestProblem(
                reason: "RequestParsingError", message: "Failed to decode CSR in spec.request: \(error)")
        }
        let extensions = signing.extensions
        let commonName = signing.subject.commonName.nonEmpty
        try check(commonName, extensions)
        var metadata = ObjectMeta(name: orderName(request), namespace: request.metadata.namespace)
        metadata.labels = request.metadata.labels
        // Whoever may write a Certificate is not to tell the controller what a CA has said.
        metadata.annotations = request.metadata.annotations?.filter { !Names.Annotation.ofOrders.contains($0.key) }
        metadata.ownerReferences = [OwnerReference(controller: request)]
        var spec = Order.Spec(request: request.spec.request, issuerRef: request.spec.issuerRef)
        spec.commonName = commonName
        spec.dnsNames = extensions.dnsNames.isEmpty ? nil : extensions.dnsNames
        spec.ipAddresses = extensions.ipAddresses.isEmpty ? nil : extensions.ipAddresses.map(\.text)
        spec.profile = issuer.profile.nonEmpty
        if let predecessor, issuer.renewalInformationSource != "None" { spec.replaces = predecessor.renewalName }
        if issuer.enableDurationFeature == true { spec.duration = request.spec.duration }
        return Order(metadata: metadata, spec: spec)
    }

    /// ACME certifies DNS names and addresses, and nothing else (RFC 8555 §7.1.4, RFC 8738).
    private static func check(_ commonName: String?, _ extensions: CertificateExtensions) throws(RequestProblem) {
        let names = Set(extensions.dnsNames.map { $0.lowercased() } + extensions.ipAddresses.map(\.text))
        func invalid(_ message: String) -> RequestProblem { RequestProblem(reason: "InvalidOrder", message: message) }
        if let commonName, !names.contains(commonName.lowercased()) {
            throw invalid(
                "The CSR PEM requests a commonName that is not present in the list of dnsNames or ipAddresses: "
                    + "\(commonName). An ACME issuer certifies only names that are in the list")
        }
        if names.isEmpty { throw invalid("The CSR names no DNS name and no IP address; an ACME issuer needs one") }
        guard extensions.uris.isEmpty, extensions.emailAddresses.isEmpty else {
            throw invalid(
                "An ACME issuer certifies DNS names and IP addresses only; remove the URIs and e-mail addresses")
        }
    }

    /// The same for one request however often it is asked for, and another for a request that takes its name later.
    static func orderName(_ request: CertificateRequest, _ stage: OrderStage = .first) -> String {
        let digest = ChildName.digest("order/\(request.metadata.uid ?? "")" + (stage.text.map { "/\($0)" } ?? ""))
        return ChildName.make(request.metadata.name, suffix: String(digest.prefix(10)))
    }
}
