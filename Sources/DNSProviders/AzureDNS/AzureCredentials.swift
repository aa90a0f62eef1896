import CertificateAPI
import HTTPTransport
import HTTPTypes
import KubeModel
import Wire

/// Access tokens of Microsoft Entra: for a service principal, a workload's identity, or a machine's
/// (learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow, …/managed-identities-azure-resources/how-to-use-vm-token).
struct AzureCredentials: Sendable {
    static let provider = "Azure DNS"

    let config: AzureDNS.Config
    let cloud: AzureCloud
    let context: ProviderContext

    func token() async throws(DNSProviderError) -> Redacted<String> {
        if let reference = config.clientSecretSecretRef, let client = config.clientID.nonEmpty,
            let tenant = config.tenantID.nonEmpty
        {
            let secret = try await context.text(of: reference, in: "clientSecretSecretRef")
            return try await kept([tenant, client, secret.reveal()]) { () async throws(DNSProviderError) in
                try await OAuth(provider: Self.provider, context: context, secrets: [secret]).token(
                    from: endpoint(cloud.authority, tenant), form(client, [("client_secret", secret.reveal())]))
            }
        }
        guard context.allowsAmbientCredentials else {
            throw .noCredentials(
                provider: Self.provider,
                detail:
                    "the issuer names no service principal, and identities of the machine are for ClusterIssuers only,"
                    + " unless --issuer-ambient-credentials is set")
        }
        if let file = context.machine.variable("AZURE_FEDERATED_TOKEN_FILE").nonEmpty {
            return try await workload(file)
        }
        return try await machine()
    }

    /// A token of the pod's ServiceAccount in exchange (azure.github.io/azure-workload-identity).
    private func workload(_ file: String) async throws(DNSProviderError) -> Redacted<String> {
        let identity = config.managedIdentity
        let client = identity?.clientID.nonEmpty ?? context.machine.variable("AZURE_CLIENT_ID").nonEmpty
        let tenant = identity?.tenantID.nonEmpty ?? context.machine.variable("AZURE_TENANT_ID").nonEmpty
        guard let client, let tenant else {
            throw .noCredentials(
                provider: Self.provider,
                detail: "AZURE_CLIENT_ID and AZURE_TENANT_ID are not set: the pod's ServiceAccount lacks the annotation"
                    + " azure.workload.identity/client-id")
        }
        guard let octets = context.machine.file(file) else {
            throw .noCredentials(provider: Self.provider, detail: "the token file \(file) cannot be read")
        }
        let assertion = Redacted(String(decoding: octets, as: UTF8.self).filter { !$0.isWhitespace })
        var authority = context.machine.variable("AZURE_AUTHORITY_HOST").nonEmpty ?? cloud.authority
        if authority.hasSuffix("/") { authority.removeLast() }
        return try await kept(["workload", authority, tenant, client]) { () async throws(DNSProviderError) in
            try await OAuth(provider: Self.provider, context: context, secrets: [assertion]).token(
                from: endpoint(authority, tenant),
                form(
                    client,
                    [
                        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                        ("client_assertion", assertion.reveal()),
                    ]))
        }
    }

    private func machine() async throws(DNSProviderError) -> Redacted<String> {
        var target = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource="
        target += "\(cloud.management)/".escapedForPath
        if let id = config.managedIdentity?.clientID.nonEmpty { target += "&client_id=\(id.escapedForPath)" }
        if let id = config.managedIdentity?.resourceID.nonEmpty { target += "&msi_res_id=\(id.escapedForPath)" }
        return try await kept(["machine", target]) { () async throws(DNSProviderError) in
            var request = TransportRequest(url: target, proxy: .none)
            request.headers[.metadata] = "true"
            do throws(DNSProviderError) {
                return try await OAuth(provider: Self.provider, context: context, secrets: []).token(request)
            } catch .unreachable(_, let detail) {
                throw .noCredentials(
                    provider: Self.provider,
                    detail: "the issuer names no service principal, the pod has no workload identity, and the machine's"
                        + " metadata service does not answer: \(detail)")
            }
        }
    }

    private func endpoint(_ authority: String, _ tenant: String) -> String {
        "\(authority)/\(tenant.escapedForPath)/oauth2/v2.0/token"
    }

    private func form(_ client: String, _ proof: [(String, String)]) -> [(String, String)] {
        [
            ("grant_type", "client_credentials"), ("client_id", client), ("scope", "\(cloud.management)/.default"),
        ] + proof
    }

    private func kept(
        _ parts: [String], _ fetch: () async throws(DNSProviderError) -> IssuedToken
    ) async throws(DNSProviderError) -> Redacted<String> {
        try await context.memory.token(
            for: AccountKey("Azure", [cloud.rawValue] + parts), at: context.time, fetch)
    }
}

extension HTTPField.Name {
    fileprivate static let metadata = HTTPField.Name("Metadata")!  // a legal field name
}
