import CertificateAPI
import Controllers
import KubeModel
import KubeRuntime
import Logging
import Operations
import Synchronization
import TestSupport
import Testing
import Wire

@testable import certwright

@Suite("log lines about one certificate")
struct CertificateTrailTests {
    let stores = Stores(namespaces: ["web"], resourceNamespace: "web")

    init() throws {
        let request = try Self.object("shop-1", ["secretName": ""]).decode(CertificateRequest.self)
        stores.requests.record(RequestFacts(request))
        stores.orders.record(
            try Self.object("shop-1-123", owner: ("CertificateRequest", "shop-1"), ["request": ""]).decode(Order.self))
        stores.challenges.record(
            try Self.object(
                "shop-1-123-456", owner: ("Order", "shop-1-123"),
                [
                    "authorizationURL": "", "url": "", "dnsName": "a.example", "type": "HTTP-01", "token": "t",
                    "key": "k", "solver": [:],
                ]
            ).decode(Challenge.self))
    }

    private static func object(
        _ name: String, owner: (kind: String, name: String)? = nil, _ spec: JSONObject
    ) throws -> JSONValue {
        var metadata: JSONObject = [
            "name": .string(name), "namespace": "web", "uid": .string(name), "resourceVersion": "1",
            "annotations": ["cert-manager.io/certificate-name": "shop"],
        ]
        if let owner {
            metadata["annotations"] = nil
            metadata["ownerReferences"] = [
                ["apiVersion": "v1", "kind": .string(owner.kind), "name": .string(owner.name), "uid": "u"]
            ]
        }
        var spec = spec
        spec["issuerRef"] = ["name": "ca"]
        if spec["request"] == nil { spec["request"] = "" }
        return .object(["metadata": .object(metadata), "spec": .object(spec)])
    }

    @Test(
        "a request, its order and its challenge lead to their Certificate",
        arguments: [
            ("certificates", "shop"), ("certificaterequests-issuer-acme", "shop-1"), ("orders", "shop-1-123"),
            ("challenges", "shop-1-123-456"),
        ])
    func leads(controller: String, name: String) {
        let find = CertificateTrail(stores: stores).certificate(ofKeysOf: controller)
        #expect(find(ObjectKey(namespace: "web", name: name)) == ObjectKey(namespace: "web", name: "shop"))
        #expect(controller == "certificates" || find(ObjectKey(namespace: "web", name: "unknown")) == nil)
    }

    @Test("an Event is a line of the log that names the certificate, and a warning is a warning")
    func events() {
        let lines = Mutex<[String]>([])
        let logger = Logger(label: "test") { label in
            StructuredLogHandler(label: label, format: .text, level: .info) { line in
                lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
            }
        }
        let log = CertificateTrail(stores: stores).log(to: logger)
        let challenge = ObjectReference(
            apiVersion: "acme.cert-manager.io/v1", kind: "Challenge", namespace: "web", name: "shop-1-123-456", uid: "u"
        )
        log(.normal, "Presented", "It is presented.", challenge, "cert-manager-challenges")
        log(.warning, "Failed", "It failed.", challenge, "cert-manager-challenges")
        let all = lines.withLock { $0 }
        #expect(all.count == 2)
        #expect(all.allSatisfy { $0.contains(" certificate=web/shop ") })
        #expect(all.first?.contains(" info ") == true)
        #expect(all.last?.contains(" warning ") == true)
    }
}
