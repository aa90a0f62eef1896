import CertificateAPI
import DNSProviders
import HTTPTransport
import HTTPTypes
import KubeModel
import PKI
import Wire

/// Logging in to Vault as an AWS role: Vault is given a signed request for "who am I", which it sends to AWS itself
/// (https://developer.hashicorp.com/vault/api-docs/auth/aws#login).
struct VaultAWSLogin: Sendable, Hashable {
    let role: String
    let iamRoleARN: String
    /// Whose token takes on the role; nil for the credentials of the pod and the machine.
    let account: ServiceAccountReference?
    let region: String?
    /// The value of `X-Vault-AWS-IAM-Server-ID`.
    let serverID: String?

    init(_ aws: VaultIssuer.AWS) {
        role = aws.role
        iamRoleARN = aws.iamRoleArn ?? ""
        account = aws.serviceAccountRef
        region = aws.region.nonEmpty
        serverID = aws.vaultHeaderValue.nonEmpty
    }

    private var host: String {
        guard let region else { return "sts.amazonaws.com" }
        return "sts.\(region).amazonaws.com" + (region.hasPrefix("cn-") ? ".cn" : "")
    }

    /// What is sent to Vault.
    func body(
        _ issuer: IssuerIdentity, _ context: IssuerContext
    ) async throws(VaultSigner.Trouble) -> JSONValue {
        let credentials =
            if let account { try await credentials(of: account, issuer, context) } else {
                try await machineCredentials(issuer, context)
            }
        do throws(PKIError) {
            return try signedRequest(credentials, now: context.time.now())
        } catch {
            throw .sentence("The request to AWS cannot be signed: \(error)")
        }
    }

    /// Those of the pod and the machine (docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html), and of
    /// `iamRoleArn` where it is given.
    private func machineCredentials(
        _ issuer: IssuerIdentity, _ context: IssuerContext
    ) async throws(VaultSigner.Trouble) -> AWSCredentials {
        guard context.ambient.allows(issuer) else {
            throw .sentence(
                "spec.vault.auth.aws names no serviceAccountRef, and credentials of the machine are "
                    + (issuer.namespace == nil
                        ? "switched off by --cluster-issuer-ambient-credentials=false"
                        : "for ClusterIssuers only, unless --issuer-ambient-credentials is set"))
        }
        let machine = MachineAWS(
            http: context.http, time: context.time, machine: context.machine, memory: context.memory)
        do throws(DNSProviderError) {
            let found = try await machine.credentials(
                role: iamRoleARN.isEmpty ? nil : iamRoleARN, region: region)
            return AWSCredentials(
                accessKeyID: found.accessKeyID, secretKey: found.secretAccessKey, sessionToken: found.sessionToken)
        } catch .noCredentials(_, let detail) {
            throw .sentence(
                "spec.vault.auth.aws names no serviceAccountRef, and the machine has no credentials: \(detail)")
        } catch {
            throw .sentence("The credentials of the machine could not be had: \(error)")
        }
    }

    private func credentials(
        of account: ServiceAccountReference, _ issuer: IssuerIdentity, _ context: IssuerContext
    ) async throws(VaultSigner.Trouble) -> AWSCredentials {
        let token: Redacted<String>
        do throws(CredentialProblem) {
            let audiences = account.audiences ?? []
            token = try await context.token(
                of: account, audiences: audiences.isEmpty ? ["sts.amazonaws.com"] : audiences, issuer)
        } catch {
            throw .credential(error)
        }
        return try await assumeRole(token, of: account, context)
    }

    /// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
    private func assumeRole(
        _ token: Redacted<String>, of account: ServiceAccountReference, _ context: IssuerContext
    ) async throws(VaultSigner.Trouble) -> AWSCredentials {
        let form = [
            ("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"), ("RoleArn", iamRoleARN),
            ("RoleSessionName", "certwright"), ("WebIdentityToken", token.reveal()),
        ].map { "\($0)=\($1.escapedForPath)" }.joined(separator: "&")
        let headers: HTTPFields = [
            .contentType: "application/x-www-form-urlencoded", .userAgent: context.userAgent,
            .accept: "application/xml",
        ]
        let answer: Response
        do throws(TransportError) {
            answer = try await context.http.send(
                TransportRequest(
                    url: "https://\(host)/", method: .post, headers: headers, body: Array(form.utf8),
                    bodyLimit: 1 << 20))
        } catch {
            throw .sentence("AWS (\(host)) could not be asked for the role \(iamRoleARN): \(error)")
        }
        let text = String(decoding: answer.body, as: UTF8.self)
        guard answer.status == .ok, let id = Self.element("AccessKeyId", text),
            let secret = Self.element("SecretAccessKey", text), let session = Self.element("SessionToken", text)
        else {
            let code = Self.element("Code", text).map { " (\($0))" } ?? ""
            throw .sentence(
                "AWS (\(host)) answered \(answer.status.code)\(code) when asked for the role \(iamRoleARN); its trust policy "
                    + "must name the cluster's OIDC provider and the service account \(account.name)")
        }
        return AWSCredentials(accessKeyID: id, secretKey: Redacted(secret), sessionToken: Redacted(session))
    }

    /// The text of the first element of that name: the answers have no attributes and no CDATA.
    private static func element(_ name: String, _ xml: String) -> String? {
        guard let start = xml.firstRange(of: "<\(name)>"),
            let end = xml[start.upperBound...].firstRange(of: "</\(name)>")
        else { return nil }
        let text = xml[start.upperBound..<end.lowerBound]
        let isLegal = !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "<") }
        return isLegal ? String(text) : nil
    }

    /// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html, not sent from here.
    func signedRequest(_ credentials: AWSCredentials, now: Timestamp) throws(PKIError) -> JSONValue {
        let body = Array("Action=GetCallerIdentity&Version=2011-06-15".utf8)
        var headers = [
            (name: "content-type", value: "application/x-www-form-urlencoded; charset=utf-8"),
            (name: "host", value: host), (name: "x-amz-date", value: AWSSignature.time(now)),
        ]
        if let token = credentials.sessionToken {
            headers.append((name: "x-amz-security-token", value: token.reveal()))
        }
        if let serverID { headers.append((name: "x-vault-aws-iam-server-id", value: serverID)) }
        let signature = AWSSignature(
            method: "POST", headers: headers, body: body, region: region ?? "us-east-1", service: "sts")
        headers.append((name: "authorization", value: try signature.authorization(credentials)))
        let members = headers.map { ($0.name, JSONValue.array([.string($0.value)])) }
        var fields: JSONValue = [:]
        for (name, value) in members { fields[name] = value }
        return [
            "role": .string(role), "iam_http_request_method": "POST",
            "iam_request_url": .string(Base64.encode(Array("https://\(host)/".utf8))),
            "iam_request_body": .string(Base64.encode(body)),
            "iam_request_headers": .string(Base64.encode(fields.serialized())),
        ]
    }
}
