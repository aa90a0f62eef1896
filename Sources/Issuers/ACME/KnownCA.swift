/// What CAs publish of themselves, by their directories. Where one says nothing of a limit, none is kept.
package struct KnownCA: Sendable, Hashable {
    package var name: String
    /// What CAA records call it; the directory's own word counts where it has one.
    package var caaIdentities: [String]
    package var limits = CALimits()
    /// Why no order can succeed any more.
    package var hasEnded: String?

    init(_ name: String, caa: [String], limits: CALimits = CALimits(), hasEnded: String? = nil) {
        self.name = name
        caaIdentities = caa
        self.limits = limits
        self.hasEnded = hasEnded
    }

    package init?(server: String) {
        guard let known = Self.all[server] else { return nil }
        self = known
    }

    private static let all: [String: KnownCA] = [
        // https://letsencrypt.org/docs/rate-limits/: new orders per account, new certificates per exact set of
        // identifiers. Orders that name their predecessor inside its renewal window are exempt from both.
        "https://acme-v02.api.letsencrypt.org/directory": KnownCA(
            "Let's Encrypt", caa: ["letsencrypt.org"],
            limits: CALimits(orders: OrderLimit("300/3h"), sameNames: OrderLimit("5/168h"))),
        // https://letsencrypt.org/docs/staging-environment/
        "https://acme-staging-v02.api.letsencrypt.org/directory": KnownCA(
            "Let's Encrypt (staging)", caa: ["letsencrypt.org"],
            limits: CALimits(orders: OrderLimit("1500/3h"), sameNames: OrderLimit("30000/168h"))),
        // Its documentation (https://zerossl.com/documentation/acme/) names no limit of certificates. Its servers were seen to refuse more than
        // about seven requests in a second, so that few orders are worked on at once.
        "https://acme.zerossl.com/v2/DV90": KnownCA(
            "ZeroSSL", caa: ["sectigo.com"], limits: CALimits(openOrders: 20)),
        // https://pki.goog/faq/ says what CAA records call it; no number is known for its quotas.
        "https://dv.acme-v02.api.pki.goog/directory": KnownCA("Google Trust Services", caa: ["pki.goog"]),
        "https://dv.acme-v02.test-api.pki.goog/directory": KnownCA(
            "Google Trust Services (staging)", caa: ["pki.goog"]),
        // Ended: https://github.com/acmesh-official/acme.sh/issues/6480.
        "https://api.buypass.com/acme/directory": KnownCA(
            "Buypass Go SSL", caa: ["buypass.com"],
            hasEnded: "Buypass has issued no certificates by ACME since October 2025; choose another CA"),
        "https://api.test4.buypass.no/acme/directory": KnownCA(
            "Buypass Go SSL (test)", caa: ["buypass.com"],
            hasEnded: "Buypass has issued no certificates by ACME since October 2025; choose another CA"),
    ]
}
