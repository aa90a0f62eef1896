import CertificateAPI
import HTTPTransport
package import KubeClient
import KubeModel
package import Wire

/// What is still missing before the API can be used, judged from single answers of the API server. Each function answers
/// a sentence, or nil when all is well.
package enum APICheck {
    package typealias Answer = Result<JSONValue, KubeError>

    package static let webhook = "webhook.cert-manager.io"

    /// What each group must serve.
    package static let resources: [(group: String, plurals: Set<String>)] = [
        (Names.group, ["certificates", "certificaterequests", "issuers", "clusterissuers"]),
        (Names.acmeGroup, ["orders", "challenges"]),
    ]

    /// `answer` is the list of resources of a group's version.
    package static func missing(from answer: Answer, group: String, plurals: Set<String>) -> String? {
        switch answer {
        case .failure(let error) where error.isNotFound || error.isUnserved:
            return "The definitions of \(group) are not installed, or not established yet: apply crds/."
        case .failure(let error): return sentence(error)
        case .success(let list):
            let served = Set((list["resources"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue })
            let missing = plurals.subtracting(served).sorted().joined(separator: ", ")
            return missing.isEmpty ? nil : "The API server does not serve \(missing) of \(group) yet."
        }
    }

    /// `answer` is that to a good CertificateRequest.
    package static func problem(ofGood answer: Answer) -> String? {
        switch answer {
        case .failure(let error): return unreachable(error) ?? refusal(error)
        case .success(let request):
            guard request["spec"]?["username"]?.stringValue?.isEmpty == false else {
                return """
                    The mutating webhook is not called yet: a CertificateRequest came back without the name of who asks. \
                    Is its MutatingWebhookConfiguration installed?
                    """
            }
            return nil
        }
    }

    /// `answer` is that to a CertificateRequest that holds no signing request.
    package static func problem(ofBad answer: Answer) -> String? {
        switch answer {
        case .success:
            return """
                The validating webhook is not called yet: a CertificateRequest without a signing request was taken. Is its \
                ValidatingWebhookConfiguration installed?
                """
        case .failure(let error):
            guard let message = error.status?.message, message.contains("\"\(webhook)\" denied the request") else {
                return unreachable(error) ?? refusal(error)
            }
            return nil
        }
    }

    // MARK: Sentences

    /// What stands between the API server and the webhook, by what the API server says of it.
    private static func unreachable(_ error: KubeError) -> String? {
        guard let message = error.status?.message, message.contains("failed calling webhook") else { return nil }
        let causes = [
            (
                "certificate signed by unknown authority",
                "The API server does not trust the webhook's certificate yet: its CA is not injected."
            ),
            ("connection refused", "The webhook does not listen yet."),
            ("no endpoints available", "No pod of the webhook is ready yet."),
            ("not found", "The webhook's Service is not there yet."),
            (
                "context deadline exceeded",
                "The webhook does not answer the API server in time: is a firewall between them?"
            ),
        ]
        let cause = causes.first { message.contains($0.0) }?.1 ?? "The API server cannot call the webhook."
        return "\(cause) The API server says: \(message)"
    }

    private static func refusal(_ error: KubeError) -> String {
        if error.isForbidden, error.status?.message?.contains("admission webhook") != true {
            return "The check itself may not create CertificateRequests: give its account that right. \(error)"
        }
        return sentence(error)
    }

    private static func sentence(_ error: KubeError) -> String {
        switch error {
        // What the transport says of these tells times, and so differs at each try.
        case .transport(.connect), .transport(.connectTimeout):
            "The API server does not answer: no connection can be made."
        default: error.description
        }
    }
}
