import ArgumentParser
import Issuers

/// Which issuers may use the credentials of the pod and the machine.
struct AmbientFlags: ParsableArguments {
    @Flag(
        inversion: .prefixedNo,
        help: "ClusterIssuers that name no credentials of a cloud may use those of the pod and the machine.")
    var clusterIssuerAmbientCredentials = true

    @Flag(
        inversion: .prefixedNo,
        help: "Issuers may, too: then whoever may create an Issuer may use what the controller itself is allowed to do."
    )
    var issuerAmbientCredentials = false

    var allowed: AmbientCredentials {
        AmbientCredentials(issuers: issuerAmbientCredentials, clusterIssuers: clusterIssuerAmbientCredentials)
    }
}
