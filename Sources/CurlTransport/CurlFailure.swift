import CCurl
import HTTPTransport

extension TransportError {
    /// What libcurl's result means; `detail` is what it wrote in its error buffer.
    init(_ code: CURLcode, detail: String, wasSent: Bool) {
        let detail = detail.isEmpty ? unsafe String(cString: curl_easy_strerror(code)) : detail
        self =
            switch code {
            case CURLE_URL_MALFORMAT, CURLE_BAD_FUNCTION_ARGUMENT: .url(detail)
            case CURLE_COULDNT_RESOLVE_HOST: .resolve(detail)
            case CURLE_COULDNT_RESOLVE_PROXY: .proxy(detail)
            case CURLE_PROXY: .proxy(detail)
            case CURLE_COULDNT_CONNECT, CURLE_INTERFACE_FAILED: .connect(detail)
            case CURLE_OPERATION_TIMEDOUT: wasSent ? .timeout : .connectTimeout
            case CURLE_TOO_MANY_REDIRECTS: .redirect(detail)
            // Also what it says of an HTTP/0.9 answer; a redirect to another scheme is told by its text alone.
            case CURLE_UNSUPPORTED_PROTOCOL: detail.hasPrefix("Protocol ") ? .redirect(detail) : .garbage(detail)
            case CURLE_WEIRD_SERVER_REPLY, CURLE_HTTP2, CURLE_BAD_CONTENT_ENCODING: .garbage(detail)
            case CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING, CURLE_HTTP2_STREAM, CURLE_ABORTED_BY_CALLBACK:
                .truncated(detail)
            case CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_SEND_FAIL_REWIND:
                wasSent ? .truncated(detail) : .connect(detail)
            case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
                CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_INVALIDCERTSTATUS,
                CURLE_SSL_ENGINE_INITFAILED, CURLE_USE_SSL_FAILED, CURLE_SSL_CLIENTCERT:
                .tls(detail)
            default: .other("\(detail) (libcurl \(code.rawValue))")
            }
    }
}
