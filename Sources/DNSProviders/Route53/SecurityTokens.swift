import HTTPTransport
import HTTPTypes
import KubeModel
import PKI
import Wire

/// AWS's Security Token Service (docs.aws.amazon.com/STS/latest/APIReference): roles in exchange for credentials or tokens.
struct SecurityTokens: Sendable {
    let context: ProviderContext
    let partition: AWSPartition

    func assume(
        _ role: String, as own: SigV4.Credentials
    ) async throws(DNSProviderError) -> TemporaryCredentials {
        let api = api([own.secretAccessKey]) { request throws(DNSProviderError) in
            do {
                try SigV4(service: "sts", region: partition.tokenRegion).sign(
                    &request, with: own, at: context.time.now())
            } catch {
                throw .refused(provider: "AWS STS", detail: "the request could not be signed: \(error)")
            }
        }
        return try await call(api, ["Action": "AssumeRole", "RoleArn": role, "RoleSessionName": "certwright"], role)
    }

    /// The token says who asks: the request is not signed.
    func exchange(
        _ token: Redacted<String>, for role: String
    ) async throws(DNSProviderError) -> TemporaryCredentials {
        try await call(
            api([token]) { _ in },
            [
                "Action": "AssumeRoleWithWebIdentity", "RoleArn": role, "RoleSessionName": "certwright",
                "WebIdentityToken": token.reveal(),
            ], role)
    }

    private func api(_ secrets: [Redacted<String>], sign: @escaping ProviderAPI.Sign) -> ProviderAPI {
        ProviderAPI("AWS STS", base: partition.tokenService, in: context, secrets: secrets, sign: sign)
    }

    private func call(
        _ api: ProviderAPI, _ fields: [String: String], _ role: String
    ) async throws(DNSProviderError) -> TemporaryCredentials {
        let form = (fields.merging(["Version": "2011-06-15"]) { old, _ in old }).sorted { $0.key < $1.key }
            .map { "\($0.key)=\($0.value.escapedForPath)" }.joined(separator: "&")
        let answer = try await api.send(
            TransportRequest(
                url: partition.tokenService + "/", method: .post,
                headers: [.contentType: "application/x-www-form-urlencoded; charset=utf-8"], body: Array(form.utf8)))
        let xml = XMLElement(parsing: answer.body)
        if answer.isSuccess {
            return try api.need(xml.flatMap { TemporaryCredentials(xml: $0) }, "Credentials")
        }
        let code = xml?.first("Code")?.text ?? ""
        let message = api.clean("\(code): \(xml?.first("Message")?.text ?? "status \(answer.status)")")
        switch code {
        case "Throttling", "RequestLimitExceeded": throw api.limited(for: .seconds(5))
        case "AccessDenied":
            throw .missingPermission(
                provider: "AWS STS", doing: "assume the role \(role)",
                needs: "a trust policy of the role that names them", detail: message)
        case "InvalidClientTokenId", "SignatureDoesNotMatch", "ExpiredToken", "ExpiredTokenException",
            "InvalidIdentityToken", "IncompleteSignature":
            throw .wrongCredentials(provider: "AWS STS", detail: message)
        default: throw api.failure(answer, for: .init("assume the role \(role)", needs: "sts:AssumeRole"))
        }
    }
}

/// Credentials that AWS leaves at an address of the machine.
struct MachineCredentials: Sendable {
    let context: ProviderContext

    /// What EKS Pod Identity and ECS put into the environment (docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html);
    /// nil where they did not. Only these addresses are asked: a pod's own, and those of this machine.
    func containerRequest(
        reading file: (String) throws(DNSProviderError) -> Redacted<String>
    ) throws(DNSProviderError) -> TransportRequest? {
        let machine = context.machine
        let url: String
        if let path = machine.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"), path.hasPrefix("/") {
            url = "http://169.254.170.2\(path)"
        } else if let full = machine.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI"), !full.isEmpty {
            let hosts = ["169.254.170.23", "fd00:ec2::23", "169.254.170.2", "localhost", "127.0.0.1", "::1"]
            guard let address = HTTPAddress(url: full), address.scheme == .https || hosts.contains(address.host) else {
                throw .noCredentials(
                    provider: AWSCredentialSource.provider,
                    detail: "AWS_CONTAINER_CREDENTIALS_FULL_URI leads to a host that is none of AWS's")
            }
            url = full
        } else {
            return nil
        }
        var request = TransportRequest(url: url, proxy: .none)
        if let path = machine.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"), !path.isEmpty {
            request.headers[.authorization] = try file(path).reveal()
        } else if let token = machine.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN"), !token.isEmpty {
            request.headers[.authorization] = token
        }
        return request
    }

    func container(_ request: TransportRequest) async throws(DNSProviderError) -> TemporaryCredentials {
        let secrets = request.headers[.authorization].map { [Redacted($0)] } ?? []
        let api = ProviderAPI("AWS container credentials", base: request.url, in: context, secrets: secrets) { _ in }
        let answer = try await api.send(request)
        guard answer.isSuccess else {
            throw api.failure(
                answer, for: .init("have credentials", needs: "an association of the pod's ServiceAccount with a role"))
        }
        return try api.need(TemporaryCredentials(json: try answer.json(), tokenKey: "Token"), "credentials")
    }

    /// The instance's role, by version 2 of the metadata service (docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-v2-how-it-works.html).
    func instance() async throws(DNSProviderError) -> TemporaryCredentials {
        let base = "http://169.254.169.254/latest"
        let api = ProviderAPI("AWS instance metadata", base: base, in: context, secrets: []) { request in
            request.proxy = .none
            request.connectTimeout = .seconds(2)
            request.deadline = .seconds(5)
        }
        let purpose = ProviderAPI.Purpose("have credentials", needs: "an instance profile with a role")
        do throws(DNSProviderError) {
            let token = try await api.call(.put, "/api/token", headers: [.metadataLifetime: "300"], for: purpose)
            let text = String(decoding: token.body, as: UTF8.self)
            guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                throw api.malformed("a token of odd characters")
            }
            let fields: HTTPFields = [.metadataToken: text]
            let roles = try await api.call(.get, "/meta-data/iam/security-credentials/", headers: fields, for: purpose)
            let role = String(decoding: roles.body, as: UTF8.self).split(separator: "\n").first.map(String.init)
            let path = try api.need(role, "role").escapedForPath
            let answer = try await api.call(
                .get, "/meta-data/iam/security-credentials/\(path)", headers: fields, for: purpose)
            return try api.need(TemporaryCredentials(json: try answer.json(), tokenKey: "Token"), "credentials")
        } catch .unreachable {
            throw .noCredentials(
                provider: AWSCredentialSource.provider,
                detail: "neither the issuer, nor the environment, nor an EC2 instance has any")
        }
    }
}

extension HTTPField.Name {
    fileprivate static let metadataToken = HTTPField.Name("X-aws-ec2-metadata-token")!  // a legal field name
    fileprivate static let metadataLifetime = HTTPField.Name("X-aws-ec2-metadata-token-ttl-seconds")!  // as above
}
