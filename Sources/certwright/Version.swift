/// The release this program was built as.
enum Version {
    static let text = "0.1.0"
}
