/// The release this program was built as.
enum Version {
    static let text = "0.1.0"
    static let userAgent = "kubectl-cert/\(text) libcurl"
    /// Names this program in `managedFields` and, before the slash of the user agent, in the audit log.
    static let fieldManager = "kubectl-cert"
}
