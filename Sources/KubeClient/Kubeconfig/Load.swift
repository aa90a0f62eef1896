import HTTPTransport
package import Wire

extension ClusterConfiguration {
    /// Where the environment says to look: of the process, or a test's own.
    package typealias Environment = @Sendable (_ variable: String) -> String?

    /// Reads a kubeconfig, or where there is none the service account of the pod this runs in.
    ///
    /// In order: `path`; the files of `KUBECONFIG`, separated by colons; the pod's service account;
    /// `~/.kube/config`. Throws with the file and the field that cannot be used.
    package static func load(
        kubeconfig path: String?, context: String? = nil, server: String? = nil,
        overrides: KubeconfigOverrides = KubeconfigOverrides(), environment: Environment,
        time: any TimeSource = SystemTime()
    ) throws(KubeconfigError) -> ClusterConfiguration {
        var configuration = try written(path, context, overrides, environment, time: time)
        if let server { configuration.server = server.hasSuffix("/") ? String(server.dropLast()) : server }
        try overrides.apply(to: &configuration)
        return configuration
    }

    /// What the files say, or the pod's service account.
    private static func written(
        _ path: String?, _ context: String?, _ overrides: KubeconfigOverrides, _ environment: Environment,
        time: any TimeSource
    ) throws(KubeconfigError) -> ClusterConfiguration {
        var paths: [String] = []
        if let path {
            paths = [path]
        } else if let listed = environment("KUBECONFIG"), !listed.isEmpty {
            paths = listed.split(separator: ":").map(String.init).filter { (try? FileBytes.read($0)) != nil }
            guard !paths.isEmpty else {
                throw KubeconfigError(file: listed, problem: "KUBECONFIG names no file that can be read.")
            }
        } else if environment("KUBERNETES_SERVICE_HOST") != nil {
            return try inCluster(environment: environment, time: time)
        } else if let home = environment("HOME") {
            paths = ["\(home)/.kube/config"]
        }
        var merged = MergedKubeconfig()
        for path in paths {
            let bytes: [UInt8]
            do throws(FileBytes.Unreadable) {
                bytes = try FileBytes.read(path)
            } catch {
                throw KubeconfigError(
                    file: path, problem: "\(error.reason). Name one with --kubeconfig, or set KUBECONFIG.")
            }
            try merged.add(bytes, file: path)
        }
        return try merged.configuration(context: context, overrides: overrides, time: time)
    }

    /// The folder where Kubernetes puts a pod's token, CA and namespace.
    package static let serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

    /// The service account of the pod this runs in; its token is read again as the kubelet rotates it.
    package static func inCluster(
        environment: Environment, folder: String = serviceAccountFolder, time: any TimeSource = SystemTime()
    ) throws(KubeconfigError) -> ClusterConfiguration {
        guard let host = environment("KUBERNETES_SERVICE_HOST"), let port = environment("KUBERNETES_SERVICE_PORT")
        else {
            throw KubeconfigError(
                file: folder, problem: "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set.")
        }
        let authority: [UInt8]
        do throws(FileBytes.Unreadable) {
            authority = try FileBytes.read("\(folder)/ca.crt")
        } catch {
            throw KubeconfigError(file: "\(folder)/ca.crt", problem: "\(error.reason).")
        }
        let named = (try? FileBytes.read("\(folder)/namespace")).map { String(decoding: $0, as: UTF8.self) }
        var configuration = ClusterConfiguration(
            server: "https://\(host.contains(":") ? "[\(host)]" : host):\(port)",
            tls: TLSOptions(trust: .only(pem: authority)),
            credentials: TokenFileCredential(path: "\(folder)/token", time: time),
            namespace: named?.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? "default")
        configuration.authorityFile = "\(folder)/ca.crt"
        return configuration
    }
}

extension MergedKubeconfig {
    func configuration(
        context requested: String?, overrides: KubeconfigOverrides = KubeconfigOverrides(), time: any TimeSource
    ) throws(KubeconfigError) -> ClusterConfiguration {
        let all = files.joined(separator: ":")
        guard let name = requested ?? currentContext else {
            throw KubeconfigError(file: all, problem: "it has no current-context, and --context names none.")
        }
        guard let context = contexts[name] else {
            throw KubeconfigError(file: all, problem: "it has no context \"\(name)\".")
        }
        guard let clusterName = overrides.cluster ?? context.value.cluster, let cluster = clusters[clusterName] else {
            throw KubeconfigError(
                file: context.file, problem: "context \"\(name)\" names a cluster that is not there.")
        }
        guard let server = cluster.value.server, server.hasPrefix("https://") || server.hasPrefix("http://") else {
            throw KubeconfigError(
                file: cluster.file, problem: "clusters[\(clusterName)].cluster.server is no http or https URL.")
        }
        var user: Sourced<KubeconfigFile.User>?
        let userName = overrides.user ?? context.value.user ?? ""
        if !userName.isEmpty {
            guard let found = users[userName] else {
                throw KubeconfigError(
                    file: context.file, problem: "context \"\(name)\" names a user that is not there.")
            }
            user = found
        }
        let trust = try trust(cluster, clusterName)
        let identity =
            try user.map { user throws(KubeconfigError) in try self.identity(user, userName) } ?? nil
        let credentials = try credentials(
            user, name: userName, cluster: cluster, time: time)
        var configuration = ClusterConfiguration(
            server: server, tls: TLSOptions(trust: trust, identity: identity, serverName: cluster.value.tlsServerName),
            proxy: cluster.value.proxyURL.map { $0.isEmpty ? .environment : .url($0) } ?? .environment,
            credentials: credentials, namespace: context.value.namespace ?? "default")
        if let path = cluster.value.certificateAuthority, !path.isEmpty,
            cluster.value.certificateAuthorityData?.bytes.isEmpty ?? true
        {
            configuration.authorityFile = FileBytes.resolve(path, besides: cluster.file)
        }
        configuration.impersonation = try impersonation(user, name: userName)
        return configuration
    }

    private func impersonation(
        _ user: Sourced<KubeconfigFile.User>?, name: String
    ) throws(KubeconfigError) -> Impersonation? {
        guard let user, let target = user.value.impersonate, !target.isEmpty else { return nil }
        if user.value.impersonateExtra?.isEmpty == false {
            throw KubeconfigError(file: user.file, problem: "users[\(name)].user.as-user-extra is not supported.")
        }
        return Impersonation(
            user: target, uid: user.value.impersonateUID, groups: user.value.impersonateGroups ?? [])
    }

    private func trust(
        _ cluster: Sourced<KubeconfigFile.Cluster>, _ name: String
    ) throws(KubeconfigError) -> TLSOptions.Trust {
        let field = "clusters[\(name)].cluster.certificate-authority"
        let pem = try bytes(
            data: cluster.value.certificateAuthorityData, path: cluster.value.certificateAuthority, file: cluster.file,
            field: field)
        if cluster.value.insecureSkipTLSVerify == true {
            guard pem == nil else {
                throw KubeconfigError(
                    file: cluster.file, problem: "\(field) and insecure-skip-tls-verify cannot be used together.")
            }
            return .insecure
        }
        return pem.map { .only(pem: $0) } ?? .system
    }

    private func identity(
        _ user: Sourced<KubeconfigFile.User>, _ name: String
    ) throws(KubeconfigError) -> TLSOptions.Identity? {
        let field = "users[\(name)].user.client-certificate"
        let certificate = try bytes(
            data: user.value.clientCertificateData, path: user.value.clientCertificate, file: user.file, field: field)
        let key = try bytes(
            data: user.value.clientKeyData, path: user.value.clientKey, file: user.file,
            field: "users[\(name)].user.client-key")
        switch (certificate, key) {
        case (nil, nil): return nil
        case (let certificate?, let key?):
            return TLSOptions.Identity(certificatePEM: certificate, keyPEM: Redacted(key))
        default:
            throw KubeconfigError(file: user.file, problem: "\(field) and client-key must be given together.")
        }
    }

    private func bytes(
        data: Base64Data?, path: String?, file: String, field: String
    ) throws(KubeconfigError) -> [UInt8]? {
        if let data, !data.bytes.isEmpty { return data.bytes }
        guard let path, !path.isEmpty else { return nil }
        let resolved = FileBytes.resolve(path, besides: file)
        do throws(FileBytes.Unreadable) {
            return try FileBytes.read(resolved)
        } catch {
            throw KubeconfigError(file: file, problem: "\(field) names \(resolved): \(error.reason).")
        }
    }

    private func credentials(
        _ user: Sourced<KubeconfigFile.User>?, name: String, cluster: Sourced<KubeconfigFile.Cluster>,
        time: any TimeSource
    ) throws(KubeconfigError) -> any CredentialSource {
        guard let user else { return FixedCredential(Authorization()) }
        let value = user.value
        if value.authProvider != nil {
            throw KubeconfigError(
                file: user.file,
                problem: "users[\(name)].user.auth-provider is gone from Kubernetes since 1.26; use exec instead.")
        }
        if let path = value.tokenFile, !path.isEmpty {
            return TokenFileCredential(path: FileBytes.resolve(path, besides: user.file), time: time)
        }
        if let token = value.token, !token.isEmpty {
            return FixedCredential(Authorization(header: "Bearer \(token)"))
        }
        if let username = value.username, !username.isEmpty {
            let pair = Base64.encode(Array("\(username):\(value.password ?? "")".utf8))
            return FixedCredential(Authorization(header: "Basic \(pair)"))
        }
        if let exec = value.exec {
            return try ExecCredential(
                exec, userField: "users[\(name)].user.exec", file: user.file, cluster: cluster, time: time)
        }
        return FixedCredential(Authorization())
    }
}
