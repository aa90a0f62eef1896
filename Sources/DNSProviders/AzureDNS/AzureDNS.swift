package import CertificateAPI
package import DNSWire
import HTTPTransport
import HTTPTypes
import KubeModel
import Wire

/// Azure DNS (learn.microsoft.com/rest/api/dns, 2018-05-01) and Azure Private DNS (…/rest/api/dns/privatedns, 2020-06-01).
///
/// A name's values are one record set with an ETag: a write with an outdated one is refused (412).
///
/// Least privilege: a custom role with Microsoft.Network/dnsZones/read and Microsoft.Network/dnsZones/TXT/{read,write,delete}
/// on the zone (for private ones `privateDnsZones`).
package struct AzureDNS: RecordSetEdit {
    package static let key = "azureDNS"
    package static let noticesConflicts = true

    /// The fields of `dns01.azureDNS`.
    package struct Config: Decodable, Sendable, Hashable {
        package var clientID: String?
        package var clientSecretSecretRef: SecretKeySelector?
        package var environment: String?
        package var hostedZoneName: String?
        package var managedIdentity: ManagedIdentity?
        package var resourceGroupName: String
        package var subscriptionID: String
        package var tenantID: String?
        package var zoneType: String?
    }

    package struct ManagedIdentity: Decodable, Sendable, Hashable {
        package var clientID: String?
        package var resourceID: String?
        package var tenantID: String?
    }

    /// 500 reads in five minutes of DNS, public and private, and 1,000 changes of Microsoft.Network
    /// (learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling, "Network throttling").
    private static let paces = [
        Pace(500, per: .seconds(300), of: .reads), Pace(1000, per: .seconds(300), of: .changes),
    ]
    private static let ttlSeconds: Int64 = 60

    package let context: ProviderContext
    private let api: ProviderAPI
    private let hostedZone: String?
    private let isPrivate: Bool

    package static func problems(in config: Config, at path: FieldPath) -> [FieldProblem] {
        let types = ["AzurePublicZone", "AzurePrivateZone"]
        guard let type = config.zoneType.nonEmpty, !types.contains(type) else { return [] }
        return [.notSupported(path["zoneType"], type, types)]
    }

    package init(_ config: Config, in context: ProviderContext) async throws(DNSProviderError) {
        let cloud = config.environment.nonEmpty.flatMap(AzureCloud.init(rawValue:)) ?? .publicCloud
        let token = try await AzureCredentials(config: config, cloud: cloud, context: context).token()
        self.context = context
        hostedZone = config.hostedZoneName.nonEmpty
        isPrivate = config.zoneType == "AzurePrivateZone"
        let group =
            "/subscriptions/\(config.subscriptionID.escapedForPath)/resourceGroups/\(config.resourceGroupName.escapedForPath)"
        api = ProviderAPI(
            AzureCredentials.provider,
            base:
                "\(cloud.management)\(group)/providers/Microsoft.Network/\(isPrivate ? "privateDnsZones" : "dnsZones")",
            in: context, secrets: [token], paces: Self.paces
        ) { $0.headers[.authorization] = "Bearer \(token.reveal())" }
    }

    private var version: String { isPrivate ? "api-version=2020-06-01" : "api-version=2018-05-01" }
    private var kind: String { isPrivate ? "privateDnsZones" : "dnsZones" }

    package func turn(in zone: ProviderZone) -> String { "\(api.base) \(zone.id)" }

    /// Who has rights on one zone only may not list; then DNS says which zone it is.
    package func zone(of name: DNSName) async throws(DNSProviderError) -> ProviderZone {
        if let hostedZone {
            guard let zone = ProviderZone(hostedZone) else {
                throw .invalid([.invalid(context.path["hostedZoneName"], hostedZone, "must be the name of a zone")])
            }
            return zone
        }
        let needs = "Microsoft.Network/\(kind)/read in the resource group, or hostedZoneName in the issuer"
        do throws(DNSProviderError) {
            return try await api.zone(of: name, needs: needs) { () async throws(DNSProviderError) in
                try await list(.init("list the zones", needs: needs))
            }
        } catch .missingPermission(let provider, let doing, let needs, let detail) {
            do throws(DNSError) {
                let zone = try await context.resolver.findZone(of: name)
                return ProviderZone(name: zone, id: zone.text)
            } catch {
                throw .missingPermission(provider: provider, doing: doing, needs: needs, detail: detail)
            }
        }
    }

    private func list(_ purpose: ProviderAPI.Purpose) async throws(DNSProviderError) -> [ProviderZone] {
        try await api.pages(from: "?\(version)&$top=100") { target throws(DNSProviderError) in
            let json = try await api.call(.get, target, for: purpose).json()
            let zones = try api.need(json["value"]?.arrayValue, "value")
            var next: String?
            if let link = json["nextLink"]?.stringValue.nonEmpty {
                // Only its query counts: no answer sends the token to another host.
                next = try api.need(link.firstIndex(of: "?").map { String(link[$0...]) }, "page in nextLink")
            }
            return (zones.compactMap { $0["name"]?.stringValue.flatMap { ProviderZone($0) } }, next)
        }
    }

    package func read(_ name: DNSName, in zone: ProviderZone) async throws(DNSProviderError) -> RecordSet {
        let purpose = ProviderAPI.Purpose(
            "read the TXT records of \(name.text)", needs: "Microsoft.Network/\(kind)/TXT/read on the zone")
        let answer = try await api.call(.get, target(name, zone), for: purpose, accepting: [404])
        if answer.status == 404 {
            let code =
                (try? answer.json())?["error"]?["code"]?.stringValue ?? (try? answer.json())?["code"]?.stringValue
            guard code == "NotFound" else { throw api.goneZone(of: name, needs: "the right resource group and zone") }
            return .empty
        }
        let json = try answer.json()
        let properties = try api.need(json["properties"], "properties")
        let records = properties["TXTRecords"]?.arrayValue ?? properties["txtRecords"]?.arrayValue ?? []
        let values = records.map { ($0["value"]?.arrayValue ?? []).compactMap(\.stringValue).joined() }
        let ttl = properties["TTL"]?.intValue ?? properties["ttl"]?.intValue
        let kept: JSONValue = [
            "etag": .string(try api.need(json["etag"]?.stringValue, "etag")), "metadata": properties["metadata"] ?? [:],
        ]
        return RecordSet(values: values, ttlSeconds: ttl.flatMap { Int(exactly: $0) }, version: kept.description)
    }

    package func write(
        _ values: [String], over old: RecordSet, at name: DNSName, in zone: ProviderZone
    ) async throws(DNSProviderError) {
        // It was written from JSON a moment ago.
        let kept = old.version.flatMap { try? JSONValue(parsing: $0) }
        var headers: HTTPFields = [:]
        if let etag = kept?["etag"]?.stringValue {
            headers[.ifMatch] = etag
        } else {
            headers[.ifNoneMatch] = "*"
        }
        let needs = "Microsoft.Network/\(kind)/TXT/write and …/TXT/delete on the zone"
        let purpose = ProviderAPI.Purpose("change the TXT records of \(name.text)", needs: needs)
        if values.isEmpty {
            _ = try await api.call(.delete, target(name, zone), headers: headers, for: purpose)
            return
        }
        let records = values.map { value -> JSONValue in ["value": .array(TXTText.pieces(value).map { .string($0) })] }
        var properties: JSONValue = [
            isPrivate ? "ttl" : "TTL": .integer(old.ttlSeconds.map { Int64($0) } ?? Self.ttlSeconds),
            isPrivate ? "txtRecords" : "TXTRecords": .array(records),
        ]
        if let metadata = kept?["metadata"]?.objectValue, !metadata.isEmpty {
            properties["metadata"] = .object(metadata)
        }
        _ = try await api.call(
            .put, target(name, zone), ["properties": properties], headers: headers, for: purpose)
    }

    private func target(_ name: DNSName, _ zone: ProviderZone) -> String {
        let relative = zone.relative(name)
        return "/\(zone.id.escapedForPath)/TXT/\(relative.isEmpty ? "@" : relative.escapedForPath)?\(version)"
    }
}
