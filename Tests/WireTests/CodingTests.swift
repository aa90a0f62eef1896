import Testing
import Wire

private struct Sample: Codable, Equatable {
    enum Color: String, Codable { case red, blue }
    struct Inner: Codable, Equatable {
        var name: String
        var size: Int32?
    }
    enum Choice: Codable, Equatable { case one(String), two(first: Int, second: Bool) }

    var text = "t"
    var flag = true
    var whole: Int64 = .max
    var small: UInt8 = 255
    var real = 1.5
    var missing: String?
    var color = Color.blue
    var names = ["a", "b"]
    var map = ["k.io/x": "v"]
    var inner = Inner(name: "n", size: 3)
    var inners = [Inner(name: "x", size: nil)]
    var byName = ["q": Inner(name: "y", size: 1)]
    var free: JSONValue = ["anything": [1, nil]]
    var choice = Choice.two(first: 1, second: false)
    var bytes = Base64Data([1, 2, 3])
    var optionals: [Int?] = [1, nil]
    var numbered = [1: "one"]
}

/// Writes and reads itself through every kind of nested container.
private struct Nested: Codable, Equatable {
    var values: [Int]
    var label: String

    enum Keys: String, CodingKey { case outer, list, label }

    init(values: [Int], label: String) {
        self.values = values
        self.label = label
    }

    init(from decoder: any Decoder) throws {
        let outer = try decoder.container(keyedBy: Keys.self).nestedContainer(keyedBy: Keys.self, forKey: .outer)
        var list = try outer.nestedUnkeyedContainer(forKey: .list)
        values = []
        while !list.isAtEnd {
            var one = try list.nestedUnkeyedContainer()
            values.append(try one.decode(Int.self))
        }
        label = try String(from: outer.superDecoder(forKey: .label))
    }

    func encode(to encoder: any Encoder) throws {
        var top = encoder.container(keyedBy: Keys.self)
        var outer = top.nestedContainer(keyedBy: Keys.self, forKey: .outer)
        var list = outer.nestedUnkeyedContainer(forKey: .list)
        for value in values {
            var one = list.nestedUnkeyedContainer()
            try one.encode(value)
        }
        try label.encode(to: outer.superEncoder(forKey: .label))
    }
}

@Suite("Swift types as JSON values")
struct CodingTests {
    @Test("a type with every kind of field comes back as it was")
    func roundTrip() throws {
        let value = try JSONValue(encoding: Sample())
        #expect(try value.decode(Sample.self) == Sample())
        #expect(value["whole"] == .integer(.max))
        #expect(value["bytes"] == "AQID")
        #expect(value["free"] == ["anything": [1, nil]])
        #expect(value["map"] == ["k.io/x": "v"])
    }

    @Test("nested containers keep their places")
    func nested() throws {
        let value = try JSONValue(encoding: Nested(values: [1, 2], label: "l"))
        #expect(value == ["outer": ["list": [[1], [2]], "label": "l"]])
        #expect(try value.decode(Nested.self) == Nested(values: [1, 2], label: "l"))
    }

    @Test("an Optional that is nil is left out, however it was written")
    func omitted() throws {
        struct Explicit: Encodable {
            enum Keys: String, CodingKey { case a, b, free }
            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Keys.self)
                try container.encode(Int?.none, forKey: .a)
                try container.encodeIfPresent(String?.none, forKey: .b)
                try container.encode(JSONValue.null, forKey: .free)
            }
        }
        #expect(try JSONValue(encoding: Explicit()) == ["free": nil])
        #expect(try JSONValue(encoding: Sample())["missing"] == nil)
    }

    @Test("null and a missing member are both nil to an Optional")
    func optional() throws {
        let value = try JSONValue(parsing: #"{"name":"n","size":null}"#)
        #expect(try value.decode(Sample.Inner.self) == Sample.Inner(name: "n", size: nil))
    }

    @Test("an error names the field and what was wanted, and never the value")
    func paths() throws {
        func problem(_ change: (inout JSONValue) -> Void) throws -> String {
            var value = try JSONValue(encoding: Sample())
            change(&value)
            do throws(ValueDecodingError) {
                _ = try value.decode(Sample.self)
                return "no problem"
            } catch {
                return "\(error)"
            }
        }
        #expect(try problem { $0["text"] = nil } == "text: is required")
        #expect(try problem { $0["text"] = 5 } == "text: expected a string, found a number")
        #expect(try problem { $0["small"] = 256 } == "small: expected a whole number of 8 bits, found a number")
        #expect(try problem { $0["names"] = ["a", 7] } == "names[1]: expected a string, found a number")
        #expect(try problem { $0["map"] = ["k.io/x": 1] } == "map[k.io/x]: expected a string, found a number")
        #expect(try problem { $0["inner"] = [] } == "inner: expected an object, found an array")
        #expect(try problem { $0["inners"] = [["name": "x"], [:]] } == "inners[1].name: is required")
        #expect(
            try problem { $0["byName"] = ["q.r": ["name": nil]] } == "byName[q.r].name: expected a string, found null")
        #expect(try problem { $0["bytes"] = "secret!" } == "bytes: expected base64")
        #expect(
            try problem { $0["optionals"] = [1, "x"] }
                == "optionals[1]: expected a whole number of 64 bits, found a string")
        #expect(try problem { $0 = "x" } == "expected an object, found a string")
        #expect(try problem { $0["color"] = "green" }.hasPrefix("color: "))
    }

    @Test("what JSON cannot say is refused")
    func notFinite() {
        #expect(throws: (any Error).self) { try JSONValue(encoding: ["x": Double.nan]) }
    }

    @Test("base64 fields read null as no bytes, as Go writes them")
    func nullBytes() throws {
        #expect(try JSONValue.null.decode(Base64Data.self).bytes.isEmpty)
        let map = try JSONValue(parsing: #"{"ca.crt":null,"x":"eA=="}"#).decode([String: Base64Data].self)
        #expect(map == ["ca.crt": Base64Data([]), "x": Base64Data(utf8: "x")])
    }
}
