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

    static func solver(_ json: String) throws -> Solver {
        try JSONValue(parsing: Array(json.utf8)).decode(Solver.self)
    }
}
