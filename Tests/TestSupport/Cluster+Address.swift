import HTTPTypes
import KubeClient
import KubeModel
import Subprocess
import Wire

extension Cluster {
    /// Where the API server reaches a server of this process: loopback where it runs on this machine, else the address that
    /// this machine has towards it, such as that of the bridge to kind's nodes.
    package func addressForAPIServer() async throws -> String {
        let found = try await client.send(
            KubeRequest(method: .get, path: "/api/v1/namespaces/default/endpoints/kubernetes", isIdempotent: true))
        guard let server = found["subsets"]?.arrayValue?.first?["addresses"]?.arrayValue?.first?["ip"]?.stringValue
        else {
            throw TestServerError("the Endpoints default/kubernetes name no address")
        }
        let route = try await Subprocess.run(
            .name("ip"), arguments: ["-json", "route", "get", server], output: .string(limit: 65536),
            error: .string(limit: 65536))
        guard route.terminationStatus.isSuccess,
            let ours = try JSONValue(parsing: Array(route.standardOutput.utf8)).arrayValue?.first?["prefsrc"]?
                .stringValue
        else { throw TestServerError("ip route get \(server): \(route.standardError)") }
        return ours == server ? "127.0.0.1" : ours
    }

    /// A Service of this namespace that leads the API server to a server of this process.
    ///
    /// - Parameter address: what `addressForAPIServer` has answered; the port is up to whoever names the Service.
    package static func serviceForAPIServer(_ name: String, at address: String) -> String {
        """
        apiVersion: v1
        kind: Service
        metadata: {name: \(name)}
        spec: {type: ExternalName, externalName: \(address == "127.0.0.1" ? "localhost" : address)}
        """
    }
}
