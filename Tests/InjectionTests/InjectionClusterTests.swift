import HTTPTransport
import Injection
import KubeClient
import KubeModel
import PKI
import TestSupport
import Testing
import Wire

/// Targets of every kind in the real API server, and the injector that keeps them.
@Suite("CA injection into a cluster", .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"))
struct InjectionClusterTests {
    @Test("every kind of target gets the CA of its source, and the new one beside the old when it is replaced")
    func rotation() async throws {
        try await Cluster.withNamespace("injection") { cluster in
            let world = InjectionWorld(cluster)
            let (old, new) = (try await world.authority("old"), try await world.authority("new"))
            try await world.withTargets(annotation: "cert-manager.io/inject-ca-from: \(cluster.namespace)/site") {
                try await world.run {
                    try await world.eventuallyEvent("CertificateNotFound", on: "ValidatingWebhookConfiguration")
                    try await cluster.apply(world.certificate)
                    try await world.eventuallyEvent("CertificateNotIssued", on: "ValidatingWebhookConfiguration")
                    try await world.applySecret("site-tls", old, "cert-manager.io/certificate-name: site")
                    try await world.eventuallyBundles([old])
                    try await world.applySecret("site-tls", new, "cert-manager.io/certificate-name: site")
                    try await world.eventuallyBundles([new, old])
                }
            }
        }
    }

    @Test("a Secret named directly must allow it; garbage in it changes nothing; what somebody takes away comes back")
    func direct() async throws {
        try await Cluster.withNamespace("injection") { cluster in
            let world = InjectionWorld(cluster)
            let authority = try await world.authority("direct")
            try await world.applySecret("ca", authority, "note: none")
            try await world.withTargets(annotation: "cert-manager.io/inject-ca-from-secret: \(cluster.namespace)/ca") {
                try await world.run {
                    try await world.eventuallyEvent("InjectionNotAllowed", on: "MutatingWebhookConfiguration")
                    try await world.applySecret("ca", authority, "cert-manager.io/allow-direct-injection: \"true\"")
                    try await world.eventuallyBundles([authority])
                    try await world.applySecret(
                        "ca", pem: "garbage", "cert-manager.io/allow-direct-injection: \"true\"")
                    try await world.eventuallyEvent("InvalidCA", on: "CustomResourceDefinition")
                    try await world.eventuallyBundles([authority])
                    try await world.applySecret("ca", authority, "cert-manager.io/allow-direct-injection: \"true\"")
                    try await world.emptyTargets()
                    try await world.eventuallyBundles([authority])
                }
            }
        }
    }

    @Test("the API server's own CA is injected where that is asked for")
    func apiServer() async throws {
        try await Cluster.withNamespace("injection") { cluster in
            // A cluster of another kind may be trusted otherwise.
            guard case .only(pem: let pem) = cluster.configuration.tls.trust else { return }
            let world = InjectionWorld(cluster)
            try await world.withTargets(annotation: "cert-manager.io/inject-apiserver-ca: \"true\"") {
                try await world.run {
                    try await world.eventuallyBundles(try Chain.parse(pem: pem))
                }
            }
        }
    }
}
