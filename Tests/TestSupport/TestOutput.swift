import Glibc
import SystemPackage

/// What programs of ours have said in this run: kept, where the run wants it, to be searched for credentials
/// (`scripts/testbed/redaction`).
package enum TestOutput {
    private static let folder = getenv("CERTWRIGHT_TEST_OUTPUT").map { String(cString: $0) }

    package static func keep(_ text: String, of program: String) {
        guard let folder, !text.isEmpty else { return }
        let path = FilePath(folder).appending("\(program)-\(UInt64.random(in: .min ... .max))")
        // A run that cannot write there ends with an empty folder, which the search calls a failure.
        guard
            let file = try? FileDescriptor.open(
                path, .writeOnly, options: [.create, .exclusiveCreate], permissions: .ownerReadWrite)
        else { return }
        _ = try? file.closeAfter { try file.writeAll(Array(text.utf8)) }
    }
}
