import CertificateAPI
import Diagnosis
import KubeModel
import PKI
import SystemPackage
import TestSupport
import Wire
import YAML

/// Views as the look gathers them, from objects as the API server gives them.
enum Views {
    static let now = Timestamp(secondsSince1970: 1_780_000_000)

    static func decode<T: Decodable>(_ yaml: String, as type: T.Type = T.self) throws -> T {
        let document = try YAMLDocuments.parse(Array(yaml.utf8)).first ?? .null
        return try document.decode(T.self)
    }

    /// A Certificate of the Issuer "acme" that is being issued; `more` goes below `spec`.
    static func certificate(_ conditions: String = issuing, more: String = "") throws -> Certificate {
        try decode(
            """
            metadata: {name: shop, namespace: web, uid: u-shop, generation: 1, creationTimestamp: "\((now - .seconds(300)).rfc3339)"}
            spec:
              secretName: shop-tls
              dnsNames: [shop.example.com]
              issuerRef: {name: acme}
              \(more)
            status:
              conditions:
                - {type: Ready, status: "False", reason: DoesNotExist, message: The Secret shop-tls does not exist}
                \(conditions)
            """)
    }
    static let issuing =
        #"- {type: Issuing, status: "True", reason: DoesNotExist, message: The Secret shop-tls does not exist}"#

    static func issuer(ready: Bool, _ reason: String, _ message: String, spec: String = acme) throws -> IssuerSight {
        let issuer: Issuer = try decode(
            """
            metadata: {name: acme, namespace: web, uid: u-acme}
            spec: \(spec)
            status: {conditions: [{type: Ready, status: "\(ready ? "True" : "False")", reason: \(reason), message: '\(message)'}]}
            """)
        return .found(IssuerLook(issuer, as: IssuerReference(name: "acme")))
    }
    static let acme = acme(solvers: "{http01: {ingress: {ingressClassName: traefik}}}")
    static func acme(solvers: String, more: String = "") -> String {
        "{acme: {server: 'https://ca.example/directory', privateKeySecretRef: {name: account}, \(more) solvers: [\(solvers)]}}"
    }
    static func readyIssuer(solvers: String) throws -> IssuerSight {
        try issuer(
            ready: true, "ACMEAccountRegistered", "The ACME account was registered with the ACME server",
            spec: acme(solvers: solvers))
    }

    static func request(_ conditions: String) throws -> CertificateRequest {
        try decode(
            """
            metadata:
              name: shop-1
              namespace: web
              uid: u-request
              creationTimestamp: "\((now - .seconds(200)).rfc3339)"
              annotations: {cert-manager.io/certificate-revision: "1"}
              ownerReferences: [{apiVersion: cert-manager.io/v1, kind: Certificate, name: shop, uid: u-shop, controller: true}]
            spec: {request: "", issuerRef: {name: acme}}
            status:
              conditions:
                - {type: Approved, status: "True", reason: cert-manager.io, message: approved}
                \(conditions)
            """)
    }
    static let pending = #"- {type: Ready, status: "False", reason: Pending, message: Waiting}"#

    static func order(state: String, reason: String = "", challenges: String = "http-01") throws -> Order {
        try decode(
            """
            metadata:
              name: shop-1-order
              namespace: web
              uid: u-order
              ownerReferences: [{apiVersion: cert-manager.io/v1, kind: CertificateRequest, name: shop-1, uid: u-request, controller: true}]
            spec: {request: "", issuerRef: {name: acme}, dnsNames: [shop.example.com]}
            status:
              state: \(state)
              reason: \(quoted(reason))
              url: https://ca.example/order/1
              authorizations:
                - url: https://ca.example/authz/1
                  identifier: shop.example.com
                  initialState: pending
                  challenges: [{type: \(challenges), url: "https://ca.example/chall/1", token: t0ken}]
            """)
    }

    static func challenge(
        _ type: String, solver: String, state: String = "pending", reason: String, presentedAgo seconds: Int64 = 60
    ) throws -> Challenge {
        try decode(
            """
            metadata:
              name: shop-1-order-1
              namespace: web
              uid: u-challenge
              ownerReferences: [{apiVersion: acme.cert-manager.io/v1, kind: Order, name: shop-1-order, uid: u-order, controller: true}]
            spec:
              url: https://ca.example/chall/1
              authorizationURL: https://ca.example/authz/1
              dnsName: shop.example.com
              type: \(type)
              token: t0ken
              key: k3y
              solver: \(solver)
              issuerRef: {name: acme}
            status:
              state: \(state)
              processing: true
              presented: true
              presentedAt: "\((now - .seconds(seconds)).rfc3339)"
              reason: \(quoted(reason))
            """)
    }

    static func pod(_ status: String) throws -> Pod {
        try decode(
            """
            metadata:
              name: cm-acme-http-solver-1
              namespace: web
              uid: u-pod
              ownerReferences: [{apiVersion: acme.cert-manager.io/v1, kind: Challenge, name: shop-1-order-1, uid: u-challenge, controller: true}]
            spec: {containers: [{name: acmesolver, image: "registry.example/acmesolver:1"}]}
            status: \(status)
            """)
    }

    /// With a request and, where they are given, an order and a challenge.
    static func acmeView(
        solvers: String = "{http01: {ingress: {ingressClassName: traefik}}}", order: Order? = nil,
        challenge: Challenge? = nil, pod: Pod? = nil
    ) throws -> DiagnosisView {
        var tree = CertificateTree(certificate: try certificate(), now: now)
        tree.secret = .absent
        tree.issuer = try readyIssuer(solvers: solvers)
        tree.requests = [try request(pending)]
        tree.orders = [order].compactMap(\.self)
        tree.challenges = [challenge].compactMap(\.self)
        tree.pods = [pod].compactMap(\.self)
        return working(DiagnosisView(tree: tree))
    }

    /// The same with a controller that does its work.
    static func working(_ view: DiagnosisView) -> DiagnosisView {
        var view = view
        view.controller.isComplete = true
        view.controller.missingRights = []
        view.controller.account = "system:serviceaccount:cert-manager:certwright"
        view.controller.lease = LeaseSight(
            key: ObjectKey(namespace: "kube-system", name: "cert-manager-controller"), holder: "pod-1",
            durationSeconds: 60, renewedAt: now - .seconds(5), writtenAt: now - .seconds(5))
        view.webhook = .answers
        view.ingressClasses = ["traefik"]
        return view
    }

    private static func quoted(_ text: String) -> String {
        String(decoding: JSONValue.string(text).serialized(), as: UTF8.self)
    }
}

enum Repository {
    /// A file of the repository, by its path in it.
    static func text(_ path: String) throws -> String {
        let file = try FileDescriptor.open(FilePath("\(Testbed.repository)/\(path)"), .readOnly)
        return try file.closeAfter {
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0) }
                if count == 0 { return String(decoding: bytes, as: UTF8.self) }
                bytes += buffer[..<count]
            }
        }
    }
}
