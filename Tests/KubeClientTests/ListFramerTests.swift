import HTTPTransport
import Testing
import Wire

@testable import KubeClient

@Suite("List framer")
struct ListFramerTests {
    private func cut(_ text: String, every size: Int) throws -> (items: [String], envelope: String) {
        var framer = ListFramer()
        var items: [String] = []
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            let chunk = Array(bytes[start..<min(start + size, bytes.count)])
            items += try framer.items(in: chunk[...]).map { String(decoding: $0, as: UTF8.self) }
        }
        return (items, String(decoding: framer.envelope, as: UTF8.self))
    }

    @Test("items come out one by one, and the rest is a small list, wherever the chunks are cut", arguments: 1...40)
    func cuts(size: Int) throws {
        let first = #"{"metadata":{"name":"a]}\"","items":[1,[2]]},"x":"\\"}"#
        let second = #" {"items":[{"items":[]}]} "#
        let text =
            #"{"kind":"items","n":["items"],"metadata":{"items":[9],"resourceVersion":"7"},"items" : [\#(first),\#(second)],"last":[1,"]"]}"#
        let (items, envelope) = try cut(text, every: size)
        #expect(items == [first, second])
        #expect(
            envelope
                == #"{"kind":"items","n":["items"],"metadata":{"items":[9],"resourceVersion":"7"},"items" : [],"last":[1,"]"]}"#
        )
    }

    @Test(
        "a list without items is an envelope alone",
        arguments: [#"{"items":[],"metadata":{}}"#, #"{"items":null,"metadata":{}}"#, #"{"items":[ ] }"#, "[]", ""])
    func noItems(text: String) throws {
        let (items, envelope) = try cut(text, every: 3)
        #expect(items.isEmpty)
        #expect(envelope.filter { $0 != " " } == text.filter { $0 != " " })
    }

    @Test("what is no list, or is cut, comes out as an envelope that no JSON reader takes")
    func malformed() throws {
        for text in [#"{"items":[{"a":1}"#, #"{"items":[{"a":"#, #"{"items":[1]]]}}"#, "]]]", "\"", #"{"items":["#] {
            let (_, envelope) = try cut(text, every: 2)
            #expect(throws: JSONError.self) { try JSONValue(parsing: envelope) }
        }
    }

    @Test("an item without an end is refused, not gathered for ever")
    func endless() throws {
        var framer = ListFramer(limit: 1000)
        _ = try framer.items(in: Array(#"{"items":["#.utf8)[...])
        #expect(throws: TransportError.tooLarge(limit: 1000)) {
            for _ in 0..<100 { _ = try framer.items(in: [UInt8](repeating: UInt8(ascii: "{"), count: 64)[...]) }
        }
    }
}
