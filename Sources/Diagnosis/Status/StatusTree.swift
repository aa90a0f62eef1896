import CertificateAPI
import KubeModel
import PKI
import Solvers
import Wire

/// The whole tree of a Certificate: Secret and issuer, then request, order, challenge and what answers it.
package enum StatusTree {
    package static func make(_ tree: CertificateTree, withEvents: Bool = true) -> StatusNode {
        let certificate = tree.certificate
        let conditions = certificate.status?.conditions
        let isReady = conditions.isTrue(Condition.Kind.ready)
        let isIssuing = conditions.isTrue(Condition.Kind.issuing)
        var node = node(
            certificate, state: isReady ? "Ready" : isIssuing ? "Issuing" : "NotReady",
            isReady ? .good : isIssuing ? .waiting : .bad, tree, withEvents)
        node.lines += lines(of: conditions, tree.now) + facts(certificate, tree.now)
        node.children = [secret(tree), issuer(tree, withEvents)].compactMap(\.self)
        node.children += tree.requests.sorted { $0.revision < $1.revision }.map { request($0, tree, withEvents) }
        return node
    }

    private static func node(
        _ object: some KubeObject, state: String, _ mood: StatusNode.Mood, _ tree: CertificateTree, _ withEvents: Bool
    ) -> StatusNode {
        var node = StatusNode(
            kind: type(of: object).resource.kind, name: "\(object.key)", state: state, mood: mood,
            createdAt: object.metadata.creationTimestamp)
        if object.metadata.isBeingDeleted {
            node.lines.append(.init("Deleting", "it waits for its finalizers", .waiting))
        }
        if withEvents { node.events = events(tree.events(of: object), tree.now) }
        return node
    }

    static func events(_ events: [Event], _ now: Timestamp) -> [StatusNode.Line] {
        func time(_ event: Event) -> Timestamp? { event.lastTimestamp ?? event.firstTimestamp }
        return events.sorted { (time($0)?.secondsSince1970 ?? 0) < (time($1)?.secondsSince1970 ?? 0) }.suffix(6)
            .map { event in
                let count = (event.count ?? 1) > 1 ? " (x\(event.count ?? 1))" : ""
                return .init(
                    event.reason ?? "", "\(event.message ?? "") \(HumanDuration.age(time(event), now)) ago\(count)",
                    event.type == .warning ? .bad : .plain)
            }
    }

    static func lines(of conditions: [Condition]?, _ now: Timestamp) -> [StatusNode.Line] {
        (conditions ?? []).map { condition in
            let reason = condition.reason.map { " (\($0))" } ?? ""
            let age = condition.lastTransitionTime.map { " \(HumanDuration.age($0, now)) ago" } ?? ""
            // These two are good news when they are false.
            let isTrouble = [Condition.Kind.denied, Condition.Kind.invalidRequest].contains(condition.type)
            let isGood = (condition.status == .yes) != isTrouble
            let mood: StatusNode.Mood =
                condition.type == Condition.Kind.issuing
                ? (condition.status == .yes ? .waiting : .bad) : isGood ? .good : .bad
            return .init(
                condition.type, "\(condition.status.rawValue)\(reason)\(age): \(condition.message ?? "")", mood)
        }
    }

    private static func facts(_ certificate: Certificate, _ now: Timestamp) -> [StatusNode.Line] {
        var lines: [StatusNode.Line] = []
        let spec = certificate.spec
        let names =
            (spec.commonName.nonEmpty.map { ["CN=\($0)"] } ?? []) + (spec.dnsNames ?? [])
            + (spec.ipAddresses ?? []) + (spec.uris ?? []) + (spec.emailAddresses ?? [])
        if !names.isEmpty { lines.append(.init("Names", names.joined(separator: ", "))) }
        guard let status = certificate.status else { return lines }
        if let end = status.notAfter {
            let start = status.notBefore.map { "\($0.rfc3339) to " } ?? ""
            lines.append(.init("Valid", "\(start)\(end.rfc3339) (\(left(end, now)))", end < now ? .bad : .plain))
        }
        if let renewal = status.renewalTime {
            lines.append(.init("Renewal", "\(renewal.rfc3339) (\(left(renewal, now)))"))
        }
        if let failed = status.lastFailureTime {
            let attempts = status.failedIssuanceAttempts.map { ", \($0) in a row" } ?? ""
            lines.append(.init("Failed", "last at \(failed.rfc3339)\(attempts)", .bad))
        }
        if let revision = status.revision { lines.append(.init("Revision", "\(revision)")) }
        return lines
    }

    private static func left(_ time: Timestamp, _ now: Timestamp) -> String {
        time < now ? "\(HumanDuration.text(now - time)) ago" : "in \(HumanDuration.text(time - now))"
    }

    // MARK: Beside it

    private static func secret(_ tree: CertificateTree) -> StatusNode {
        let name = "\(tree.namespace)/\(tree.certificate.spec.secretName)"
        switch tree.secret {
        case .absent: return StatusNode(kind: "Secret", name: name, state: "missing", mood: .bad)
        case .unknown(let why):
            var node = StatusNode(kind: "Secret", name: name, state: "unknown", mood: .plain)
            node.lines = [.init("Note", why)]
            return node
        case .found(let look):
            let isGood = look.leaf != nil && look.problems.isEmpty && look.keyBelongsToLeaf == true
            var node = StatusNode(
                kind: "Secret", name: name, state: isGood ? "complete" : "unusable", mood: isGood ? .good : .bad)
            node.lines = look.problems.map { .init("Problem", $0, .bad) }
            if look.keyBelongsToLeaf == false {
                node.lines.append(.init("Problem", "tls.key and tls.crt do not belong together", .bad))
            }
            if let leaf = look.leaf {
                node.lines += [
                    .init("Subject", "\(leaf.subject)"), .init("Issuer", "\(leaf.issuer)"),
                    .init("Serial", Hex.encode(leaf.serial)),
                ]
            }
            if let key = look.keyAlgorithm { node.lines.append(.init("Key", "\(key)")) }
            return node
        }
    }

    private static func issuer(_ tree: CertificateTree, _ withEvents: Bool) -> StatusNode? {
        let reference = tree.certificate.spec.issuerRef
        let kind = reference.effectiveKind
        let name = reference.isIssuer ? "\(tree.namespace)/\(reference.name)" : reference.name
        switch tree.issuer {
        case .absent: return StatusNode(kind: kind, name: name, state: "missing", mood: .bad)
        case .foreign:
            return StatusNode(kind: "\(kind).\(reference.effectiveGroup)", name: name, state: "external", mood: .plain)
        case .unknown(let why):
            var node = StatusNode(kind: kind, name: name, state: "unknown", mood: .plain)
            node.lines = [.init("Note", why)]
            return node
        case .found(let look):
            var node = StatusNode(
                kind: kind, name: name, state: look.isReady ? "Ready" : "NotReady", mood: look.isReady ? .good : .bad,
                createdAt: look.metadata.creationTimestamp)
            node.lines = [.init("Type", look.typeName)] + lines(of: look.status?.conditions, tree.now)
            if withEvents {
                let own = tree.events.filter { $0.involvedObject.uid == look.metadata.uid }
                node.events = events(own, tree.now)
            }
            return node
        }
    }

    // MARK: Below it

    private static func request(
        _ request: CertificateRequest, _ tree: CertificateTree, _ withEvents: Bool
    ) -> StatusNode {
        let ready = request.status?.conditions[type: Condition.Kind.ready]
        let mood: StatusNode.Mood =
            ready?.status == .yes ? .good : ["Failed", "Denied"].contains(ready?.reason) ? .bad : .waiting
        var node = node(request, state: ready?.reason ?? "new", mood, tree, withEvents)
        node.lines += [.init("Revision", "\(request.revision)")] + lines(of: request.status?.conditions, tree.now)
        node.children = tree.orders(of: request).map { order($0, tree, withEvents) }
        return node
    }

    private static func order(_ order: Order, _ tree: CertificateTree, _ withEvents: Bool) -> StatusNode {
        var node = node(
            order, state: order.status?.state?.rawValue ?? "new", mood(order.status?.state), tree, withEvents)
        if let reason = order.status?.reason.nonEmpty {
            node.lines.append(.init("Reason", reason, mood(order.status?.state)))
        }
        if let url = order.status?.url.nonEmpty { node.lines.append(.init("URL", url)) }
        node.lines += (order.status?.authorizations ?? []).map { authorization in
            let name = (authorization.wildcard == true ? "*." : "") + (authorization.identifier ?? "?")
            return .init("Name", "\(name): \(authorization.initialState?.rawValue ?? "unknown")")
        }
        node.children = tree.challenges(of: order).map { challenge($0, tree, withEvents) }
        return node
    }

    private static func challenge(_ challenge: Challenge, _ tree: CertificateTree, _ withEvents: Bool) -> StatusNode {
        let status = challenge.status
        var node = node(challenge, state: status?.state?.rawValue ?? "new", mood(status?.state), tree, withEvents)
        let name = (challenge.spec.wildcard == true ? "*." : "") + challenge.spec.dnsName
        node.lines.append(.init("Proves", "\(name) by \(challenge.spec.type.rawValue)"))
        node.lines.append(
            .init(
                "Stage",
                status?.presented == true ? "presented" : status?.processing == true ? "being presented" : "waiting"))
        if let reason = status?.reason.nonEmpty { node.lines.append(.init("Reason", reason, mood(status?.state))) }
        node.children = solverObjects(challenge, tree)
        return node
    }

    private static func solverObjects(_ challenge: Challenge, _ tree: CertificateTree) -> [StatusNode] {
        let pods = tree.pods(of: challenge).map { pod in
            let isReady = pod.status?.conditions?.contains { $0.type == "Ready" && $0.status == "True" } ?? false
            let waiting = pod.status?.containerStatuses?.lazy.compactMap { $0.state?.waiting }.first
            var node = node(
                pod, state: isReady ? "Ready" : waiting?.reason ?? pod.status?.phase ?? "new",
                isReady ? .good : .waiting,
                tree, true)
            if let message = waiting?.message { node.lines.append(.init("Waits", message, .bad)) }
            return node
        }
        func plain(_ object: some KubeObject) -> StatusNode { node(object, state: "present", .plain, tree, true) }
        return pods + tree.services.filter { $0.answers(challenge) }.map { plain($0) }
            + tree.ingresses.filter { $0.answers(challenge) }.map { plain($0) }
            + tree.routes.filter { $0.answers(challenge) }.map { plain($0) }
    }

    private static func mood(_ state: ACMEState?) -> StatusNode.Mood {
        guard let state else { return .waiting }
        return state == .valid ? .good : state.isFailure ? .bad : .waiting
    }
}
