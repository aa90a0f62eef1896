import CertificateAPI
import HTTPTransport
package import KubeClient
package import KubeModel
import Wire

/// Which sources may be used, by the flags.
package struct InjectionSettings: Sendable, Equatable {
    /// Empty for all namespaces.
    package var namespaces: Set<String> = []
    package var ignoredNamespaces: Set<String> = []
    package var usesCertificates = true
    package var kinds = Set(InjectionKind.allCases)

    package init() {}

    func covers(_ wish: CAWish) -> Bool {
        if case .certificate = wish, !usesCertificates { return false }
        guard let place = wish.namespace else { return true }
        return (namespaces.isEmpty || namespaces.contains(place)) && !ignoredNamespaces.contains(place)
    }
}

/// What a target was made from: a change of it concerns the target.
package enum InjectionSource: Sendable, Hashable {
    case secret(ObjectKey)
    case certificate(ObjectKey)
}

/// Reads CAs from where targets want them, each time anew: nothing of a Secret is kept.
package struct Authorities: Sendable {
    private let client: KubeClient

    package init(client: KubeClient) { self.client = client }

    /// Tells `note` of each source before it is read, so that no change of it is missed.
    func read(
        _ wish: CAWish, note: (InjectionSource) -> Void
    ) async throws(KubeError) -> Result<CABundle, InjectionProblem> {
        switch wish {
        case .apiServer:
            return Self.result { () throws(InjectionProblem) in try apiServer() }
        case .secret(let key):
            note(.secret(key))
            let secret = try await secret(key)
            return Self.result { () throws(InjectionProblem) in try AuthorityReading.direct(secret, key) }
        case .certificate(let key):
            note(.certificate(key))
            guard let name = try await secretName(of: key) else { return .failure(.certificateMissing(key)) }
            let secretKey = ObjectKey(namespace: key.namespace, name: name)
            note(.secret(secretKey))
            let secret = try await secret(secretKey)
            return Self.result { () throws(InjectionProblem) in
                try AuthorityReading.issued(secret, secretKey, to: key)
            }
        }
    }

    private func secret(_ key: ObjectKey) async throws(KubeError) -> Secret? {
        try await client.find(Secret.self, key)
    }

    /// Nil without a Certificate; whatever else may be wrong with it does not matter here.
    private func secretName(of key: ObjectKey) async throws(KubeError) -> String? {
        do throws(KubeError) {
            return try await client.send(.get(Certificate.resource, key))["spec"]?["secretName"]?.stringValue
        } catch {
            guard error.isNotFound else { throw error }
            return nil
        }
    }

    private func apiServer() throws(InjectionProblem) -> CABundle {
        guard let pem = client.configuration.currentAuthority else { throw .noAPIServerCA }
        return try CABundle.authority(pem: pem, of: "The CA that the API server is trusted by")
    }

    private static func result(
        _ body: () throws(InjectionProblem) -> CABundle
    ) -> Result<CABundle, InjectionProblem> {
        do throws(InjectionProblem) {
            return .success(try body())
        } catch {
            return .failure(error)
        }
    }
}

/// Whether a Secret gives its CA to a target, and which.
package enum AuthorityReading {
    /// From a Secret that a target names itself.
    package static func direct(_ secret: Secret?, _ key: ObjectKey) throws(InjectionProblem) -> CABundle {
        guard let secret else { throw .secretMissing(key) }
        guard secret.metadata.annotations?[Names.Annotation.allowDirectInjection] == "true" else {
            throw .notAllowed(key)
        }
        return try authority(of: secret, key)
    }

    /// From the Secret of a Certificate, which must say that it is: else who may write Certificates could have any
    /// Secret's CA injected.
    package static func issued(
        _ secret: Secret?, _ key: ObjectKey, to certificate: ObjectKey
    ) throws(InjectionProblem) -> CABundle {
        guard let secret else { throw .certificatePending(certificate, secret: key) }
        guard secret.metadata.annotations?[Names.Annotation.certificateName] == certificate.name else {
            throw .otherCertificate(certificate, secret: key)
        }
        return try authority(of: secret, key)
    }

    private static func authority(of secret: Secret, _ key: ObjectKey) throws(InjectionProblem) -> CABundle {
        guard let pem = secret[Names.SecretKey.ca], !pem.isEmpty else { throw .noAuthority(key) }
        return try CABundle.authority(pem: pem, of: "\(Names.SecretKey.ca) of the Secret \"\(key)\"")
    }
}
