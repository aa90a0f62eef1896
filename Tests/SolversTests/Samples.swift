import CertificateAPI
import KubeModel
import Wire

/// Challenges for the tests of this folder.
enum Samples {
    static let presentedAt = Timestamp(secondsSince1970: 1_767_225_600)

    static func challenge(_ type: Challenge.Kind, dnsName: String = "www.example.com", solver: Solver) -> Challenge {
        var metadata = ObjectMeta(name: "order-1-2", namespace: "ns")
        metadata.uid = "uid-1"
        var challenge = Challenge(
            metadata: metadata,
            spec: Challenge.Spec(
                url: "https://ca/chall/1", authorizationURL: "https://ca/authz/1", dnsName: dnsName, type: type,
                token: "token", key: "token.thumb", solver: solver, issuerRef: IssuerReference(name: "issuer")))
        var status = Challenge.Status()
        status.presentedAt = presentedAt
        challenge.status = status
        return challenge
    }

    /// One of those that an issuer's HTTP-01 challenges share their objects by.
    static func shared(
        _ number: Int = 1, _ ingress: String = "{}", dnsName: String? = nil,
        _ change: (inout Challenge) throws -> Void = { _ in }
    ) throws -> Challenge {
        let solver = try solver(#"{"http01": {"ingress": \#(ingress)}}"#)
        var challenge = challenge(.http01, dnsName: dnsName ?? "n\(number).example", solver: solver)
        challenge.metadata.name = "order-1-\(number)"
        challenge.metadata.uid = "uid-\(number)"
        challenge.metadata.annotations = [Names.Annotation.solverMode: "shared"]
        var owner = OwnerReference(apiVersion: "acme.cert-manager.io/v1", kind: "Order", name: "order-1", uid: "uid-o")
        owner.controller = true
        challenge.metadata.ownerReferences = [owner]
        challenge.spec.token = "token-\(number)"
        challenge.spec.key = "token-\(number).thumb"
        try change(&challenge)
        return challenge
    }

    static func solver(_ json: String) throws -> Solver {
        try JSONValue(parsing: Array(json.utf8)).decode(Solver.self)
    }
}
