import Glibc
package import Subprocess
import SystemPackage

extension InputProtocol where Self == FileDescriptorInput {
    /// What a program is to read, by a file that has no name any more: one that ends before it has read a pipe (kubectl
    /// that refuses its arguments, openssl s_client that is refused) is a trap in Subprocess.
    package static func file(of bytes: [UInt8]) throws -> Self {
        let path = FilePath("/tmp/certwright-input-\(UInt64.random(in: 0 ... .max))")
        let file = try FileDescriptor.open(
            path, .readWrite, options: [.create, .exclusiveCreate], permissions: .ownerReadWrite)
        unlink(path.string)
        do {
            _ = try file.writeAll(bytes)
            try file.seek(offset: 0, from: .start)
        } catch {
            try? file.close()
            throw error
        }
        return .fileDescriptor(file, closeAfterSpawningProcess: true)
    }

    package static func file(of text: String) throws -> Self { try file(of: Array(text.utf8)) }
}
