import CertificateAPI
import Glibc
import KubeClient
import KubeModel
import Wire

extension FuzzTarget {
    /// What the API server and its users send.
    static let objects: [FuzzTarget] = [
        FuzzTarget(
            "kubeconfig",
            dictionary: [
                "users:\n", "exec: ", "token: ", "certificate-authority-data: ", "current-context: ", "{}", "[]",
            ]
        ) {
            texts("apiVersion: v1\nkind: Config\ncurrent-context: a\n", "clusters: [{name: a, cluster: {server: x}}]")
        } run: { bytes throws(Violation) in
            let path = "/dev/shm/certwright-fuzz-\(getpid())"
            defer { unlink(path) }
            guard (try? Corpus.write(bytes, to: path)) != nil else { return }
            _ = try? ClusterConfiguration.load(kubeconfig: path, environment: { _ in nil })
        },
        FuzzTarget(
            "watch-event", dictionary: ["\"type\":\"ADDED\"", "\"ERROR\"", "\"BOOKMARK\"", "\"metadata\":{", "null"]
        ) {
            texts(
                #"{"type":"ADDED","object":{"apiVersion":"cert-manager.io/v1","kind":"Certificate","metadata":{"name":"a","namespace":"b","uid":"u","resourceVersion":"1"},"spec":{"secretName":"s","issuerRef":{"name":"i"},"dnsNames":["a.example"]}}}"#,
                #"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}"#,
                #"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"12"}}}"#)
        } run: { bytes throws(Violation) in
            guard case .added(let object) = try? WatchEvent(bytes) else { return }
            decodeAll(object)
        },
        FuzzTarget("certificate-object", dictionary: fields) {
            texts(
                #"{"metadata":{"name":"a","namespace":"b"},"spec":{"secretName":"s","issuerRef":{"name":"i","kind":"Issuer"},"commonName":"a.example","dnsNames":["a.example","*.b.example"],"ipAddresses":["10.0.0.1"],"uris":["spiffe://a"],"emailAddresses":["a@b.example"],"duration":"2160h","renewBefore":"360h","usages":["server auth"],"privateKey":{"algorithm":"ECDSA","size":256},"secretTemplate":{"labels":{"a":"b"}},"keystores":{"jks":{"create":true,"password":"x"},"pkcs12":{"create":true,"password":"y","profile":"Modern2023"}},"additionalOutputFormats":[{"type":"DER"}],"renewal":{"policy":"RenewBefore","windows":[{"cron":"0 2 * * 1-5","timezone":"Europe/Berlin","windowDuration":"2h"}]}},"status":{"conditions":[{"type":"Ready","status":"True"}],"notAfter":"2026-01-01T00:00:00Z","revision":1}}"#,
                #"{"metadata":{"name":"a"},"spec":{"secretName":"s","issuerRef":{"name":"i"},"literalSubject":"CN=a,O=b","isCA":true,"nameConstraints":{"critical":true,"permitted":{"dnsDomains":["a"],"ipRanges":["10.0.0.0/8"]}},"otherNames":[{"oid":"1.2.3","utf8Value":"x"}],"signatureAlgorithm":"SHA512WithRSA"}}"#
            )
        } run: { bytes throws(Violation) in
            guard let value = try? JSONValue(parsing: bytes) else { return }
            decodeAll(value)
        },
        FuzzTarget("issuer-object", dictionary: fields) {
            texts(
                #"{"metadata":{"name":"a"},"spec":{"acme":{"server":"https://a/dir","privateKeySecretRef":{"name":"k"},"email":"a@b","externalAccountBinding":{"keyID":"k","keySecretRef":{"name":"e","key":"k"}},"solvers":[{"selector":{"dnsZones":["a.example"]},"dns01":{"rfc2136":{"nameserver":"10.0.0.1:53","tsigKeyName":"k","tsigAlgorithm":"HMACSHA256","tsigSecretSecretRef":{"name":"t","key":"k"}}}},{"http01":{"ingress":{"ingressClassName":"nginx","podTemplate":{"spec":{"nodeSelector":{"a":"b"}}}}}}]}}}"#,
                #"{"metadata":{"name":"a"},"spec":{"ca":{"secretName":"s","ocspServers":["http://a"]}}}"#,
                #"{"metadata":{"name":"a"},"spec":{"vault":{"server":"https://v","path":"pki/sign/x","auth":{"appRole":{"path":"approle","roleId":"r","secretRef":{"name":"s","key":"k"}}}}}}"#
            )
        } run: { bytes throws(Violation) in
            guard let value = try? JSONValue(parsing: bytes) else { return }
            decodeAll(value)
        },
    ]

    private static let fields = [
        "\"spec\":{", "\"metadata\":{", "null", "[]", "{}", "-1", "9223372036854775807", "1e99", "\"\"", "\"\\u0000\"",
        "true",
    ]

    /// Every kind reads it, judges it and writes it back.
    private static func decodeAll(_ value: JSONValue) {
        if let certificate = try? value.decode(Certificate.self) {
            _ = try? DesiredCertificate(certificate.spec)
            let start = Timestamp(secondsSince1970: 1_767_225_600)
            _ = RenewalPlan(
                certificate.spec, notBefore: start, notAfter: start + .seconds(90 * 86400), now: start)
            _ = try? certificate.manifest().serialized()
        }
        if let issuer = try? value.decode(Issuer.self) {
            _ = issuer.spec.problems()
            _ = try? issuer.manifest().serialized()
        }
        _ = try? value.decode(CertificateRequest.self).manifest().serialized()
        _ = try? value.decode(Order.self).manifest().serialized()
        _ = try? value.decode(Challenge.self).manifest().serialized()
        _ = try? value.decode(Secret.self).manifest().serialized()
    }
}
