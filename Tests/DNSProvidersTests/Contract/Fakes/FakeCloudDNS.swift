import DNSProviders
import HTTPTransport
import HTTPTypes
import PKI
import Synchronization
import Wire

/// Google Cloud DNS, version 1 (cloud.google.com/dns/docs/reference/rest/v1/managedZones, …/resourceRecordSets, …/changes): pages
/// by token, changes that must name the old set exactly (412 conditionNotMet) and may not add what is there (409
/// alreadyExists), 600 requests a minute (cloud.google.com/dns/quotas). Its tokens are those of oauth2.googleapis.com for a JWT whose signature is checked
/// (developers.google.com/identity/protocols/oauth2/service-account#httprest).
struct FakeCloudDNS: FakeService {
    let dns: FakeDNS
    let key: PublicKey

    func answer(_ request: FakeRequest) -> Response {
        if request.host == "oauth2.googleapis.com" { return token(request) }
        guard request.host == "dns.googleapis.com", request.scheme == "https" else {
            return failure(404, "notFound", "host")
        }
        guard dns.admits() else { return failure(403, "rateLimitExceeded", "Rate Limit Exceeded") }
        let access = dns.access(String((request[header: "Authorization"] ?? "").dropFirst("Bearer ".count)))
        if access == .unknown { return failure(401, "authError", "Invalid Credentials") }
        let path = request.path
        guard path.starts(with: ["dns", "v1", "projects", "my-project", "managedZones"]) else {
            return failure(404, "notFound", "no such project")
        }
        if path.count == 5 { return zones(request) }
        guard path.count == 7, let zone = dns.zone(id: path[5]) else { return failure(404, "notFound", "no such zone") }
        switch (request.method, path[6]) {
        case ("GET", "rrsets"): return sets(request, zone)
        case ("POST", "changes"):
            guard access == .full else {
                return failure(403, "forbidden", "Permission 'dns.changes.create' denied on resource")
            }
            return change(request, zone)
        default: return failure(404, "notFound", "no such path")
        }
    }

    /// The key says who asks: one account may write, one may read.
    private func token(_ request: FakeRequest) -> Response {
        let form = request.form
        let parts = (form["assertion"] ?? "").split(separator: ".").map(String.init)
        guard request.method == "POST", form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer",
            parts.count == 3, let header = Base64.decodeURL(parts[0]).flatMap({ try? JSONValue(parsing: $0) }),
            let claims = Base64.decodeURL(parts[1]).flatMap({ try? JSONValue(parsing: $0) }),
            let signature = Base64.decodeURL(parts[2]), header["alg"] == "RS256",
            key.isValidSignature(signature, of: Array("\(parts[0]).\(parts[1])".utf8), .sha256WithRSA),
            claims["aud"] == "https://oauth2.googleapis.com/token",
            claims["scope"] == "https://www.googleapis.com/auth/ndev.clouddns.readwrite",
            let issued = claims["iat"]?.intValue, claims["exp"]?.intValue == issued + 3600,
            abs(issued - dns.time.now().secondsSince1970) < 300
        else { return denied }
        let token: String? =
            switch claims["iss"]?.stringValue {
            case "writer@my-project.iam.gserviceaccount.com": FakeDNS.goodCredential
            case "reader@my-project.iam.gserviceaccount.com": FakeDNS.restrictedCredential
            default: nil
            }
        guard let token else { return denied }
        return .json(["access_token": .string(token), "expires_in": 3599, "token_type": "Bearer"])
    }

    private var denied: Response {
        .json(["error": "invalid_grant", "error_description": "Invalid JWT Signature."], status: 400)
    }

    private func zones(_ request: FakeRequest) -> Response {
        let start = Int(request.query["pageToken"] ?? "0") ?? 0
        let count = min(Int(request.query["maxResults"] ?? "100") ?? 100, 100)
        var body: JSONValue = [
            "kind": "dns#managedZonesListResponse",
            "managedZones": .array(
                FakeDNS.page(dns.zones, from: start, count: count).map {
                    ["name": .string($0.id), "dnsName": .string("\($0.name)."), "visibility": "public"]
                }),
        ]
        if start + count < dns.zones.count { body["nextPageToken"] = .string("\(start + count)") }
        return .json(body)
    }

    private func sets(_ request: FakeRequest, _ zone: FakeDNS.Zone) -> Response {
        let name = String((request.query["name"] ?? "").dropLast())
        let set = set(name, zone)
        return .json(["kind": "dns#resourceRecordSetsListResponse", "rrsets": .array(set.map { [$0] } ?? [])])
    }

    private func set(_ name: String, _ zone: FakeDNS.Zone) -> JSONValue? {
        let records = dns.records(in: zone.name, at: name)
        guard let first = records.first else { return nil }
        return [
            "kind": "dns#resourceRecordSet", "name": .string("\(name)."), "type": "TXT",
            "ttl": .integer(Int64(first.ttlSeconds)),
            "rrdatas": .array(records.map { .string(TXTText.quoted($0.value)) }),
            "signatureRrdatas": [],
        ]
    }

    private func change(_ request: FakeRequest, _ zone: FakeDNS.Zone) -> Response {
        let deletions = request.json?["deletions"]?.arrayValue ?? []
        let additions = request.json?["additions"]?.arrayValue ?? []
        guard deletions.count <= 1, additions.count <= 1, deletions.count + additions.count > 0,
            let dotted = (deletions.first ?? additions.first)?["name"]?.stringValue
        else { return failure(400, "invalid", "the change is malformed") }
        let name = String(dotted.dropLast())
        let now = set(name, zone)
        if let deletion = deletions.first {
            guard let now else {
                return failure(
                    404, "notFound", "The 'entity.change.deletions[0]' resource named '\(dotted) (TXT)' does not exist."
                )
            }
            guard now["rrdatas"] == deletion["rrdatas"], now["ttl"] == deletion["ttl"] else {
                return failure(412, "conditionNotMet", "Precondition not met for 'entity.change.deletions[0]'")
            }
        } else if now != nil {
            return failure(
                409, "alreadyExists", "The resource 'entity.change.additions[0]' named '\(dotted) (TXT)' already exists"
            )
        }
        let values = (additions.first?["rrdatas"]?.arrayValue ?? []).compactMap(\.stringValue)
        guard values.allSatisfy({ $0.hasPrefix("\"") }) else {
            return failure(400, "invalid", "rrdatas must be quoted")
        }
        let ttl = additions.first?["ttl"]?.intValue ?? 0
        dns.replace(name, in: zone.name, with: values.map(TXTText.unquoted), ttlSeconds: Int(ttl))
        return .json(["kind": "dns#change", "id": "1", "status": "pending"])
    }

    private func failure(_ status: Int, _ reason: String, _ message: String) -> Response {
        .json(
            [
                "error": [
                    "code": .integer(Int64(status)), "message": .string(message),
                    "errors": [["message": .string(message), "domain": "global", "reason": .string(reason)]],
                ]
            ], status: status)
    }
}

extension ContractSubject {
    /// Made for these tests; it opens nothing.
    static let googleKey = """
        -----BEGIN PRIVATE KEY-----
        MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQC6VyR6Jyf24cwq
        nbHIO+tkCoTsJTKjYfJ82tZR2L+QmSoNSQTqwaqZkeaqGEPIdtLmwgW87JlcpiXB
        U9loODsbOfwgkScRn2ubxy8nq3+xpxV+9cNTY4a3u/x7S9A+mWj/eXPI7srkOyTi
        /FwyKwFbIEqn4wwnkDx2U27aRBEXjuRsu1MjXlrz2cRkk/zaeB2sFvFNMh+b029D
        QB7sWIs/NILIIEB7z/Dg5cgp6mJ7KswzBP2c0FRvc96GlKEEz33vc5YfsfIVY5Tz
        EjqkUbt9SM3/kCX+nbDlSn+IrnwYQNTLTsSeMMSb7c5BAppMGU/iz04DFRTIx2tm
        7kqbqIDjAgMBAAECggEADcwK/uJsUprYZ6Vidv18ydz/h46fh7pmXnlDmi7OzFGS
        7AXmj81EKPfFGP4P8sVdi0l9bEYmetYwgHaJZ+6V7cem0/B7cJIZwSCH7MuFem1x
        KYPf8Qoy/OK16Jkt85yfSh8/g/auXiTE7+uYlfxaLtmevXyRt1I2L9qwoAefLlu9
        MRCfCPUBCQPVAhT9IWa97PUDXFn/Qr5fbp6CWwMd/6vSYQymGRWXAS27KVfIKC5v
        AGAjoknJQtpA6wB/Gm7+KGEO+8cOWrYjaZybEarwOtygIJ6ehC30wJD9kqe5bvFY
        KRbDz39nM99h+FVZOY60X8tcjAV204KHYEUxx858fQKBgQDvwhLBFNNFSg2kpxOg
        hFKD6P+r1Lz+TR/q6N9LH/m8u8ccJbLOB2t+tjmFCbYmHD39y1QsyQ1EnqfrnlpW
        kDpTSxyhEM2IG+7Ciyd8JkxxWs98qVR8Ce93CdTtNUmWaHSDJsQ+eLB2K5xkmmjk
        lnx8KLAh82kqK9aUxJEUO+OlVwKBgQDG9rCwknwaLEVN09FHFN4f/XFPQ5Oriupf
        0dkWMOYgRTy0Ra4ym3LRPus8PLjJO2pNy5PMnEr8XhqKnu1kmY9OSRzTuY6LzbID
        Pr1dOLmQNKEzukW7sUksxcN8PVOJJLEDF5SG0Yc7uNp7XZGikFgQFI9d5U7BwTEn
        hS+nls5dVQKBgB/fJK8WHZ+wYG/q5ekIrg9rAdHNzfHgPsXzfvt1nLVCIQ3U1Rge
        VGPbxXmx+MzIJFWAmgf6EhF1Jc1kl426ToaUDZI7sZbOX8bsyKrwTGklMT/ZIqn6
        iCLC49NEqiucZyCoHp5PXOXYlkmpXRhGCPZYUlGxEeHRQg00tDSEYZaxAoGBAIMZ
        Y31FWE6qoxPQIVKT9nTfu7y9y1y6EQsIK+HKYKgc1w315/1injowGjI71IqMAtS1
        8nJc/a/ildyHMecao+mylTMRTlLiO4yV15LIYMUbWKjL8UzmWVAOE2wWwKdaLOTb
        sbtP7qq0eAnXsrGKKOyXj4wQH1/d23St9qOX4+xtAoGBAOX8JjwmOXW06YHE3fuq
        32sHWGMEQ7lCo43eGxl3tbVFry97ZdnDW7GBX96Mzltfyv4IrRWKUtZBh+zlIs7i
        6L02zBFjmoBmteLU1STc6XbOZDmuErGbFL+HDFgrOTcCDXvKCaVg/8eqQhIebkLu
        FX8tA7DXQsaZYK65tQ9Y/hxI
        -----END PRIVATE KEY-----
        """

    private static func googleSecrets(_ name: String) -> [String: [String: String]] {
        let file: JSONValue = [
            "type": "service_account", "project_id": "my-project", "private_key_id": "0123456789abcdef",
            "private_key": .string(googleKey + "\n"),
            "client_email": .string("\(name)@my-project.iam.gserviceaccount.com"),
            "token_uri": "https://oauth2.googleapis.com/token",
        ]
        return ["google": ["key.json": file.description]]
    }

    static let cloudDNS = ContractSubject(
        key: "cloudDNS",
        config: ["project": "my-project", "serviceAccountSecretRef": reference("google", "key.json")],
        secrets: googleSecrets("writer"), wrongSecrets: googleSecrets("nobody"),
        restrictedSecrets: googleSecrets("reader"),
        permission: "dns.changes.create", calls: CallCounts(coldPresent: 6, warmPresent: 2, warmCleanUp: 2)
    ) { zones, time in
        let dns = FakeDNS(zones, time: time, limits: [.init(600, 60)])
        guard let key = try? PrivateKey(pem: Array((googleKey + "\n").utf8)) else {
            preconditionFailure("the key of the tests can be read")
        }
        return FakeServer(dns: dns, service: FakeCloudDNS(dns: dns, key: key.publicKey))
    }
}
