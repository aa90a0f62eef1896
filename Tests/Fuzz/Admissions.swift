import Admission
import CertificateAPI
import Wire

extension FuzzTarget {
    /// What the API server posts to the webhook.
    static let admissions: [FuzzTarget] = [
        FuzzTarget(
            "admission",
            dictionary: [
                "\"operation\":\"UPDATE\"", "\"oldObject\":{", "\"userInfo\":{", "\"kind\":{",
                "\"subResource\":\"status\"", "null",
                "CertificateRequest", "\"conditions\":[", "[]", "{}",
            ]
        ) {
            texts(
                #"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","kind":{"group":"cert-manager.io","version":"v1","kind":"Certificate"},"resource":{"group":"cert-manager.io","version":"v1","resource":"certificates"},"operation":"CREATE","namespace":"n","name":"a","userInfo":{"username":"me","groups":["g"]},"object":{"apiVersion":"cert-manager.io/v1","kind":"Certificate","metadata":{"name":"a","namespace":"n"},"spec":{"secretName":"s","issuerRef":{"name":"i"},"dnsNames":["a.example"],"renewal":{"policy":"RenewBefore","windows":[{"cron":"0 2 * * *","windowDuration":"2h"}]}}}}}"#,
                #"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","kind":{"group":"cert-manager.io","version":"v1","kind":"CertificateRequest"},"resource":{"group":"cert-manager.io","version":"v1","resource":"certificaterequests"},"subResource":"status","operation":"UPDATE","namespace":"n","name":"a","userInfo":{"username":"me","uid":"1","groups":["g"],"extra":{"k":["v"]}},"object":{"metadata":{"name":"a","namespace":"n"},"spec":{"request":"QQ==","issuerRef":{"name":"i"}},"status":{"conditions":[{"type":"Approved","status":"True"}]}},"oldObject":{"metadata":{"name":"a","namespace":"n"},"spec":{"request":"QQ==","issuerRef":{"name":"i"}}}}}"#
            )
        } run: { bytes throws(Violation) in
            guard let request = try? AdmissionRequest(review: bytes) else { return }
            _ = Validation.judge(request).problems.map(\.description)
            _ = Mutation.patch(request)
        }
    ]
}
