import Admission
import Testing
import Wire

@Suite("Admission of Orders and Challenges")
struct ACMEAdmissionTests {
    static let group = "acme.cert-manager.io"

    static let order: JSONValue = [
        "metadata": ["name": "o", "namespace": "shop"],
        "spec": ["request": "YWJj", "issuerRef": ["name": "ca"], "dnsNames": ["a.example"]],
        "status": [
            "url": "https://ca/o/1", "finalizeURL": "https://ca/o/1/f", "certificate": "YWJj", "state": "valid",
            "authorizations": [
                [
                    "url": "https://ca/a/1", "identifier": "a.example", "wildcard": false, "initialState": "pending",
                    "challenges": [["url": "https://ca/c/1", "token": "t", "type": "http-01"]],
                ]
            ],
        ],
    ]

    func texts(_ change: (inout JSONValue) -> Void) -> [String] {
        var new = Self.order
        change(&new)
        return AdmissionRequest.update("orders", from: Self.order, to: new, subresource: "status", group: Self.group)
            .problemTexts
    }

    @Test("an order never changes what it asks for, its issuer included")
    func spec() {
        #expect(
            texts { $0["spec"]?["issuerRef"]?["name"] = "other" }
                == ["spec: Forbidden: field is immutable once set; make a new Order"])
        #expect(texts { $0["metadata"]?["labels"] = ["a": "b"] } == [])
    }

    @Test("what the CA said once stays; the rest of the status moves")
    func status() {
        #expect(texts { $0["status"]?["state"] = "errored" } == [])
        #expect(texts { $0["status"]?["url"] = "x" } == ["status.url: Forbidden: field is immutable once set"])
        #expect(
            texts { $0["status"]?["finalizeURL"] = nil } == [
                "status.finalizeURL: Forbidden: field is immutable once set"
            ])
        #expect(
            texts { $0["status"]?["certificate"] = "eHl6" } == [
                "status.certificate: Forbidden: field is immutable once set"
            ])
        #expect(
            texts { $0["status"]?["authorizations"] = [] }
                == ["status.authorizations: Forbidden: the number of authorizations cannot change once set"])
        let first = "status.authorizations[0]"
        let changes: [(String, JSONValue)] = [
            ("url", "x"), ("identifier", "b.example"), ("wildcard", true), ("initialState", "valid"),
        ]
        for (field, value) in changes {
            #expect(
                texts { change(&$0) { $0[field] = value } } == [
                    "\(first).\(field): Forbidden: field is immutable once set"
                ])
        }
        for field in ["url", "token", "type"] {
            let other: JSONValue = ["url": "https://ca/c/1", "token": "t", "type": "http-01"]
            var changed = other
            changed[field] = "other"
            #expect(
                texts { change(&$0) { $0["challenges"] = [changed] } }
                    == ["\(first).challenges[0].\(field): Forbidden: field is immutable once set"])
        }
    }

    private func change(_ order: inout JSONValue, _ edit: (inout JSONValue) -> Void) {
        var first = order["status"]?["authorizations"]?[0] ?? nil
        edit(&first)
        order["status"]?["authorizations"] = [first]
    }

    @Test("a challenge proves one name to one CA with one solver, and nothing else ever")
    func challenge() {
        let old: JSONValue = [
            "metadata": ["name": "c", "namespace": "shop"],
            "spec": [
                "url": "u", "authorizationURL": "a", "dnsName": "a.example", "type": "HTTP-01", "token": "t",
                "key": "k",
                "solver": ["http01": ["ingress": [:]]], "issuerRef": ["name": "ca"],
            ],
        ]
        var new = old
        new["metadata"]?["finalizers"] = ["acme.cert-manager.io/finalizer"]
        #expect(AdmissionRequest.update("challenges", from: old, to: new, group: Self.group).problemTexts == [])
        new["spec"]?["solver"] = ["dns01": ["digitalocean": [:]]]
        #expect(
            AdmissionRequest.update("challenges", from: old, to: new, group: Self.group).problemTexts
                == ["spec: Forbidden: challenge spec is immutable after creation"])
        #expect(AdmissionRequest.create("challenges", old, group: Self.group).problemTexts == [])
    }
}
