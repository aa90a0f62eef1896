import CertificateAPI
import KubeModel
import Wire
import YAML

@testable import Dashboard

/// Clusters as the API server tells of them.
enum World {
    static let now = Timestamp(secondsSince1970: 1_780_000_000)

    static func decode<T: Decodable>(_ yaml: String, as type: T.Type = T.self) throws -> T {
        try (try YAMLDocuments.parse(Array(yaml.utf8)).first ?? .null).decode(T.self)
    }

    static func day(_ days: Int) -> String { (now + .seconds(days * 86_400)).rfc3339 }

    static func certificate(_ name: String, issuer: String = "acme", status: String = "") throws -> Certificate {
        try decode(
            """
            metadata: {name: \(name), namespace: shop, uid: u-\(name), creationTimestamp: "\((now - .seconds(300)).rfc3339)"}
            spec: {secretName: \(name)-tls, dnsNames: [\(name).example.com], issuerRef: {name: \(issuer)}}
            \(status.isEmpty ? "" : "status: \(status)")
            """)
    }

    static func ready(_ name: String, left: Int, renewal: Int) throws -> Certificate {
        try certificate(
            name,
            status: """
                {conditions: [{type: Ready, status: "True", reason: Ready, message: all is well}], revision: 1,
                  notBefore: "\(day(left - 90))", notAfter: "\(day(left))", renewalTime: "\(day(renewal))"}
                """)
    }

    static let issuing = #"{type: Issuing, status: "True", reason: DoesNotExist, message: none}"#
    static let notReady = #"{type: Ready, status: "False", reason: DoesNotExist, message: none}"#

    static func issuer(_ annotations: String = "{}") throws -> Issuer {
        try decode(
            """
            metadata: {name: acme, namespace: shop, uid: u-acme, annotations: \(annotations)}
            spec:
              acme:
                server: https://acme-v02.api.letsencrypt.org/directory
                privateKeySecretRef: {name: account}
                solvers: [{http01: {ingress: {ingressClassName: nginx}}}]
            status:
              conditions: [{type: Ready, status: "True", reason: ACMEAccountRegistered}]
              acme: {uri: "https://acme-v02.api.letsencrypt.org/acme/acct/1"}
            """)
    }

    static func request(of certificate: String, revision: Int) throws -> CertificateRequest {
        try decode(
            """
            metadata:
              name: \(certificate)-\(revision)
              namespace: shop
              uid: u-\(certificate)-\(revision)
              annotations: {cert-manager.io/certificate-revision: "\(revision)"}
              ownerReferences: [{apiVersion: cert-manager.io/v1, kind: Certificate, name: \(certificate), uid: u-\(certificate), controller: true}]
            spec: {request: "", issuerRef: {name: acme}}
            status:
              conditions:
                - {type: Approved, status: "True", reason: cert-manager.io}
                - {type: Ready, status: "False", reason: Pending, message: Waiting}
            """)
    }

    static func order(of request: String, url: String = "https://ca.example/order/1", more: String = "") throws -> Order
    {
        try decode(
            """
            metadata:
              name: \(request)-o
              namespace: shop
              uid: u-\(request)-o
              creationTimestamp: "\(day(0))"
              ownerReferences: [{apiVersion: cert-manager.io/v1, kind: CertificateRequest, name: \(request), uid: u-\(request), controller: true}]
            spec: {request: "", issuerRef: {name: acme}, dnsNames: [one.example.com]}
            status: {url: "\(url)"\(more)}
            """)
    }

    static func challenge(of order: String, _ number: Int, state: String) throws -> Challenge {
        try decode(
            """
            metadata:
              name: \(order)-\(number)
              namespace: shop
              uid: u-\(order)-\(number)
              ownerReferences: [{apiVersion: acme.cert-manager.io/v1, kind: Order, name: \(order), uid: u-\(order), controller: true}]
            spec:
              url: https://ca.example/chall/1
              authorizationURL: https://ca.example/authz/1
              dnsName: one.example.com
              type: HTTP-01
              token: t0ken-of-a-challenge
              key: t0ken-of-a-challenge.thumbprint
              solver: {http01: {ingress: {ingressClassName: nginx}}}
              issuerRef: {name: acme}
            status: {state: \(state), reason: Waiting for HTTP-01 challenge propagation}
            """)
    }

    /// One of each standing, and one that is being issued with an order and two challenges.
    static func snapshot() throws -> Snapshot {
        var snapshot = Snapshot(now: now, source: "The cluster of this test")
        snapshot.certificates = [
            try ready("good", left: 60, renewal: 30), try ready("overdue", left: 20, renewal: -3),
            try ready("gone", left: -2, renewal: -30),
            try certificate("lost", issuer: "nowhere", status: "{conditions: [\(notReady)]}"),
            try certificate("fresh", status: "{conditions: [\(notReady), \(issuing)]}"),
        ]
        snapshot.issuers = [try issuer()]
        snapshot.requests = [try request(of: "fresh", revision: 1)]
        snapshot.orders = [try order(of: "fresh-1", more: ", state: pending")]
        snapshot.challenges = [
            try challenge(of: "fresh-1-o", 1, state: "valid"), try challenge(of: "fresh-1-o", 2, state: "pending"),
        ]
        return snapshot
    }

    /// The same text wherever a cluster's text reaches a page.
    static func hostile(_ text: String) throws -> Snapshot {
        var snapshot = try snapshot()
        snapshot.source = text
        snapshot.notes = [text]
        snapshot.certificates = snapshot.certificates.map { certificate in
            var hostile = certificate
            hostile.metadata.namespace = text
            hostile.metadata.name = text
            hostile.spec.secretName = text
            hostile.spec.dnsNames = [text, text, text, text, text]
            hostile.spec.issuerRef.name = text
            let conditions = certificate.status?.conditions ?? []
            hostile.status?.conditions = conditions.map { condition in
                var condition = condition
                condition.reason = text
                condition.message = text
                return condition
            }
            return hostile
        }
        snapshot.issuers = snapshot.issuers.map { issuer in
            var hostile = issuer
            hostile.metadata.namespace = text
            hostile.metadata.name = text
            hostile.spec.acme?.server = "https://\(text)/directory"
            hostile.status?.conditions = [Condition(type: text, status: .no, reason: text, message: text)]
            return hostile
        }
        snapshot.requests = snapshot.requests.map { request in
            var hostile = request
            hostile.metadata.namespace = text
            hostile.metadata.name = text
            hostile.status?.conditions = [Condition(type: "Ready", status: .no, reason: text, message: text)]
            return hostile
        }
        snapshot.orders = snapshot.orders.map { order in
            var hostile = order
            hostile.metadata.name = text
            hostile.metadata.namespace = text
            hostile.spec.issuerRef.name = text
            hostile.status?.url = text
            hostile.status?.reason = text
            hostile.metadata.annotations = [Names.Annotation.heldUntil: day(1)]
            return hostile
        }
        snapshot.challenges = snapshot.challenges.map { challenge in
            var hostile = challenge
            hostile.metadata.name = text
            hostile.metadata.namespace = text
            hostile.spec.dnsName = text
            hostile.status?.reason = text
            return hostile
        }
        return snapshot
    }
}

/// Reads markup as strictly as XML does, but for elements that HTML never closes.
struct Markup {
    private static let void: Set<String> = ["meta", "link", "input", "wbr", "br", "hr", "img"]
    private(set) var elements: [String: Int] = [:]
    private(set) var attributes: Set<String> = []
    private(set) var problem: String?

    init(_ page: String) {
        var open: [String] = []
        var rest = page[...]
        while let start = rest.firstIndex(of: "<") {
            rest = rest[start...].dropFirst()
            guard let end = Self.end(of: rest) else {
                problem = "a tag that does not end: \(rest.prefix(80))"
                return
            }
            let tag = rest[..<end]
            rest = rest[rest.index(after: end)...]
            if tag.hasPrefix("!") { continue }
            if tag.hasPrefix("/") {
                let name = String(tag.dropFirst())
                guard open.popLast() == name else {
                    problem = "</\(name)> closes something else; after: \(rest.prefix(80))"
                    return
                }
                continue
            }
            let name = String(tag.prefix { $0.isLetter || $0.isNumber })
            elements[name, default: 0] += 1
            note(tag.dropFirst(name.count))
            if !tag.hasSuffix("/"), !Self.void.contains(name) { open.append(name) }
        }
        if !open.isEmpty { problem = "never closed: \(open)" }
    }

    /// Where the tag ends: no angle bracket within quotes does that.
    private static func end(of text: Substring) -> Substring.Index? {
        var isQuoted = false
        for index in text.indices {
            if text[index] == "\"" { isQuoted.toggle() }
            if text[index] == ">", !isQuoted { return index }
        }
        return nil
    }

    private mutating func note(_ text: Substring) {
        var isQuoted = false
        var word = ""
        for character in text {
            if character == "\"" { isQuoted.toggle() }
            if isQuoted { continue }
            if character.isWhitespace || character == "=" || character == "/" {
                if !word.isEmpty { attributes.insert(word) }
                word = ""
            } else if character != "\"" {
                word.append(character)
            }
        }
        if !word.isEmpty { attributes.insert(word) }
    }
}
