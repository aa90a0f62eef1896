import Testing
import Wire

@Suite("JSON values")
struct JSONTests {
    func parse(_ text: String) throws(JSONError) -> JSONValue { try JSONValue(parsing: text) }

    @Test("every kind of value is read")
    func kinds() throws {
        let value = try parse(#" { "a" : [ null , true, false, 0, -0, -12, 1.5, 1e3, 2E-2, "" ] , "b":{}, "c":[] } "#)
        let expected: JSONValue = [
            "a": [nil, true, false, 0, 0, -12, 1.5, 1000.0, 0.02, ""], "b": [:], "c": [],
        ]
        #expect(value == expected)
    }

    @Test("whole numbers are exact to the last of 64 bits, larger ones become doubles")
    func integers() throws {
        #expect(try parse("9223372036854775807") == .integer(.max))
        #expect(try parse("-9223372036854775808") == .integer(.min))
        #expect(try parse("9223372036854775808") == .number(0x1p63))
        #expect(try parse("-9223372036854775809") == .number(-0x1p63))
        #expect(try parse("100000000000000000000000") == .number(1e23))
        #expect(try parse("9007199254740993") == .integer(9_007_199_254_740_993))
        #expect(try parse("1.0").intValue == 1)
        #expect(try parse("1.5").intValue == nil)
    }

    @Test("escapes and pairs of surrogates become their characters")
    func strings() throws {
        #expect(try parse(#""\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00""#) == "\"\\/\u{8}\u{C}\n\r\tAé€😀")
        #expect(try parse("\"é€😀\"") == "é€😀")
        #expect(try parse(#""\u0000""#) == "\0")
    }

    @Test(
        "what is not JSON is refused",
        arguments: [
            "", " ", "{", "}", "[", "]", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "[1 2]",
            "tru", "nul", "truex", "01", "-", "-01", "1.", ".5", "1e", "1e+", "+1", "0x1", "1e999", "NaN", "\"",
            "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\ud800x\"", "\"\\ud800\\u0041\"",
            "\"\\udc00\"", "\"\t\"", "\"a\nb\"", "1 2", "{} {}", "'a'", "[1}", "{\"a\":1]",
        ])
    func malformed(text: String) {
        #expect(throws: JSONError.self) { try parse(text) }
    }

    @Test(
        "bytes that are not UTF-8 are refused, in values, keys and beside escapes",
        arguments: [[0x80], [0xC0, 0x80], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xFF]]
            as [[UInt8]]
    )
    func notUnicode(bytes: [UInt8]) {
        let quote = UInt8(ascii: "\"")
        for text in [
            [quote] + bytes + [quote], Array("{\"".utf8) + bytes + Array("\":1}".utf8),
            Array("\"\\n".utf8) + bytes + [quote],
        ] {
            #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
        }
    }

    @Test("depth and size are bounded")
    func limits() throws {
        let deep = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
        _ = try parse(deep)
        #expect(throws: JSONError.tooDeep(offset: 128)) { try parse("[\(deep)]") }
        #expect(throws: JSONError.tooDeep(offset: 128)) { try parse(String(repeating: "[", count: 1_000_000)) }
        #expect(throws: JSONError.tooLarge(bytes: 3)) { try JSONValue(parsing: "123", limits: JSONLimits(bytes: 2)) }
    }

    @Test("of a key that occurs twice the last value counts, in small and in large objects")
    func duplicates() throws {
        #expect(try parse(#"{"a":1,"b":2,"a":3}"#) == ["a": 3, "b": 2])
        let many = (0..<100).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
        let value = try parse("{\(many),\"k7\":\"last\"}")
        #expect(value.objectValue?.count == 100)
        #expect(value["k7"] == "last")
    }

    @Test("managedFields is passed over in metadata, and kept where it is somebody's data")
    func skipping() throws {
        let text = """
            {"metadata":{"name":"a","managedFields":[{"x":{"]":"}\\"","y":[1,null,-2.5e3,true]}},[]],"uid":"u"},
             "data":{"managedFields":"mine"}}
            """
        let value = try JSONValue(parsing: text, limits: .withoutManagedFields)
        #expect(value == ["metadata": ["name": "a", "uid": "u"], "data": ["managedFields": "mine"]])
        for cut in [
            #"{"metadata":{"managedFields":[{"a":1}"#, #"{"metadata":{"managedFields":"x"#,
            #"{"metadata":{"managedFields":}}"#,
        ] {
            #expect(throws: JSONError.self) { try JSONValue(parsing: cut, limits: .withoutManagedFields) }
        }
        #expect(
            try JSONValue(parsing: #"{"metadata":{"managedFields":null}}"#, limits: .withoutManagedFields)
                == ["metadata": [:]])
    }

    @Test("a document cut anywhere, or with any byte changed, is an error or a value, never a trap")
    func damaged() {
        let text = Array(
            #"{"metadata":{"managedFields":[{"f":"\u00e9"}],"x":[1.5e3,-2,"\ud83d\ude00é"]},"y":{"z":null}}"#.utf8)
        for end in text.indices {
            #expect(throws: JSONError.self) { try JSONValue(parsing: Array(text[..<end])) }
            _ = try? JSONValue(parsing: Array(text[..<end]), limits: .withoutManagedFields)
            for byte: UInt8 in [0, 0x22, 0x5C, 0x7B, 0x7D, 0x5B, 0x5D, 0x2C, 0x3A, 0x30, 0x2D, 0xFF] {
                var changed = text
                changed[end] = byte
                _ = try? JSONValue(parsing: changed)
                _ = try? JSONValue(parsing: changed, limits: .withoutManagedFields)
            }
        }
    }

    @Test("what is written is read back as it was")
    func roundTrip() throws {
        let value: JSONValue = [
            "text": "\"\\/\u{8}\u{C}\n\r\t\0\u{1F}é€😀",
            "numbers": [0, -1, .integer(.max), 1.5, 1e100, .number(.leastNonzeroMagnitude), -0.0],
            "nested": [[[:]], ["": nil], []], "flag": true,
        ]
        #expect(try JSONValue(parsing: value.serialized()) == value)
        #expect(try JSONValue(parsing: value.serialized(pretty: true)) == value)
    }

    @Test("the two ways of writing, byte for byte")
    func written() {
        let value: JSONValue = ["b": [1, "x\u{1}"], "a": [:], "c": .number(.infinity), "d": []]
        #expect(value.description == #"{"b":[1,"x\u0001"],"a":{},"c":null,"d":[]}"#)
        let pretty = String(decoding: value.serialized(pretty: true), as: UTF8.self)
        #expect(
            pretty == "{\n  \"b\": [\n    1,\n    \"x\\u0001\"\n  ],\n  \"a\": {},\n  \"c\": null,\n  \"d\": []\n}\n")
    }

    @Test("objects are equal and hash alike whatever the order of their members")
    func order() throws {
        let many = (0..<40).map { ("k\($0)", JSONValue.integer($0)) }
        var forward = JSONObject()
        var backward = JSONObject()
        for (key, value) in many { forward[key] = value }
        for (key, value) in many.reversed() { backward[key] = value }
        #expect(forward == backward)
        #expect(forward.hashValue == backward.hashValue)
        backward["k3"] = "other"
        #expect(forward != backward)
        #expect(JSONValue(dictionaryLiteral: ("a", 1), ("b", 2)) == ["b": 2, "a": 1])
        #expect(try parse(#"{"z":1,"a":2}"#).objectValue?.keys == ["z", "a"])
    }

    @Test("members can be set, replaced and removed in place")
    func members() {
        var value: JSONValue = nil
        value["spec"] = ["a": 1]
        value["spec"]?["b"] = 2
        value["spec"]?["a"] = nil
        #expect(value == ["spec": ["b": 2]])
        #expect(value["spec"]?["none"]?["deeper"] == nil)
        #expect(JSONValue.array([1, 2])[1] == 2)
        #expect(JSONValue.array([1, 2])[2] == nil)
    }
}

@Suite("JSON merge patch")
struct MergePatchTests {
    /// RFC 7386, appendix A.
    static let examples: [(String, String, String)] = [
        (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
        (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
        (#"{"a":"b"}"#, #"{"a":null}"#, "{}"),
        (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#),
        (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
        (#"{"a":"c"}"#, #"{"a":["b"]}"#, #"{"a":["b"]}"#),
        (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
        (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#),
        (#"["a","b"]"#, #"["c","d"]"#, #"["c","d"]"#),
        (#"{"a":"b"}"#, #"["c"]"#, #"["c"]"#),
        (#"{"a":"foo"}"#, "null", "null"),
        (#"{"a":"foo"}"#, #""bar""#, #""bar""#),
        (#"{"e":null}"#, #"{"a":1}"#, #"{"e":null,"a":1}"#),
        ("[1,2]", #"{"a":"b","c":null}"#, #"{"a":"b"}"#),
        ("{}", #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
    ]

    @Test("the examples of RFC 7386", arguments: examples)
    func merges(original: String, patch: String, result: String) throws {
        let merged = try JSONValue(parsing: original).merging(patch: try JSONValue(parsing: patch))
        #expect(try merged == JSONValue(parsing: result))
    }

    @Test("a list is read although one of its elements is nested too deeply, and that one is named")
    func cutting() throws {
        let deep = String(repeating: "[{\"a\":", count: 100) + "\"]}\"" + String(repeating: "}]", count: 100)
        let text = #"{"items":[{"n":1},{"n":2,"deep":\#(deep)},[3],{"n":4}],"kind":"List"}"#
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
        let (value, cut) = try JSONValue.parsing(cutting: Array(text.utf8))
        #expect(cut == [1])
        #expect(value["items"]?[1]?["n"] == 2)
        #expect(value["items"]?[3] == ["n": 4])
        #expect(value["kind"] == "List")
        let (shallow, none) = try JSONValue.parsing(cutting: Array(#"{"items":[[[]]]}"#.utf8))
        #expect(none.isEmpty)
        #expect(shallow == ["items": [[[]]]])
    }
}
