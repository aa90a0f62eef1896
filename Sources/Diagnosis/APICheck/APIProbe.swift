import CertificateAPI
import HTTPTypes
package import KubeClient
import KubeModel
import PKI
import Wire

/// One try after the other.
package struct APIProbe: Sendable {
    private let client: KubeClient
    private let namespace: String
    private let goodRequest: [UInt8]

    /// - Parameter goodRequest: PEM, as `signingRequest` makes it.
    package init(client: KubeClient, namespace: String, goodRequest: [UInt8]) {
        self.client = client
        self.namespace = namespace
        self.goodRequest = goodRequest
    }

    /// A signing request that breaks no rule, with a key that nobody keeps.
    package static func signingRequest() async throws -> [UInt8] {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var extensions = CertificateExtensions()
        extensions.names = [.dns("certwright-check.invalid")]
        let request = try await SigningRequest.make(
            subject: try DistinguishedName(commonName: "certwright-check"), extensions: extensions, key: key)
        return Array(request.pem.utf8)
    }

    /// What is still waited for, as a sentence; nil when nothing is.
    package func missing() async -> String? {
        for (group, plurals) in APICheck.resources {
            let answer = await answer(
                KubeRequest(method: .get, path: "/apis/\(group)/\(Names.version)", isIdempotent: true))
            if let missing = APICheck.missing(from: answer, group: group, plurals: plurals) { return missing }
        }
        if let problem = APICheck.problem(ofGood: await answer(dryRun(goodRequest))) { return problem }
        return APICheck.problem(ofBad: await answer(dryRun(Array("no signing request".utf8))))
    }

    private func dryRun(_ signingRequest: [UInt8]) -> KubeRequest {
        let object: JSONValue = [
            "apiVersion": .string(CertificateRequest.resource.apiVersion),
            "kind": .string(CertificateRequest.resource.kind),
            "metadata": ["generateName": "certwright-check-", "namespace": .string(namespace)],
            "spec": [
                "request": .string(Base64.encode(signingRequest)),
                "issuerRef": [
                    "name": "certwright-check", "kind": "Issuer", "group": .string(Names.group),
                ],
            ],
        ]
        var request = KubeRequest.create(
            CertificateRequest.resource, namespace: namespace, object, fieldManager: client.fieldManager)
        request.query.append(.init("dryRun", "All"))
        return request
    }

    private func answer(_ request: KubeRequest) async -> APICheck.Answer {
        do throws(KubeError) {
            return .success(try await client.send(request))
        } catch {
            return .failure(error)
        }
    }
}
