import CCurl
import HTTPTransport
import HTTPTypes
import Wire

/// What the whole transport has in common and each handle is told again.
struct HandleDefaults {
    let options: CurlTransport.Options
    let proxies: ProxyEnvironment
    let systemTrust: SystemTrust

    init(_ options: CurlTransport.Options) {
        self.options = options
        proxies = ProxyEnvironment(options.environment)
        systemTrust = SystemTrust(options.environment)
    }
}

extension EasyHandle {
    /// Tells a fresh handle everything about `transfer` but its callbacks.
    func prepare(_ transfer: Transfer, _ defaults: HandleDefaults) {
        let request = transfer.request
        setErrorBuffer()
        prepareConnection(defaults.options)
        let target = ConnectionTarget(request, transfer.address)
        prepareTarget(request, target)
        prepareTLS(request.tls, defaults.systemTrust)
        if request.endsAtHandshake {
            set(CURLOPT_CERTINFO, true)
            set(CURLOPT_CONNECT_ONLY, true)
        }
        prepareProxy(request.proxy, transfer.address, defaults.proxies)
        prepareMessage(request, target, defaults.options)
        set(CURLOPT_CONNECTTIMEOUT_MS, request.connectTimeout)
    }

    private func prepareConnection(_ options: CurlTransport.Options) {
        set(CURLOPT_NOSIGNAL, true)
        set(CURLOPT_TCP_KEEPALIVE, true)
        set(CURLOPT_TCP_KEEPIDLE, 30)
        set(CURLOPT_TCP_KEEPINTVL, 15)
        set(CURLOPT_MAXLIFETIME_CONN, max(1, Int(options.connectionLifetime.components.seconds)))
        set(CURLOPT_MAXAGE_CONN, max(1, Int(options.idleConnectionLifetime.components.seconds)))
        switch options.version {
        case .http1: set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        case .http2:
            set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS))
            set(CURLOPT_PIPEWAIT, true)
        }
    }

    private func prepareTarget(_ request: TransportRequest, _ target: ConnectionTarget) {
        set(CURLOPT_URL, target.url)
        set(CURLOPT_PATH_AS_IS, true)
        setConnections(target.connections)
        set(CURLOPT_PROTOCOLS_STR, "http,https")
        switch request.addressFamily {
        case .any: break
        case .ipv4: set(CURLOPT_IPRESOLVE, Int(CURL_IPRESOLVE_V4))
        case .ipv6: set(CURLOPT_IPRESOLVE, Int(CURL_IPRESOLVE_V6))
        }
        if case .follow(let max, let schemes) = request.redirects {
            set(CURLOPT_FOLLOWLOCATION, true)
            set(CURLOPT_MAXREDIRS, max)
            set(CURLOPT_REDIR_PROTOCOLS_STR, schemes.intersection(["http", "https"]).sorted().joined(separator: ","))
        }
    }

    private func prepareTLS(_ tls: TLSOptions, _ system: SystemTrust) {
        set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        set(CURLOPT_SSL_VERIFYPEER, tls.trust != .insecure)
        set(CURLOPT_SSL_VERIFYHOST, tls.trust == .insecure ? 0 : 2)
        set(CURLOPT_CAINFO, nil as String?)
        set(CURLOPT_CAPATH, nil as String?)
        switch tls.trust {
        case .insecure: break
        case .only(let pem): set(CURLOPT_CAINFO_BLOB, blob: pem)
        case .system:
            set(CURLOPT_CAPATH, system.folder)
            set(CURLOPT_CAINFO, system.file)
        case .systemAnd(let pem):
            set(CURLOPT_CAPATH, system.folder)
            set(CURLOPT_CAINFO_BLOB, blob: system.fileContent + pem)
        }
        if let identity = tls.identity {
            set(CURLOPT_SSLCERT_BLOB, blob: identity.certificatePEM)
            set(CURLOPT_SSLKEY_BLOB, blob: identity.keyPEM.reveal())
        }
    }

    /// An empty text keeps libcurl from looking at the environment by itself.
    private func prepareProxy(_ choice: ProxyChoice, _ address: HTTPAddress, _ environment: ProxyEnvironment) {
        set(CURLOPT_NOPROXY, "")
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, true)
        switch choice {
        case .none: set(CURLOPT_PROXY, "")
        case .environment: set(CURLOPT_PROXY, environment.proxy(for: address) ?? "")
        case .url(let url): set(CURLOPT_PROXY, url)
        }
    }

    private func prepareMessage(
        _ request: TransportRequest, _ target: ConnectionTarget, _ options: CurlTransport.Options
    ) {
        if let body = request.body {
            set(CURLOPT_POST, true)
            setBody(body)
        } else if request.method == .head {
            set(CURLOPT_NOBODY, true)
        }
        if request.method != .head { set(CURLOPT_CUSTOMREQUEST, request.method.rawValue) }
        set(CURLOPT_USERAGENT, options.userAgent)
        var lines = request.headers.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
        if let authority = target.hostHeader, !request.headers.contains(where: { $0.name.canonicalName == "host" }) {
            lines.append("Host: \(authority)")
        }
        if request.body != nil {
            lines.append("Expect:")  // else libcurl waits a second for 100 Continue before it sends a long body
            if request.headers[.contentType] == nil { lines.append("Content-Type:") }
        }
        setHeaders(lines)
    }
}
