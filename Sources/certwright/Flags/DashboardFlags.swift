import ArgumentParser

/// Web pages about the certificates, for whoever forwards a port to the pod.
struct DashboardFlags: ParsableArguments {
    @Flag(
        inversion: .prefixedNo,
        help: """
            Serve web pages about certificates, issuers and what is under way: to be read alone, without Secrets, and on \
            127.0.0.1 alone. kubectl port-forward leads there.
            """)
    var dashboard = false

    @Option(help: "The port of the pages, on 127.0.0.1.")
    var dashboardPort = 9404

    func validate() throws {
        guard (1...65_535).contains(dashboardPort) else {
            throw ValidationError("--dashboard-port must be from 1 to 65535.")
        }
    }
}
