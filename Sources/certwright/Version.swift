import CurlTransport

/// The release this program was built as.
enum Version {
    static let text = "0.1.0"
    /// Names the program and its HTTP library, as RFC 8555 §6.1 asks.
    static let userAgent = "certwright/\(text) libcurl"
}
