import DNSProviders
import SystemPackage
import Testing

@Suite("docs/dns/README.md")
struct DNSTableTests {
    private static let root = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .removingLastComponent()

    private static func text(_ path: String) throws -> String {
        let file = try FileDescriptor.open(root.appending("docs/dns/\(path)"), .readOnly)
        return try file.closeAfter {
            var buffer = [UInt8](repeating: 0, count: 1 << 20)
            let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0) }
            return String(decoding: buffer[..<count], as: UTF8.self)
        }
    }

    /// The cells of each row, by what stands in the second column: the key.
    private static func rows() throws -> [String: [String]] {
        var rows: [String: [String]] = [:]
        for line in try text("README.md").split(separator: "\n") where line.hasPrefix("| [") {
            let cells = line.split(separator: "|").map { $0.trimmingPrefix(" ") }.map { cell in
                String(cell.reversed().trimmingPrefix(" ").reversed())
            }
            guard cells.count == 5 else { continue }
            rows[cells[1].filter { $0 != "`" }] = cells
        }
        return rows
    }

    @Test("has a row and a page for every provider, and for no other")
    func rowsAndPages() throws {
        let registry = DNSProviderRegistry.standard
        let rows = try Self.rows()
        #expect(Set(rows.keys) == registry.keys.union(registry.ownKeys))
        for (key, cells) in rows {
            let page = try #require(cells[0].split(separator: "(").last.map { String($0.dropLast()) })
            let text = try Self.text(page)
            #expect(text.contains(key), "\(page) does not say how to configure \(key)")
            for heading in ["## Credential", "## Manifest", "## Limits", "## Troubleshooting"] {
                #expect(text.contains(heading), "\(page) lacks \(heading)")
            }
        }
    }

    @Test("has the numbers of calls that the contract counts", arguments: ContractSubject.counted)
    func calls(subject: ContractSubject) throws {
        #expect(try Self.rows()[subject.key]?[3] == subject.calls.description)
    }
}
