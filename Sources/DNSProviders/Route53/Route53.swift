package import CertificateAPI
package import DNSWire
import HTTPTransport
import HTTPTypes
import KubeModel
import PKI
import Wire

/// Amazon Route 53 (docs.aws.amazon.com/Route53/latest/APIReference, 2013-04-01).
///
/// A name's values are one record set, changed by deleting the old set and creating the new one in one batch: Route 53
/// refuses the batch when the old set is not exactly that any more. Where cert-manager has left multivalue records under
/// the name, ours join them in their own way.
///
/// Least privilege: route53:ListHostedZonesByName (not with hostedZoneID), and on the zone route53:ListResourceRecordSets and
/// route53:ChangeResourceRecordSets, the latter under conditions on type TXT and the challenge's name.
package struct Route53: RecordSetEdit {
    package static let key = "route53"
    package static let noticesConflicts = true

    /// The fields of `dns01.route53`.
    package struct Config: Decodable, Sendable, Hashable {
        package var accessKeyID: String?
        package var accessKeyIDSecretRef: SecretKeySelector?
        package var secretAccessKeySecretRef: SecretKeySelector?
        package var auth: Auth?
        package var hostedZoneID: String?
        package var region: String?
        package var role: String?
    }

    package struct Auth: Decodable, Sendable, Hashable {
        package var kubernetes: Kubernetes
    }

    package struct Kubernetes: Decodable, Sendable, Hashable {
        package var serviceAccountRef: ServiceAccountReference
    }

    package struct ServiceAccountReference: Decodable, Sendable, Hashable {
        package var name: String
        package var audiences: [String]?
    }

    /// Five requests a second for each account (…/DeveloperGuide/DNSLimitations.html).
    private static let paces = [Pace(5, per: .seconds(1))]
    private static let ttlSeconds = 60
    private static let version = "/2013-04-01"

    package let context: ProviderContext
    private let api: ProviderAPI
    private let zoneID: String?

    package init(_ config: Config, in context: ProviderContext) async throws(DNSProviderError) {
        let region =
            config.region.nonEmpty
            ?? (context.allowsAmbientCredentials ? context.machine.variable("AWS_REGION").nonEmpty : nil)
        let partition = AWSPartition(region: region)
        let credentials = try await AWSCredentialSource(config: config, context: context, partition: partition)
            .credentials()
        self.context = context
        zoneID = config.hostedZoneID.nonEmpty.map { $0.split(separator: "/").last.map(String.init) ?? $0 }
        let secrets = [credentials.secretAccessKey] + [credentials.sessionToken].compactMap(\.self)
        api = ProviderAPI(
            "Route 53", base: partition.route53, in: context, secrets: secrets, scope: [credentials.accessKeyID],
            paces: Self.paces
        ) { request throws(DNSProviderError) in
            do {
                try SigV4(service: "route53", region: partition.signingRegion).sign(
                    &request, with: credentials, at: context.time.now())
            } catch {
                throw .refused(provider: "Route 53", detail: "the request could not be signed: \(error)")
            }
        }
    }

    package func turn(in zone: ProviderZone) -> String { "\(api.account.text) \(zone.id)" }

    package func zone(of name: DNSName) async throws(DNSProviderError) -> ProviderZone {
        if let zoneID { return ProviderZone(name: name, id: zoneID) }
        let needs = "route53:ListHostedZonesByName"
        return try await api.zone(of: name, needs: needs) { () async throws(DNSProviderError) in
            try await api.pages(from: "") { cursor throws(DNSProviderError) in
                let xml = try await call(
                    .get, "/hostedzonesbyname?maxitems=100\(cursor)", to: .init("list the hosted zones", needs: needs))
                return (Self.publicZones(in: xml), Self.nextZones(in: xml))
            }
        }
    }

    private static func publicZones(in xml: XMLElement) -> [ProviderZone] {
        (xml["HostedZones"]?.all("HostedZone") ?? []).compactMap { zone in
            guard zone["Config"]?["PrivateZone"]?.text != "true", let id = zone["Id"]?.text.split(separator: "/").last,
                let name = zone["Name"]?.text
            else { return nil }
            return ProviderZone(name, id: String(id))
        }
    }

    private static func nextZones(in xml: XMLElement) -> String? {
        guard xml["IsTruncated"]?.text == "true", let name = xml["NextDNSName"]?.text,
            let id = xml["NextHostedZoneId"]?.text
        else { return nil }
        return "&dnsname=\(name.escapedForPath)&hostedzoneid=\(id.escapedForPath)"
    }

    package func read(_ name: DNSName, in zone: ProviderZone) async throws(DNSProviderError) -> RecordSet {
        let xml = try await call(
            .get, "/hostedzone/\(zone.id)/rrset?maxitems=100&name=\(name.description.escapedForPath)&type=TXT",
            to: .init("list the records", needs: "route53:ListResourceRecordSets on the zone"))
        let sets = (xml["ResourceRecordSets"]?.all("ResourceRecordSet") ?? []).filter { set in
            set["Type"]?.text == "TXT" && (try? DNSName(set["Name"]?.text ?? "")) == name
        }
        let values = sets.flatMap { $0["ResourceRecords"]?.all("ResourceRecord") ?? [] }.compactMap {
            $0["Value"]?.text
        }
        let isMultivalue = sets.contains { $0["SetIdentifier"] != nil }
        return RecordSet(
            values: values.map(TXTText.unquoted), ttlSeconds: sets.first?["TTL"].flatMap { Int($0.text) },
            // The sets as they are, to be deleted as exactly that.
            version: (isMultivalue ? "m" : "s") + sets.map(Self.written).joined(separator: "\n"))
    }

    package func write(
        _ values: [String], over old: RecordSet, at name: DNSName, in zone: ProviderZone
    ) async throws(DNSProviderError) {
        let changes = Self.changes(from: old, to: values, at: name)
        let body =
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ChangeResourceRecordSetsRequest"
            + " xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes>"
            + changes.map { "<Change><Action>\($0.action)</Action>\($0.set)</Change>" }.joined()
            + "</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
        _ = try await call(
            .post, "/hostedzone/\(zone.id)/rrset", body,
            to: .init("change the TXT records of \(name.text)", needs: "route53:ChangeResourceRecordSets on the zone"))
    }

    struct Change: Hashable {
        var action: String
        var set: String
    }

    /// Multivalue records come and go one by one; a plain set is replaced.
    static func changes(from old: RecordSet, to values: [String], at name: DNSName) -> [Change] {
        let version = old.version ?? "s"
        let sets = version.dropFirst().split(separator: "\n").map(String.init)
        guard version.hasPrefix("m") else {
            let deletions = sets.map { Change(action: "DELETE", set: $0) }
            let new = set(name, values, ttlSeconds: old.ttlSeconds ?? ttlSeconds)
            return deletions + (values.isEmpty ? [] : [Change(action: "CREATE", set: new)])
        }
        let gone = old.values.filter { !values.contains($0) }.map {
            "<Value>\(XMLElement.escaped(TXTText.quoted($0)))</Value>"
        }
        let deletions = sets.filter { set in gone.contains { set.contains($0) } }
        let additions = values.filter { !old.values.contains($0) }.map {
            set(name, [$0], ttlSeconds: 10, isMultivalue: true)
        }
        return deletions.map { Change(action: "DELETE", set: $0) } + additions.map { Change(action: "CREATE", set: $0) }
    }

    private static func set(
        _ name: DNSName, _ values: [String], ttlSeconds: Int, isMultivalue: Bool = false
    ) -> String {
        let quoted = values.map(TXTText.quoted)
        // An identifier has at most 128 characters.
        let identifier = quoted.first.map { $0.utf8.count > 128 ? Hex.encode(Digest.sha256(Array($0.utf8))) : $0 } ?? ""
        let extra =
            isMultivalue
            ? "<SetIdentifier>\(XMLElement.escaped(identifier))</SetIdentifier><MultiValueAnswer>true</MultiValueAnswer>"
            : ""
        let records = quoted.map { "<ResourceRecord><Value>\(XMLElement.escaped($0))</Value></ResourceRecord>" }
            .joined()
        return "<ResourceRecordSet><Name>\(XMLElement.escaped(name.description))</Name><Type>TXT</Type>\(extra)"
            + "<TTL>\(ttlSeconds)</TTL><ResourceRecords>\(records)</ResourceRecords></ResourceRecordSet>"
    }

    /// An element as it came: a deletion has to repeat it.
    private static func written(_ element: XMLElement) -> String {
        let inside =
            element.children.isEmpty
            ? XMLElement.escaped(element.text) : element.children.map(written).joined()
        return "<\(element.name)>\(inside)</\(element.name)>"
    }
}

extension Route53 {
    private func call(
        _ method: HTTPRequest.Method, _ target: String, _ body: String? = nil, to purpose: ProviderAPI.Purpose
    ) async throws(DNSProviderError) -> XMLElement {
        var headers: HTTPFields = [.accept: "application/xml"]
        if body != nil { headers[.contentType] = "application/xml" }
        let answer = try await api.send(
            TransportRequest(
                url: api.base + Self.version + target, method: method, headers: headers,
                body: body.map { Array($0.utf8) }))
        let xml = XMLElement(parsing: answer.body)
        guard answer.isSuccess else { throw failure(answer, xml, purpose) }
        let root = try api.need(xml, "XML")
        guard root.name.hasSuffix("Response") else { throw api.malformed("the element \(root.name)") }
        return root
    }

    /// Codes of errors (…/APIReference/CommonErrors.html and those of each action) say more than the status.
    private func failure(
        _ answer: APIAnswer, _ xml: XMLElement?, _ purpose: ProviderAPI.Purpose
    ) -> DNSProviderError {
        guard let xml else { return api.failure(answer, for: purpose) }
        let code = xml.first("Code")?.text ?? (xml.name == "InvalidChangeBatch" ? xml.name : "")
        let said = xml.first("Message")?.text ?? ""
        let message = api.clean(code.isEmpty ? said : "\(code): \(said)")
        switch code {
        case "Throttling", "ThrottlingException", "PriorRequestNotComplete", "RequestLimitExceeded":
            return api.limited(
                for: answer.text("Retry-After") == nil ? .seconds(2) : answer.pause(now: context.time.now()))
        case "InvalidClientTokenId", "SignatureDoesNotMatch", "ExpiredToken", "UnrecognizedClientException",
            "MissingAuthenticationToken", "IncompleteSignature", "InvalidSignatureException":
            return .wrongCredentials(provider: api.provider, detail: message)
        case "AccessDenied", "AccessDeniedException":
            return .missingPermission(
                provider: api.provider, doing: purpose.doing, needs: purpose.needs, detail: message)
        case "InvalidChangeBatch": return .conflict(provider: api.provider, detail: message)
        case "NoSuchHostedZone":
            api.forgetZones()
            return .refused(provider: api.provider, detail: message)
        default:
            if answer.status >= 500 { return api.failure(answer, for: purpose) }
            return .refused(provider: api.provider, detail: message)
        }
    }
}

/// The parts of AWS that know nothing of each other.
struct AWSPartition: Sendable, Hashable {
    let route53: String
    let signingRegion: String
    let tokenService: String
    let tokenRegion: String

    init(region: String?) {
        // What could not be a region's name would end up in a host's.
        let region = region.flatMap { name in
            name.utf8.allSatisfy { $0 == UInt8(ascii: "-") || (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) }
                ? name : nil
        }
        if let region, region.hasPrefix("cn-") {
            (route53, signingRegion) = ("https://route53.amazonaws.com.cn", "cn-northwest-1")
            (tokenService, tokenRegion) = ("https://sts.\(region).amazonaws.com.cn", region)
        } else if let region, region.hasPrefix("us-gov-") {
            (route53, signingRegion) = ("https://route53.us-gov.amazonaws.com", "us-gov-west-1")
            (tokenService, tokenRegion) = ("https://sts.\(region).amazonaws.com", region)
        } else {
            (route53, signingRegion) = ("https://route53.amazonaws.com", "us-east-1")
            tokenService = region.map { "https://sts.\($0).amazonaws.com" } ?? "https://sts.amazonaws.com"
            tokenRegion = region ?? "us-east-1"
        }
    }
}
