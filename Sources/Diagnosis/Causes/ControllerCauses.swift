import KubeModel
import Wire

/// What keeps the controller from working, whatever it is asked for.
enum ControllerCauses {
    /// Beyond this, certificates look expired or not valid yet, and signatures of requests are refused.
    static let tolerance = Duration.seconds(60)

    static func notRunning(_ view: DiagnosisView) -> Cause? {
        let controller = view.controller
        guard controller.isComplete, LeaseReading(controller.lease, at: view.tree.now) == .dead else { return nil }
        let deployment = controller.deployments.first
        let object = deployment.map { "Deployment \($0.key)" } ?? "cluster"
        let evidence = [
            lease(controller.lease), deployment.map { "\(object): \($0.ready) of \($0.replicas) pods are ready" },
        ]
        guard let deployment else {
            return Cause(
                .controllerNotRunning, at: object,
                "No controller works: none holds the lease, and no Deployment of one was found.", evidence: evidence,
                remedy: "kubectl apply -f manifests/certwright.yaml   # or start the controller that you run yourself")
        }
        if deployment.replicas == 0 {
            return Cause(
                .controllerNotRunning, at: object, "The controller is scaled to nothing.", evidence: evidence,
                remedy: "kubectl scale deployment \(deployment.key.name) -n \(deployment.key.namespace) --replicas=1")
        }
        return Cause(
            .controllerNotRunning, at: object, "No controller works: no pod of it holds the lease.",
            evidence: evidence + deployment.podProblems,
            remedy: "kubectl logs deployment/\(deployment.key.name) -n \(deployment.key.namespace)"
                + "   # it says why it does not start or get the lease")
    }

    private static func lease(_ lease: LeaseSight?) -> String {
        guard let lease else { return "Lease cert-manager-controller does not exist" }
        let time = lease.renewedAt.map { ", last renewed at \($0.wholeSeconds.rfc3339)" } ?? ""
        return "Lease \(lease.key): held by \(lease.holder.isEmpty ? "nobody" : lease.holder)\(time)"
    }

    static func rights(_ view: DiagnosisView) -> Cause? {
        guard let missing = view.controller.missingRights, let first = missing.first else { return nil }
        let account = view.controller.account ?? "the controller's account"
        return Cause(
            .rightsMissing, at: account, "The controller may not \(first): RBAC does not give \(account) that right.",
            evidence: missing.map { "SubjectAccessReview of \(account): may not \($0)" },
            remedy: "kubectl apply -f manifests/certwright.yaml   # or the chart with rbac.create=true: it grants all"
                + " that the controller needs")
    }

    static func clock(_ view: DiagnosisView) -> Cause? {
        var clocks = view.clocks
        if let lease = view.controller.lease, case .alive(let ahead) = LeaseReading(lease, at: view.tree.now) {
            clocks.append(ClockSight(.controller(lease.holder), ahead: ahead))
        }
        let wrong = clocks.filter { $0.owner != .thisMachine && abs($0.ahead) > tolerance }
        guard let clock = wrong.max(by: { abs($0.ahead) < abs($1.ahead) }) else { return nil }
        let owner: String
        switch clock.owner {
        case .controller(let name): owner = "The clock of the controller (\(name))"
        case .certificateAuthority(let name): owner = "The clock of the CA's server \(name)"
        case .thisMachine: return nil
        }
        let amount = GoDuration(.seconds(abs(clock.ahead).components.seconds))
        let direction = clock.ahead > .zero ? "ahead of" : "behind"
        return Cause(
            .clockSkewed, at: owner,
            "\(owner) is \(amount) \(direction) the API server's: certificates look expired,"
                + " or not valid yet.",
            evidence: [lease(view.controller.lease)],
            remedy: "set the clock of the node it runs on, for instance: chronyc makestep")
    }

    static func webhook(_ view: DiagnosisView) -> Cause? {
        guard case .fails(let message) = view.webhook else { return nil }
        let isUntrusted =
            message.contains("unknown authority") || message.contains("certificate has expired")
            || message.contains("certificate is not valid")
        let object = "ValidatingWebhookConfiguration"
        guard isUntrusted else {
            return Cause(
                .webhookUnreachable, at: object,
                "The API server cannot call the webhook, and so refuses every object of cert-manager.io.",
                evidence: [message],
                remedy:
                    "kubectl get pods,endpoints -A -l app.kubernetes.io/component=webhook   # start what is missing,"
                    + " or open the network between the API server and the webhook")
        }
        return Cause(
            .webhookUntrusted, at: object,
            "The API server does not trust the webhook's certificate: the CA bundle in the webhook's configuration is"
                + " stale.",
            evidence: [message],
            remedy: "kubectl rollout restart deployment -n cert-manager"
                + "   # the webhook writes its CA into its configuration when it starts")
    }
}

private func abs(_ duration: Duration) -> Duration { duration < .zero ? .zero - duration : duration }

/// What a lease says of its holder: whether it works, and how far its clock is ahead of the API server's.
enum LeaseReading: Equatable {
    case dead
    case alive(ahead: Duration)

    /// Renewal is dated by the holder's clock. Where that looks too old, what the API server has dated tells a dead holder
    /// from one whose clock is behind.
    init(_ lease: LeaseSight?, at now: Timestamp) {
        guard let lease, !lease.holder.isEmpty, let renewed = lease.renewedAt else {
            self = .dead
            return
        }
        let limit = Duration.seconds(lease.durationSeconds) + .seconds(30)
        let lag = now - renewed
        if lag < limit {
            self = .alive(ahead: lag < .zero - ControllerCauses.tolerance ? .zero - lag : .zero)
            return
        }
        self = .dead
        guard let written = lease.writtenAt else { return }
        if now - written < limit {
            self = .alive(ahead: renewed - written)
        } else if let acquired = lease.acquiredAt {
            // Written once, at the acquisition: behind by as much now as it was then.
            let ahead = acquired - written
            let isSame = abs(ahead + lag) < .seconds(120)
            if ahead < .zero - ControllerCauses.tolerance, isSame { self = .alive(ahead: ahead) }
        }
    }
}
