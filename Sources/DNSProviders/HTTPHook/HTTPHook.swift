package import CertificateAPI
import DNSWire
import HTTPTransport
import HTTPTypes
import KubeModel
import PKI
import Wire

/// A service of the user's own: it is told what to do by a signed request (docs/dns/http.md).
///
/// Least privilege: the service's own matter; the key only proves that it is Certwright who asks.
package struct HTTPHook: OwnDNSProvider {
    package static let key = "http"
    package static let fields = ["url", "hmacSecretRef", "caBundle"]

    package struct Config: Decodable, Sendable, Hashable {
        package var url: String
        package var hmacSecretRef: SecretKeySelector
        /// PEM.
        package var caBundle: String?
    }

    private let config: Config
    private let api: ProviderAPI
    private let context: ProviderContext

    package static func problems(in config: Config, at path: FieldPath) -> [FieldProblem] {
        (HTTPAddress(url: config.url) == nil
            ? [.invalid(path["url"], config.url, "must be an http or https URL")] : [])
            + config.hmacSecretRef.problems(at: path["hmacSecretRef"])
    }

    package init(_ config: Config, in context: ProviderContext) async throws(DNSProviderError) {
        let key = try await context.text(of: config.hmacSecretRef, in: "hmacSecretRef")
        self.config = config
        self.context = context
        api = ProviderAPI(
            "the service at \(HTTPAddress(url: config.url)?.host ?? "its URL")", base: config.url, in: context,
            secrets: [key], tls: OwnRules.tls(config.caBundle)
        ) { request throws(DNSProviderError) in
            try Self.sign(&request, key: key, at: context.time.now())
        }
    }

    package func present(_ record: TXTRecord) async throws(DNSProviderError) { try await ask("present", record) }
    package func cleanUp(_ record: TXTRecord) async throws(DNSProviderError) { try await ask("cleanup", record) }

    private func ask(_ action: String, _ record: TXTRecord) async throws(DNSProviderError) {
        let answer = try await api.call(
            .post, "",
            [
                "action": .string(action), "fqdn": .string(record.name.description), "value": .string(record.value),
                "dnsName": .string(context.challenge.dnsName),
            ], for: .init("\(action) \(record.name.text)", needs: "what the service asks for"))
        // An empty answer is a success as well; what is there must say so.
        if answer.body.isEmpty { return }
        let json = try answer.json()
        guard case .object = json else { throw api.malformed("no object") }
        if let said = json["error"]?.stringValue.nonEmpty {
            throw .refused(provider: api.provider, detail: api.clean(said))
        }
    }

    /// `Certwright-Signature` is the HMAC-SHA256, in hexadecimal, of the time, a dot, and the body.
    static func sign(
        _ request: inout TransportRequest, key: Redacted<String>, at time: Timestamp
    ) throws(DNSProviderError) {
        let stamp = String(time.secondsSince1970)
        do {
            let signature = try HMAC.sha256.authenticate(
                Array("\(stamp).".utf8) + (request.body ?? []), key: Array(key.reveal().utf8))
            request.headers[.stamp] = stamp
            request.headers[.signature] = "sha256=\(Hex.encode(signature))"
        } catch {
            throw .refused(provider: "http", detail: "the request could not be signed: \(error)")
        }
    }
}

extension HTTPField.Name {
    fileprivate static let stamp = HTTPField.Name("Certwright-Timestamp")!  // a legal field name
    fileprivate static let signature = HTTPField.Name("Certwright-Signature")!  // as above
}
