import CertificateAPI
import Wire

/// How a Certificate stands, in one word; what is worst comes first.
enum Standing: String, Sendable, CaseIterable {
    case expired, heldUp, late, underWay, ready

    /// A renewal that is minutes late is about to happen.
    private static let patience = Duration.seconds(600)

    init(_ certificate: Certificate, now: Timestamp) {
        let status = certificate.status
        let conditions = status?.conditions
        if let end = status?.notAfter, end <= now {
            self = .expired
        } else if conditions.isTrue(Condition.Kind.issuing) || conditions == nil {
            self = .underWay
        } else if !conditions.isTrue(Condition.Kind.ready) || status?.lastFailureTime != nil {
            self = .heldUp
        } else if let renewal = status?.renewalTime, renewal + Self.patience < now {
            self = .late
        } else {
            self = .ready
        }
    }

    var word: String {
        switch self {
        case .expired: "Expired"
        case .heldUp: "Held up"
        case .late: "Renewal late"
        case .underWay: "Under way"
        case .ready: "Ready"
        }
    }

    var explanation: String {
        switch self {
        case .expired: "The certificate has run out."
        case .heldUp: "It waits for something that somebody has to mend; it is tried again meanwhile."
        case .late: "It should have been renewed and was not."
        case .underWay: "One is being issued."
        case .ready: "The certificate is there, and is renewed in time."
        }
    }

    /// Whether something is being done about it, or should be.
    var isOpen: Bool { self != .ready }
    var needsSomebody: Bool { isOpen && self != .underWay }

    /// Its sign: the word stands beside it, so that it says nothing to whoever is read to.
    var sign: HTML {
        """
        <svg class="sign s-\(rawValue)" viewBox="0 0 16 16" aria-hidden="true"><use href="#sign-\(rawValue)"/></svg>
        """
    }

    var label: HTML { #"<span class="standing s-\#(rawValue)">\#(sign)\#(word)</span>"# }

    /// What `sign` uses, once for each page: every state has a shape of its own beside its colour.
    static let signs: HTML = """
        <svg class="hidden" aria-hidden="true" width="0" height="0"><defs>
        <symbol id="sign-ready" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="currentColor"/>\
        <path d="M4.8 8.2l2.2 2.2 4.2-4.6" fill="none" class="cut" stroke-width="1.8"/></symbol>
        <symbol id="sign-underWay" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" \
        stroke-width="2"/><path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor"/></symbol>
        <symbol id="sign-late" viewBox="0 0 16 16"><path d="M8 1l7.4 13.4H.6z" fill="currentColor"/>\
        <path d="M8 6v4M8 11.4v1.4" class="cut" stroke-width="1.8"/></symbol>
        <symbol id="sign-heldUp" viewBox="0 0 16 16"><rect x="1.2" y="1.2" width="13.6" height="13.6" rx="2" \
        fill="currentColor"/><path d="M5 5l6 6M11 5l-6 6" class="cut" stroke-width="1.8"/></symbol>
        <symbol id="sign-expired" viewBox="0 0 16 16"><path d="M8 .4L15.6 8 8 15.6.4 8z" fill="currentColor"/>\
        <path d="M4.8 8h6.4" class="cut" stroke-width="1.8"/></symbol>
        </defs></svg>
        """
}
