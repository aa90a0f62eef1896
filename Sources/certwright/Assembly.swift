import CertificateAPI
import Controllers
import CurlTransport
import HTTPServer
import HTTPTransport
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import Operations
import PKI
import ServiceLifecycle
import UnixSignals
import Wire

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Puts the parts of `certwright controller` together and runs them until the process is told to stop.
struct Assembly {
    let flags: ControllerCommand

    func run() async throws {
        ProcessSettings.apply()
        let logger = logger()
        do throws(KubeconfigError) {
            let configuration = try ClusterConfiguration.load(
                kubeconfig: flags.cluster.kubeconfig, context: flags.cluster.context, server: flags.cluster.master,
                environment: ProcessSettings.environment)
            try await run(configuration, logger)
        } catch {
            logger.critical("\(error)")
            throw ExitStatus.configuration
        }
    }
}
