import CurlTransport
import HTTPTransport
import HTTPTypes
import TestSupport
import Wire

@testable import DNSProviders

/// moto, which plays AWS (PyPI's moto, `moto_server`): a second opinion on the requests for Route 53. It looks at no signature
/// and lets outdated batches through, so those are left to the fake.
struct MotoServer: ContractServer {
    static let zones = ["filler.example.net", ContractWorld.zone, ContractWorld.subzone]
    static var isInstalled: Bool { TestPrograms.find("moto_server") != nil }

    let transport: any HTTPTransport
    let base: String
    var refusedCount: Int { 0 }

    static func run(_ body: (MotoServer) async throws -> Void) async throws {
        let folder = try TemporaryFolder(named: "moto")
        defer { folder.remove() }
        let port = try FreePorts.take(1)[0]
        try await withProcess("moto_server", ["-H", "127.0.0.1", "-p", "\(port)"], log: folder.path("log")) {
            try await withCurl { transport in
                let base = "http://127.0.0.1:\(port)"
                let server = MotoServer(transport: Redirected(to: base, inner: transport), base: base)
                for _ in 0..<1000 {
                    // Not up yet is what is being waited for.
                    let request = TransportRequest(url: "\(base)/moto-api/data.json", proxy: .none)
                    if let answer = try? await server.transport.send(request), answer.status == .ok {
                        return try await body(server)
                    }
                    try await Task.sleep(for: .milliseconds(20))
                }
                throw TestServerError("moto does not answer: \((try? folder.text("log")) ?? "")")
            }
        }
    }

    /// Sends what is meant for AWS to moto, which finds the service by the scope of the signature.
    ///
    /// Route 53 carries out a batch as one transaction ("Change Batches and Transactional Changes" in
    /// …/APIReference/API_ChangeResourceRecordSets.html): a set that the batch deletes first may be created in it. moto
    /// (5.2.1, `change_resource_record_sets` in route53/models.py) looks before it deletes anything, and refuses a creation
    /// that equals any earlier one while the name has a set: a clean-up that brings back an earlier set, as happens when many
    /// come and go in any order. So each creation gets a TTL of its own, and equals no earlier one.
    struct Redirected: HTTPTransport {
        let base: String
        let inner: CurlTransport
        private let lifetimes = Counter()

        init(to base: String, inner: CurlTransport) {
            self.base = base
            self.inner = inner
        }

        func withResponse<R: Sendable>(
            to request: TransportRequest, _ use: (ResponseHead, ResponseBody) async throws -> R
        ) async throws -> R {
            var request = request
            for host in ["https://route53.amazonaws.com", "https://sts.us-east-1.amazonaws.com"]
            where request.url.hasPrefix(host) {
                request.url = base + request.url.dropFirst(host.count)
            }
            request.proxy = .none
            request.body = request.body.map { Array(distinct(String(decoding: $0, as: UTF8.self)).utf8) }
            return try await inner.withResponse(to: request, use)
        }

        private func distinct(_ batch: String) -> String {
            guard let creation = batch.firstRange(of: "<Action>CREATE</Action>"),
                let start = batch[creation.upperBound...].firstRange(of: "<TTL>"),
                let end = batch[start.upperBound...].firstRange(of: "</TTL>")
            else { return batch }
            return batch[..<start.upperBound] + "\(60 + lifetimes.next())" + batch[end.lowerBound...]
        }
    }

    func reset() async throws {
        _ = try await transport.send(TransportRequest(url: "\(base)/moto-api/reset", method: .post, proxy: .none))
        for zone in Self.zones {
            let body =
                "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>\(zone).</Name>"
                + "<CallerReference>\(zone)</CallerReference></CreateHostedZoneRequest>"
            let answer = try await call(.post, "/hostedzone", body)
            guard answer.name == "CreateHostedZoneResponse" else { throw TestServerError("no zone: \(answer)") }
        }
    }

    private func call(_ method: HTTPRequest.Method, _ target: String, _ body: String? = nil) async throws -> XMLElement
    {
        var request = TransportRequest(
            url: "https://route53.amazonaws.com/2013-04-01\(target)", method: method, body: body.map { Array($0.utf8) })
        request.headers[.contentType] = "application/xml"
        try SigV4(service: "route53", region: "us-east-1").sign(
            &request, with: .init(accessKeyID: "test", secretAccessKey: Redacted("test")), at: .now())
        let answer = try await transport.send(request)
        guard let xml = XMLElement(parsing: answer.body) else { throw TestServerError("no XML: \(answer.status)") }
        return xml
    }

    private func ids() async throws -> [String: String] {
        let list = try await call(.get, "/hostedzonesbyname")
        let zones = list["HostedZones"]?.all("HostedZone") ?? []
        return Dictionary(
            zones.map {
                (
                    String(($0["Name"]?.text ?? "").dropLast()),
                    $0["Id"]?.text.split(separator: "/").last.map(String.init) ?? ""
                )
            },
            uniquingKeysWith: { first, _ in first })
    }

    private func stored(_ name: String, in id: String) async throws -> (values: [String], set: XMLElement?) {
        let list = try await call(.get, "/hostedzone/\(id)/rrset?name=\(name).&type=TXT")
        let sets = list["ResourceRecordSets"]?.all("ResourceRecordSet") ?? []
        let set = sets.first { $0["Name"]?.text == "\(name)." && $0["Type"]?.text == "TXT" }
        let values = (set?["ResourceRecords"]?.all("ResourceRecord") ?? []).compactMap { $0["Value"]?.text }
        return (values.map(TXTText.unquoted), set)
    }

    func values(at name: String) async throws -> [String] {
        var values: [String] = []
        for id in try await ids().values { values += try await stored(name, in: id).values }
        return values.sorted()
    }

    func zone(holdingRecordsOf name: String) async throws -> [String] {
        var holding: [String] = []
        for (zone, id) in try await ids() where !(try await stored(name, in: id).values.isEmpty) {
            holding.append(zone)
        }
        return holding.sorted()
    }

    func add(_ value: String, at name: String) async throws {
        let id = try await ids()[ContractWorld.zone] ?? ""
        let values = try await stored(name, in: id).values + [value]
        let records = values.map {
            "<ResourceRecord><Value>\(XMLElement.escaped(TXTText.quoted($0)))</Value></ResourceRecord>"
        }
        _ = try await call(
            .post, "/hostedzone/\(id)/rrset",
            "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes><Change>"
                + "<Action>UPSERT</Action><ResourceRecordSet><Name>\(name).</Name><Type>TXT</Type><TTL>60</TTL><ResourceRecords>"
                + records.joined() + "</ResourceRecords></ResourceRecordSet></Change></Changes></ChangeBatch>"
                + "</ChangeResourceRecordSetsRequest>")
    }

    func remove(_ value: String, at name: String) async throws {}
}
