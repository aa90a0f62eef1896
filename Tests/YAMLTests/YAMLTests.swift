import Testing
import Wire
import YAML

@Suite("YAML")
struct YAMLTests {
    func parse(_ text: String) throws -> [JSONValue] { try YAMLDocuments.parse(Array(text.utf8)) }

    @Test("scalars are read as kubectl reads them")
    func scalars() throws {
        let text = """
            string: plain text
            quoted: "123"
            integer: 123
            negative: -0x1F
            octal: 0o17
            old: 017
            float: 1.5e3
            yes: off
            none: ~
            empty:
            version: 1.2.3
            time: 2026-01-02
            block: |
              one
              two
            """
        #expect(
            try parse(text) == [
                [
                    "string": "plain text", "quoted": "123", "integer": 123, "negative": -31, "octal": 15, "old": 15,
                    "float": 1500.0, "yes": false, "none": nil, "empty": nil, "version": "1.2.3",
                    "time": "2026-01-02", "block": "one\ntwo",
                ]
            ])
    }

    @Test("documents are told apart, empty ones left out, anchors and merge keys followed")
    func documents() throws {
        let text = """
            ---
            ---
            base: &base {a: 1, b: [x, z]}
            derived:
              <<: *base
              a: 2
            ---
            - - nested
            """
        let base: JSONValue = ["a": 1, "b": ["x", "z"]]
        #expect(try parse(text) == [["base": base, "derived": ["a": 2, "b": ["x", "z"]]], [["nested"]]])
    }

    @Test(
        "what is wrong is said with its line",
        arguments: [
            ("a: 1\nb: [1, 2\nc: 3", 3), ("a: 1\n\tb: 2", 2), ("a: 1\na: 2", 2), ("x: *nowhere", 1),
            ("? [1]\n: 2", 1), ("a: .inf", 1), ("a: !custom 1", 1),
        ])
    func errors(text: String, line: Int) {
        #expect {
            try parse(text)
        } throws: { error in
            (error as? YAMLError)?.line == line
        }
    }

    @Test("an alias bomb is refused, and so is endless nesting")
    func bombs() {
        var bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        for (name, previous) in zip("bcdefghi", "abcdefgh") {
            bomb += "\(name): &\(name) [" + Array(repeating: "*\(previous)", count: 10).joined(separator: ", ") + "]\n"
        }
        #expect(throws: YAMLError.self) { try parse(bomb) }
        #expect(throws: YAMLError.self) { try parse(String(repeating: "[", count: 5000)) }
    }

    @Test("no text, cut anywhere or made of any bytes, is more than an error")
    func garbage() {
        let text = Array("a: &x {b: [1, \"two\", 'three'], c: |\n  block\n}\nd: *x\n".utf8)
        for end in text.indices { _ = try? YAMLDocuments.parse(Array(text[..<end])) }
        for byte in UInt8.min...UInt8.max { _ = try? YAMLDocuments.parse([byte, 0x61, 0x3a, byte, 0x20, byte]) }
        #expect((try? YAMLDocuments.parse([])) == [])
    }

    @Test("what is written is read back as it was")
    func roundTrip() throws {
        let value: JSONValue = [
            "apiVersion": "v1", "empty": [], "none": nil, "object": [:], "number": "123", "yes": "yes", "colon": "a: b",
            "list": [["name": "x", "deep": [1, 2, ["k": true]]], "plain", [["y"]]], "dash": "-", "multi": "a\nb",
        ]
        #expect(try parse(YAMLWriter.text(of: value)) == [value])
    }

    @Test(
        "what YAML takes for a line break comes back as it was written",
        arguments: ["\u{85}", "\u{2028}", "a\u{2029}b", "\u{FEFF}x", "\u{7F}\u{9F}"])
    func lineBreaks(text: String) throws {
        #expect(try parse(YAMLWriter.text(of: ["key": .string(text)])) == [["key": .string(text)]])
    }
}
