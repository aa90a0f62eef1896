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
    /// The Order that the request controls.
    var order: Order?
    /// Whether another object's Order has the name.
    var isNameTaken = false
    /// The certificate that the new one is to follow.
    var predecessor: Predecessor?
    var limits = PEMLimits.default
    var now: Timestamp
}

/// The certificate in a Secret that is being renewed.
struct Predecessor: Sendable, Equatable {
    /// What its CA calls it (RFC 9773 §4.1).
    var renewalName: String
    var notAfter: Timestamp
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
    /// The Order has a certificate, of which only the fact is known here.
    var fetchesOrder = false
    var lookAgain: Timestamp?
}

enum ACMERequestDecision {
    /// An Order that is done within this time is not worth saying that it is waited for.
    static let patience = Duration.seconds(3)

    static func decide(_ view: ACMERequestView) -> ACMERequestPlan {
        let request = view.request
        guard !request.metadata.isBeingDeleted, case .pending = RequestFacts.State(request.status) else {
            return ACMERequestPlan()
        }
        if let order = view.order { return follow(order, view) }
        switch view.issuer {
        case .notACME: return ACMERequestPlan()
        case .notReady(let why): return pending("IssuerNotReady", why, view)
        case .ready(let issuer): return begin(issuer, view)
        }
    }

    private static func begin(_ issuer: ACMEIssuer, _ view: ACMERequestView) -> ACMERequestPlan {
        if view.isNameTaken {
            var plan = pending(
                "OrderCreatingError",
                "An Order of another request has the name \(orderName(view.request)); it is waited for",
                view)
            plan.lookAgain = view.now + .seconds(10)
            return plan
        }
        do throws(RequestProblem) {
            let order = try order(for: view.request, issuer, view.predecessor, view.limits)
            let message = "Created Order resource \(order.key)"
            return ACMERequestPlan(create: order, notices: [.normal("OrderCreated", message)])
        } catch {
            return failed(error.reason, error.message, view)
        }
    }

    private struct RequestProblem: Error {
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
        metadata.annotations = request.metadata.annotations
        metadata.ownerReferences = [OwnerReference(controller: request)]
        var spec = Order.Spec(request: request.spec.request, issuerRef: request.spec.issuerRef)
        spec.commonName = commonName
        spec.dnsNames = extensions.dnsNames.isEmpty ? nil : extensions.dnsNames
        spec.ipAddresses = extensions.ipAddresses.isEmpty ? nil : extensions.ipAddresses.map(\.text)
        spec.profile = issuer.profile.nonEmpty
        if let predecessor {
            if issuer.renewalInformationSource != "None" { spec.replaces = predecessor.renewalName }
            metadata.annotations = (metadata.annotations ?? [:])
                .merging([Names.Annotation.neededBefore: predecessor.notAfter.rfc3339]) { _, ours in ours }
        }
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
    static func orderName(_ request: CertificateRequest) -> String {
        let digest = ChildName.digest("order/\(request.metadata.uid ?? "")")
        return ChildName.make(request.metadata.name, suffix: String(digest.prefix(10)))
    }
}

extension ACMERequestDecision {
    private static func follow(_ order: Order, _ view: ACMERequestView) -> ACMERequestPlan {
        let status = order.status
        switch status?.state {
        case .valid:
            guard let certificate = status?.certificate else { break }
            if certificate.bytes.isEmpty { return ACMERequestPlan(fetchesOrder: true) }
            return issued(certificate, view)
        case .invalid, .expired, .errored:
            let message =
                "Failed to wait for order resource \"\(order.metadata.name)\" to become ready: order is in "
                + "\"\(status?.state?.rawValue ?? "")\" state: \(status?.reason ?? "")"
            return failed("OrderFailed", message, view)
        default: break
        }
        if order.metadata.isBeingDeleted { return ACMERequestPlan() }
        // A reason is news at once; otherwise an order that is on its way is not worth a write.
        let reason = status?.reason.nonEmpty
        let age = order.metadata.creationTimestamp.map { view.now - $0 } ?? patience
        if reason == nil, age < patience {
            return ACMERequestPlan(lookAgain: view.now + patience - age)
        }
        let state = status?.state?.rawValue ?? "new"
        let message =
            "Waiting on certificate issuance from order \(order.key): \"\(state)\"" + (reason.map { ": \($0)" } ?? "")
        return pending("OrderPending", message, view)
    }

    private static func issued(_ certificate: Base64Data, _ view: ACMERequestView) -> ACMERequestPlan {
        do {
            // The Order's controller has compared it with the Order; the request is what counts here.
            let chain = try Chain.parse(pem: certificate.bytes, limits: view.limits)
            let request = try SigningRequest(pem: view.request.spec.request.bytes, limit: view.limits.certificate)
            guard let leaf = chain.first, leaf.publicKey == request.publicKey else {
                return failed(
                    "OrderBadCertificate", "The certificate of the Order is not for the key of this request", view)
            }
        } catch {
            return failed("OrderBadCertificate", "The certificate of the Order cannot be used: \(error)", view)
        }
        var status = view.request.status ?? .init()
        status.certificate = certificate
        let message = "Certificate fetched from issuer successfully"
        set(&status, .yes, "Issued", message, view.now)
        return ACMERequestPlan(status: status, notices: [.normal("CertificateIssued", message)])
    }

    private static func pending(_ reason: String, _ message: String, _ view: ACMERequestView) -> ACMERequestPlan {
        var status = view.request.status ?? .init()
        set(&status, .no, "Pending", message, view.now)
        guard status != view.request.status else { return ACMERequestPlan() }
        return ACMERequestPlan(status: status, notices: [.normal(reason, message)])
    }

    private static func failed(_ reason: String, _ message: String, _ view: ACMERequestView) -> ACMERequestPlan {
        var status = view.request.status ?? .init()
        status.failureTime = view.now.wholeSeconds
        set(&status, .no, "Failed", message, view.now)
        return ACMERequestPlan(status: status, notices: [.warning(reason, message)])
    }

    private static func set(
        _ status: inout CertificateRequest.Status, _ value: Condition.Status, _ reason: String, _ message: String,
        _ now: Timestamp
    ) {
        status.conditions = status.conditions.setting(
            Condition(type: Condition.Kind.ready, status: value, reason: reason, message: message), now: now)
    }
}
