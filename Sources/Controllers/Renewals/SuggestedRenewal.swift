import CertificateAPI
import PKI
import Wire

/// What a CA's renewal window (RFC 9773) makes of the time when a certificate is renewed.
enum SuggestedRenewal {
    /// The window that the status holds, if it is about the certificate in the Secret: both are written together with
    /// that certificate's times, so a window that was said of a predecessor is known by the times beside it.
    static func window(
        in status: Certificate.Status, of leaf: LeafFacts
    ) -> Certificate.Status.RenewalInformation.Window? {
        guard isAbout(leaf, status), let window = status.acme?.ari?.suggestedWindow, window.start < window.end else {
            return nil
        }
        return window
    }

    static func isAbout(_ leaf: LeafFacts, _ status: Certificate.Status) -> Bool {
        status.notBefore == leaf.notBefore && status.notAfter == leaf.notAfter
    }

    /// When to renew.
    ///
    /// - The time within the window follows from the certificate's serial number, which is random: it is the same at
    ///   every look and after every restart, and another for each of many certificates.
    /// - It lies no sooner than an hour (or a tenth of a short life) after the certificate was issued, so that windows
    ///   in the past do not make one certificate after the other.
    /// - It lies no later than a quarter of the way from `usual` to the end: a CA that errs never lets one run out.
    ///
    /// - Parameter usual: when it would be renewed without the window.
    static func time(
        _ window: Certificate.Status.RenewalInformation.Window, of leaf: LeafFacts, issuedAt: Timestamp,
        usual: Timestamp
    ) -> Timestamp {
        let pick = pick(window, name: leaf.renewalName ?? "")
        let rest = min(Duration.seconds(3600), (leaf.notAfter - leaf.notBefore) / 10)
        let earliest = min(max(issuedAt, leaf.notBefore) + rest, usual)
        let latest = usual + (leaf.notAfter - usual) / 4
        return min(max(pick, earliest), latest).wholeSeconds
    }

    /// A second of the window, each as likely as the other.
    static func pick(_ window: Certificate.Status.RenewalInformation.Window, name: String) -> Timestamp {
        let start = window.start.secondsSince1970
        let (length, overflow) = window.end.secondsSince1970.subtractingReportingOverflow(start)
        guard !overflow, length > 0 else { return window.start }
        let digest = Digest.sha256(Array("\(name) \(window.start.rfc3339) \(window.end.rfc3339)".utf8))
        let number = digest.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        // Less than `length`, which is an Int64.
        return Timestamp(secondsSince1970: start + Int64(number % UInt64(length)))
    }
}
