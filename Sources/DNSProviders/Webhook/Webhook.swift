package import CertificateAPI
import DNSWire
import KubeModel
package import Wire

/// A program of somebody else's that speaks cert-manager's protocol for solvers: an aggregated API in the cluster
/// (cert-manager.io/docs/configuration/acme/dns01/webhook; ChallengePayload of webhook.acme.cert-manager.io/v1alpha1).
///
/// Least privilege: `create` on the resource `solverName` in the group `groupName`, which whoever installs the webhook gives
/// to the controller, as with cert-manager.
package struct Webhook: DNSProvider {
    package static let key = "webhook"

    /// The fields of `dns01.webhook`.
    package struct Config: Decodable, Sendable, Hashable {
        package var groupName: String
        package var solverName: String
        package var config: JSONValue?
    }

    private let config: Config
    private let context: ProviderContext
    private var name: String { "the webhook \(config.groupName)/\(config.solverName)" }

    package static func problems(in config: Config, at path: FieldPath) -> [FieldProblem] {
        config.groupName.isEmpty ? [.required(path["groupName"])] : []
    }

    package init(_ config: Config, in context: ProviderContext) async throws(DNSProviderError) {
        self.config = config
        self.context = context
    }

    package func present(_ record: TXTRecord) async throws(DNSProviderError) { try await ask("Present", record) }
    package func cleanUp(_ record: TXTRecord) async throws(DNSProviderError) { try await ask("CleanUp", record) }

    private func ask(_ action: String, _ record: TXTRecord) async throws(DNSProviderError) {
        let zone: DNSName
        do {
            zone = try await context.resolver.findZone(of: record.name)
        } catch {
            throw .dns(error)
        }
        let path = "/apis/\(config.groupName.escapedForPath)/v1alpha1/\(config.solverName.escapedForPath)"
        let answer: JSONValue
        do {
            answer = try await context.cluster.post(path, payload(action, record, zone))
        } catch {
            throw failure(error)
        }
        guard let response = answer["response"], let succeeded = response["success"]?.boolValue else {
            throw .malformedAnswer(provider: name, detail: "there is no response in it")
        }
        if succeeded { return }
        let status = response["status"]
        let said = status?["message"]?.stringValue ?? status?["reason"]?.stringValue ?? "it gave no reason"
        throw .refused(provider: name, detail: ServiceText.clean(said, hiding: []))
    }

    private func payload(_ action: String, _ record: TXTRecord, _ zone: DNSName) -> JSONValue {
        var request: JSONValue = [
            "uid": .string(context.challenge.uid), "action": .string(action), "type": "dns-01",
            "dnsName": .string(context.challenge.dnsName), "key": .string(record.value),
            "resourceNamespace": .string(context.namespace), "resolvedFQDN": .string(record.name.description),
            "resolvedZone": .string(zone.description),
            "allowAmbientCredentials": .bool(context.allowsAmbientCredentials),
        ]
        request["config"] = config.config
        return [
            "apiVersion": "webhook.acme.cert-manager.io/v1alpha1", "kind": "ChallengePayload", "request": request,
        ]
    }

    private func failure(_ failure: ClusterFailure) -> DNSProviderError {
        let detail = ServiceText.clean(failure.detail, hiding: [])
        switch failure.status {
        case 401, 403:
            return .missingPermission(
                provider: "the API server", doing: "call \(name)",
                needs: "the verb create on the resource \(config.solverName) of the API group \(config.groupName)",
                detail: detail)
        case 404:
            return .refused(
                provider: "the API server",
                detail: "it does not know \(name): install the webhook, and look at its APIService (\(detail))")
        case 409: return .conflict(provider: name, detail: detail)
        case 429: return .rateLimited(provider: name, until: context.time.now() + .seconds(5))
        default: return .unreachable(provider: name, detail: detail)
        }
    }
}
