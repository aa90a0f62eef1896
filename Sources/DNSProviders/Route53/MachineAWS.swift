import CertificateAPI
import DNSWire
package import HTTPTransport
import KubeModel
package import Wire

/// Credentials of AWS that the pod or the machine has, for others than Route 53.
package struct MachineAWS: Sendable {
    package struct Credentials: Sendable, Hashable {
        package var accessKeyID: String
        package var secretAccessKey: Redacted<String>
        package var sessionToken: Redacted<String>?
    }

    private let context: ProviderContext

    package init(
        http: any HTTPTransport, time: any TimeSource, machine: any MachineSource, memory: ProviderMemory
    ) {
        context = ProviderContext(
            secrets: NoSecrets(), namespace: "", resolver: .nobody, http: http, time: time,
            allowsAmbientCredentials: true, memory: memory, machine: machine)
    }

    /// Those of the machine; with a role, those of the role that they take on.
    package func credentials(role: String?, region: String?) async throws(DNSProviderError) -> Credentials {
        let found = try await AWSCredentialSource(
            config: Route53.Config(role: role), context: context, partition: AWSPartition(region: region)
        ).credentials()
        return Credentials(
            accessKeyID: found.accessKeyID, secretAccessKey: found.secretAccessKey, sessionToken: found.sessionToken)
    }

    private struct NoSecrets: SecretSource {
        func secret(_ key: ObjectKey) async throws -> Secret? { nil }
    }
}
