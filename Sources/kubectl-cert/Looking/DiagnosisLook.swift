import CertificateAPI
import Diagnosis
import HTTPTransport
import HTTPTypes
import KubeClient
import KubeModel
import PKI
import Wire

/// Gathers everything that `why` decides by: objects, the controller's state, and live probes.
struct DiagnosisLook: Sendable {
    private static let ingressClasses = ResourceType(
        group: "networking.k8s.io", version: "v1", kind: "IngressClass", plural: "ingressclasses", isNamespaced: false)
    private static let quotas = ResourceType(
        group: "", version: "v1", kind: "ResourceQuota", plural: "resourcequotas", isNamespaced: true)

    let session: Session
    /// Whether names and servers are asked from here, beside the API server.
    let probes: Bool
    private var client: KubeClient { session.client }

    func view(_ name: String) async throws -> DiagnosisView {
        let certificate = try await session.object(Certificate.self, name)
        let clock = await session.clusterTime()
        let namespace = session.namespace
        let controller = await ControllerLook(client: client).look(at: namespace)
        let tree = try await TreeLook(session: session).tree(
            of: certificate, now: clock.now, controller.clusterResourceNamespaces)
        var view = DiagnosisView(tree: tree)
        view.controller = controller.sight
        view.rivals = try await client.listAll(Certificate.self, ListOptions(namespace: namespace)).items.filter {
            $0.spec.secretName == certificate.spec.secretName && $0.metadata.name != name && !$0.metadata.isBeingDeleted
        }
        view.webhook = await webhook()
        if clock.isTold { view.clocks = [ClockSight(.thisMachine, ahead: session.time.now() - clock.now)] }
        view.ingressClasses = await names(of: Self.ingressClasses)
        view.quotas = await quotas(in: namespace)
        guard probes else { return view }
        await probe(&view, skew: clock.isTold ? session.time.now() - clock.now : nil)
        return view
    }

    // MARK: The API server's answers

    /// A dry run of what the webhook must refuse tells whether it is reached.
    private func webhook() async -> WebhookSight {
        let object: JSONValue = [
            "apiVersion": .string(CertificateRequest.resource.apiVersion),
            "kind": .string(CertificateRequest.resource.kind),
            "metadata": ["generateName": "kubectl-cert-", "namespace": .string(session.namespace)],
            "spec": ["request": "bm9uZQ==", "issuerRef": ["name": "kubectl-cert"]],
        ]
        var request = KubeRequest.create(
            CertificateRequest.resource, namespace: session.namespace, object, fieldManager: Version.fieldManager)
        request.query.append(.init("dryRun", "All"))
        do throws(KubeError) {
            _ = try await client.send(request)
            return .answers
        } catch {
            guard let message = error.status?.message else { return .unknown }
            if message.contains("failed calling webhook") { return .fails(message) }
            return message.contains("denied the request") ? .answers : .unknown
        }
    }

    private func names(of type: ResourceType) async -> Set<String>? {
        guard let items = try? await client.page(type, ListOptions()).items else { return nil }
        return Set(items.compactMap { $0.objectKey?.name })
    }

    private func quotas(in namespace: String) async -> [QuotaSight] {
        let items = (try? await client.page(Self.quotas, ListOptions(namespace: namespace)).items) ?? []
        return items.compactMap { item in
            guard let key = item.objectKey, let hard = item["status"]?["hard"]?.objectValue else { return nil }
            let used = item["status"]?["used"]
            let exhausted = hard.compactMap { limit -> String? in
                guard let most = limit.value.stringValue, let now = used?[limit.key]?.stringValue else { return nil }
                let isFull = Int(most).flatMap { most in Int(now).map { $0 >= most } } ?? (most == now)
                return isFull ? "\(limit.key): \(now) of \(most)" : nil
            }
            return exhausted.isEmpty ? nil : QuotaSight(key: key, exhausted: exhausted)
        }
    }

    // MARK: Live probes

    /// `skew`: how far this machine is ahead of the API server.
    private func probe(_ view: inout DiagnosisView, skew: Duration?) async {
        if case .found(let issuer) = view.tree.issuer, let acme = issuer.spec.acme {
            let (sight, date) = await directory(acme)
            view.directory = sight
            if let date, let skew, let host = HTTPAddress(url: acme.server)?.host {
                view.clocks.append(
                    ClockSight(.certificateAuthority(host), ahead: date - session.time.now() + skew))
            }
        }
        for challenge in view.tree.challenges where challenge.status?.state != .valid {
            let name = challenge.metadata.name
            switch challenge.spec.type {
            case .http01: view.fetched[name] = await fetch(challenge)
            case .dns01: view.resolved[name] = await DNSProbe().look(for: challenge)
            }
        }
    }

    private func directory(_ acme: ACMEIssuer) async -> (HTTPSight, Timestamp?) {
        var trust = TLSOptions.Trust.system
        if let bundle = acme.caBundle?.bytes, !bundle.isEmpty { trust = .only(pem: bundle) }
        if acme.skipTLSVerify == true { trust = .insecure }
        let request = TransportRequest(url: acme.server, tls: TLSOptions(trust: trust), deadline: .seconds(10))
        do throws(TransportError) {
            let answer = try await session.transport.send(request)
            let date = answer.headers[.date].flatMap { Timestamp(httpDate: $0) }
            guard answer.status == .ok else {
                return (
                    HTTPSight(
                        url: acme.server, answer: .wrong(code: answer.status.code, server: answer.headers[.server])),
                    date
                )
            }
            return (HTTPSight(url: acme.server, answer: .right), date)
        } catch {
            return (HTTPSight(url: acme.server, answer: .failed("\(error)")), nil)
        }
    }

    /// As the CA will, by http with redirects followed and no certificate verified (RFC 8555 §8.3).
    private func fetch(_ challenge: Challenge) async -> HTTPSight {
        let name = challenge.spec.dnsName
        let url = "http://\(name.contains(":") ? "[\(name)]" : name)/.well-known/acme-challenge/\(challenge.spec.token)"
        let request = TransportRequest(
            url: url, tls: TLSOptions(trust: .insecure), deadline: .seconds(10), connectTimeout: .seconds(5),
            bodyLimit: 1 << 20, redirects: .follow(max: 10, schemes: ["http", "https"]))
        do throws(TransportError) {
            let answer = try await session.transport.send(request)
            if answer.status == .ok, answer.body == Array(challenge.spec.key.utf8) {
                return HTTPSight(url: url, answer: .right)
            }
            return HTTPSight(url: url, answer: .wrong(code: answer.status.code, server: answer.headers[.server]))
        } catch {
            return HTTPSight(url: url, answer: .failed("\(error)"))
        }
    }
}
