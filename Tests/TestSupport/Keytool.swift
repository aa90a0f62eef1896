import Subprocess
import SystemPackage

/// Java's keytool, as the judge of keystores.
package enum Keytool {
    package static var isInstalled: Bool { TestPrograms.find("keytool") != nil }

    /// What `keytool -list` says of a file, in English.
    package static func list(
        _ file: [UInt8], type: String, password: String, _ options: [String] = []
    ) async throws -> OpenSSLTool.Result {
        let folder = try TemporaryFolder(named: "keytool")
        defer { folder.remove() }
        try folder.write("store", file)
        let arguments =
            [
                "-J-Duser.language=en", "-J-Xmx64m", "-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC", "-list",
                "-keystore",
                folder.path("store"), "-storetype", type, "-storepass", password,
            ] + options
        let result = try await Subprocess.run(
            .name("keytool"), arguments: Arguments(arguments), input: .none, output: .bytes(limit: 1 << 20),
            error: .string(limit: 1 << 16))
        let output = result.standardOutput
        return OpenSSLTool.Result(
            succeeded: result.terminationStatus.isSuccess,
            output: String(decoding: output, as: UTF8.self) + result.standardError, bytes: output)
    }

    /// Whether the key under `alias` can be taken out with its password: Java makes a signing request with it.
    package static func canUseKey(
        _ file: [UInt8], type: String, password: String, alias: String
    ) async throws -> OpenSSLTool.Result {
        let folder = try TemporaryFolder(named: "keytool")
        defer { folder.remove() }
        try folder.write("store", file)
        let result = try await Subprocess.run(
            .name("keytool"),
            arguments: [
                "-J-Duser.language=en", "-J-Xmx64m", "-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC", "-certreq",
                "-keystore", folder.path("store"), "-storetype", type, "-storepass", password, "-keypass", password,
                "-alias", alias,
            ], input: .none, output: .bytes(limit: 1 << 20), error: .string(limit: 1 << 16))
        let output = result.standardOutput
        return OpenSSLTool.Result(
            succeeded: result.terminationStatus.isSuccess,
            output: String(decoding: output, as: UTF8.self) + result.standardError, bytes: output)
    }
}
