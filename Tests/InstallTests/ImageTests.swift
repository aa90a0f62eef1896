import TestSupport
import Testing
import Wire

/// The images, made of a small program in place of ours.
@Suite("scripts/image", .enabled(if: TestPrograms.find("strip") != nil, "no strip: install binutils"))
struct ImageTests {
    static let programs = ["certwright", "acmesolver"]
    /// All that the script may look for.
    static let staged = programs + ["kubectl-cert"]

    /// A folder that holds `programs/`, and after that what the script makes of them.
    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = try await Tool.output("mktemp", ["-d", "/tmp/certwright-image-XXXXXX"])
        do {
            try await Tool.output("mkdir", ["\(folder)/programs"])
            for program in Self.staged {
                try await Tool.output("cp", ["/bin/true", "\(folder)/programs/\(program)"])
            }
            try await body(folder)
        } catch {
            _ = try? await Tool.run("rm", ["-rf", folder])  // the first error is the one to tell
            throw error
        }
        try await Tool.output("rm", ["-rf", folder])
    }

    private func make(_ folder: String, _ name: String) async throws -> String {
        let script = "\(Helm.project)/scripts/image"
        let result = try await Tool.run("bash", [script, "--programs", "\(folder)/programs", "\(folder)/\(name)"])
        guard result.succeeded else { throw TestServerError(result.errors) }
        return result.errors
    }

    @Test("an image holds programs and what they need; it and its SBOM are the same bytes each time, made only once")
    func images() async throws {
        try await withFolder { folder in
            _ = try await make(folder, "one")
            try await Tool.output("touch", ["\(folder)/programs/acmesolver"])
            _ = try await make(folder, "two")
            for program in Self.programs {
                for file in ["\(program).tar", "\(program).spdx.json"] {
                    try await Tool.output("cmp", ["\(folder)/one/\(file)", "\(folder)/two/\(file)"])
                }
            }
            let again = try await make(folder, "two")
            #expect(again.contains("certwright.tar is current"))
            #expect(again.contains("acmesolver.tar is current"))
            try await checkContents(folder, "one")
            try checkBill(folder, "one")
        }
    }

    /// That the SBOM names what the image is made of, with a version for each, and the digest of every file.
    private func checkBill(_ folder: String, _ name: String) throws {
        let bill = try JSONValue(parsing: try Helm.file(absolute: "\(folder)/\(name)/certwright.spdx.json"))
        #expect(bill["spdxVersion"] == "SPDX-2.3")
        #expect(bill["dataLicense"] == "CC0-1.0")
        let packages = try #require(bill["packages"]?.arrayValue)
        let versions = Dictionary(
            packages.map { ($0["name"]?.stringValue ?? "", $0["versionInfo"]?.stringValue ?? "") }
        ) { first, _ in first }
        for name in ["certwright", "libc6", "ca-certificates", "tzdata", "swift-nio", "swift-log"] {
            #expect(versions[name]?.isEmpty == false, "no \(name) in \(versions)")
        }
        let files = try #require(bill["files"]?.arrayValue)
        #expect(files.contains { $0["fileName"] == "./usr/bin/certwright" })
        #expect(files.allSatisfy { $0["checksums"]?[0]?["algorithm"] == "SHA256" })
        let related = Set(bill["relationships"]?.arrayValue?.compactMap { $0["relatedSpdxElement"] } ?? [])
        #expect(related.isSuperset(of: (packages + files).compactMap { $0["SPDXID"] }))
    }

    /// That an image holds programs and what they need, and runs the first as nobody in particular.
    private func checkContents(_ folder: String, _ name: String) async throws {
        let certwright = try await Image(archive: "\(folder)/\(name)/certwright.tar", in: folder)
        #expect(certwright.name == "ghcr.io/certwright/certwright:0.1.0")
        #expect(certwright.config["User"] == "65532:65532")
        #expect(certwright.config["Entrypoint"] == ["/usr/bin/certwright"])
        for path in [
            "usr/bin/certwright", "etc/passwd", "etc/ssl/certs/ca-certificates.crt", "usr/share/zoneinfo/Etc/UTC",
        ] {
            #expect(certwright.paths.contains(path), "no \(path)")
        }
        #expect(certwright.paths.contains { $0.hasSuffix("/libc.so.6") })
        #expect(certwright.paths.contains { $0.hasPrefix("lib64/ld-linux") || $0.hasPrefix("lib/ld-linux") })
        let solver = try await Image(archive: "\(folder)/\(name)/acmesolver.tar", in: folder)
        #expect(solver.config["Entrypoint"] == ["/usr/bin/acmesolver"])
        #expect(!solver.paths.contains { $0.hasPrefix("usr/share/zoneinfo") })
        let usual: Set = ["usr/bin/certwright", "usr/bin/acmesolver"]
        // kubectl-cert comes along as soon as it is a program of the package
        let programs = Set(certwright.programs)
        #expect(programs == usual || programs == usual.union(["usr/bin/kubectl-cert"]), "\(programs)")
        #expect(solver.programs == ["usr/bin/acmesolver"])
    }

    /// An image archive, unpacked as far as the tests look.
    private struct Image {
        var name: String
        var config: JSONValue
        var paths: [String]

        var programs: [String] { paths.filter { $0.contains("bin/") && !$0.hasSuffix("/") } }

        init(archive: String, in folder: String) async throws {
            func json(_ path: String) async throws -> JSONValue {
                try JSONValue(parsing: Array(try await Tool.output("tar", ["-xOf", archive, path]).utf8))
            }
            func blob(_ described: JSONValue?) throws -> String {
                guard let digest = described?["digest"]?.stringValue else { throw TestServerError("no digest") }
                return "blobs/" + digest.replacing(":", with: "/")
            }
            let entry = try await json("index.json")["manifests"]?[0]
            name = entry?["annotations"]?["org.opencontainers.image.ref.name"]?.stringValue ?? ""
            let manifest = try await json(try blob(entry))
            config = try await json(try blob(manifest["config"]))["config"] ?? .null
            let layer = try blob(manifest["layers"]?[0])
            try await Tool.output("tar", ["-xf", archive, "-C", folder, layer])
            paths = try await Tool.output("tar", ["-tzf", "\(folder)/\(layer)"]).split(separator: "\n").map(String.init)
        }
    }
}

extension Tool {
    /// Runs it and gives what it printed, without the last line's end; throws what it complained of when it fails.
    @discardableResult
    static func output(_ program: String, _ arguments: [String]) async throws -> String {
        let result = try await run(program, arguments)
        guard result.succeeded else { throw TestServerError("\(program): \(result.errors)\(result.output)") }
        return result.output.hasSuffix("\n") ? String(result.output.dropLast()) : result.output
    }
}
