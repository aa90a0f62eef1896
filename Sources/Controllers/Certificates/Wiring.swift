package import CertificateAPI
package import KubeModel
package import KubeRuntime
package import PKI
package import Wire

/// The caches that the Certificate controllers share, and how what an informer reads becomes what they hold.
package enum CertificateCaches {
    /// Secrets whose facts are kept; all others are known by name only.
    package static let factsSelector = Names.Label.filteredCache
    package static let othersSelector = "!" + Names.Label.filteredCache

    package static func certificates() -> Cache<Certificate> {
        let indexes: [String: @Sendable (Certificate) -> [String]] = [
            CertificateReconciler.Index.secretName: { ["\($0.metadata.namespace ?? "")/\($0.spec.secretName)"] },
            CertificateReconciler.Index.passwordSecret: { certificate in
                Set(certificate.spec.passwordSecretNames).map { "\(certificate.metadata.namespace ?? "")/\($0)" }
            },
        ]
        return Cache(indexes: indexes.merging(ShimIndex.certificates) { own, _ in own })
    }

    package static func requests() -> Cache<RequestFacts> {
        Cache(indexes: [
            CertificateReconciler.Index.certificate: { [$0.certificateUID].compactMap(\.self) },
            CertificateReconciler.Index.issuer: { request in
                guard request.open != nil else { return [] }
                return [IssuerLookup.indexValue(request.issuerRef, namespace: request.metadata.namespace ?? "")]
            },
        ])
    }

    package static func secretFacts() -> Cache<SecretFacts> {
        Cache(
            indexes: [
                CertificateReconciler.Index.certificate: { secret in
                    secret.isNextPrivateKey ? [secret.metadata.controller?.uid].compactMap(\.self) : []
                }
            ], accepts: { $0.labels.hasKey(Names.Label.filteredCache) })
    }

    package static func otherSecrets() -> Cache<KubeModel.SecretMetadata> {
        Cache()
    }

    /// For the informer of `requests`.
    package static func request(_ value: JSONValue) throws -> RequestFacts {
        RequestFacts(try value.decode(CertificateRequest.self))
    }

    /// For the informer of `secretFacts`, which must read `managedFields` too.
    package static func secret(_ value: JSONValue, limits: PEMLimits = .default) throws -> SecretFacts {
        SecretFacts(
            try value.decode(Secret.self), managedFields: value["metadata"]?["managedFields"], limits: limits)
    }

    /// For the informer of `otherSecrets`: that they exist, and their version.
    package static func other(_ value: JSONValue) throws -> KubeModel.SecretMetadata {
        let whole = try value.decode(KubeModel.SecretMetadata.self).metadata
        var metadata = ObjectMeta(name: whole.name, namespace: whole.namespace)
        metadata.uid = whole.uid
        metadata.resourceVersion = whole.resourceVersion
        return KubeModel.SecretMetadata(metadata: metadata)
    }
}

extension CertificateReconciler {
    /// Has `enqueue` called with every Certificate that a change may concern. Call it before the informers run.
    package func connect(_ enqueue: @escaping @Sendable (ObjectKey) -> Void) {
        let certificates = certificates
        /// Those that write the Secret, and those whose keystores' password is in it.
        @Sendable func claimants(_ namespace: String, _ secret: String) {
            let found = certificates.matching(index: Index.secretName, value: "\(namespace)/\(secret)")
            for certificate in found { enqueue(certificate.key) }
            let locked = certificates.matching(index: Index.passwordSecret, value: "\(namespace)/\(secret)")
            for certificate in locked { enqueue(certificate.key) }
        }
        certificates.onChange { old, new in
            if let key = new?.key ?? old?.key { enqueue(key) }
            // Whoever else names the Secret may now be its owner, or no longer.
            if let old,
                new == nil || new?.metadata.isBeingDeleted == true || new?.spec.secretName != old.spec.secretName
            {
                claimants(old.metadata.namespace ?? "", old.spec.secretName)
            }
            if let new, new.spec.secretName != old?.spec.secretName {
                claimants(new.metadata.namespace ?? "", new.spec.secretName)
            }
        }
        requests.onChange { old, new in
            guard let request = new ?? old, let owner = request.metadata.controller,
                owner.kind == Certificate.resource.kind
            else { return }
            enqueue(ObjectKey(namespace: request.metadata.namespace ?? "", name: owner.name))
        }
        connectOrders(enqueue)
        secrets.facts.onChange { old, new in
            guard let secret = new ?? old else { return }
            let namespace = secret.metadata.namespace ?? ""
            claimants(namespace, secret.metadata.name)
            if let owner = secret.metadata.controller, secret.isNextPrivateKey {
                enqueue(ObjectKey(namespace: namespace, name: owner.name))
            }
        }
        secrets.others.onChange { old, new in
            guard let secret = new ?? old else { return }
            claimants(secret.metadata.namespace ?? "", secret.metadata.name)
        }
    }
}

extension CertificateReconciler {
    /// What an ACME order meets is told on the Certificate.
    private func connectOrders(_ enqueue: @escaping @Sendable (ObjectKey) -> Void) {
        orders?.onChange { [weak self] old, new in
            guard let new, let owner = self?.certificate(of: new) else { return }
            let key = Names.Annotation.preflight
            let isFound = new.metadata.annotations?[key] != old?.metadata.annotations?[key]
            if isFound || self?.isNews(old?.status?.reason, new.status?.reason, for: owner) == true { enqueue(owner) }
        }
        challenges?.onChange { [weak self, orders] old, new in
            guard let self, let new, new.status?.reason != old?.status?.reason, let owner = new.metadata.controller,
                let order = orders?[ObjectKey(namespace: new.key.namespace, name: owner.name)],
                let certificate = certificate(of: order)
            else { return }
            if isNews(old?.status?.reason, new.status?.reason, for: certificate) { enqueue(certificate) }
        }
    }

    /// The Certificate whose request the Order is for.
    private func certificate(of order: Order) -> ObjectKey? {
        let namespace = order.key.namespace
        guard let request = order.metadata.controller, request.kind == CertificateRequest.resource.kind,
            let owner = requests[ObjectKey(namespace: namespace, name: request.name)]?.metadata.controller,
            owner.kind == Certificate.resource.kind
        else { return nil }
        return ObjectKey(namespace: namespace, name: owner.name)
    }

    /// Whether what an Order or a Challenge says may be worth telling on the Certificate. An issuance that has only begun
    /// looks by itself, and one that goes through until then needs no look.
    private func isNews(_ old: String?, _ new: String?, for certificate: ObjectKey) -> Bool {
        guard old != new, let issuing = certificates[certificate]?.status?.conditions[type: Condition.Kind.issuing],
            issuing.status == .yes, let began = issuing.lastTransitionTime
        else { return false }
        let isWaiting = new.map { Hindrance.isWaiting($0) } ?? true
        return time.now() - began >= (isWaiting ? Hindrance.sightPatience : Hindrance.patience)
    }
}

extension RequestReconciler {
    /// Has `enqueue` called with every request that a change may concern. Call it before the informers run.
    package func connect(
        _ enqueue: @escaping @Sendable (ObjectKey) -> Void, secrets: SecretStore
    ) {
        let requests = requests
        @Sendable func waiting(_ reference: IssuerReference, _ namespace: String) {
            let value = IssuerLookup.indexValue(reference, namespace: namespace)
            for request in requests.matching(index: CertificateReconciler.Index.issuer, value: value) {
                enqueue(request.key)
            }
        }
        requests.onChange { _, new in
            if let new, new.open != nil { enqueue(new.key) }
        }
        lookup.issuers.onChange { old, new in
            guard let issuer = new ?? old else { return }
            waiting(IssuerReference(name: issuer.metadata.name), issuer.metadata.namespace ?? "")
        }
        lookup.clusterIssuers?.onChange { old, new in
            guard let issuer = new ?? old else { return }
            waiting(IssuerReference(name: issuer.metadata.name, kind: "ClusterIssuer"), "")
        }
        secrets.facts.onChange { [weak self] old, new in
            guard let key = (new ?? old)?.key else { return }
            for request in self?.waitingFor(secret: key) ?? [] { enqueue(request) }
        }
        secrets.others.onChange { [weak self] old, new in
            guard let key = (new ?? old)?.key else { return }
            for request in self?.waitingFor(secret: key) ?? [] { enqueue(request) }
        }
    }
}

extension Certificate.Spec {
    fileprivate var passwordSecretNames: [String] {
        [
            keystores?.jks.flatMap { $0.create ? $0.passwordSecretRef?.name : nil },
            keystores?.pkcs12.flatMap { $0.create ? $0.passwordSecretRef?.name : nil },
        ].compactMap(\.self)
    }
}
