import Glibc

/// The variables of this process, read once.
package enum ProcessEnvironment {
    package static let values: [String: String] = {
        var values: [String: String] = [:]
        var entry = unsafe environ
        while let text = unsafe entry.pointee {
            let parts = unsafe String(cString: text).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { values[String(parts[0])] = String(parts[1]) }
            unsafe entry += 1
        }
        return values
    }()
}
