import Wire
import YAML

extension FuzzTarget {
    /// The small formats everyone speaks.
    static let formats: [FuzzTarget] = [
        FuzzTarget(
            "json",
            dictionary: ["\\u0000", "\\uD800", "\\uDC00", "1e400", "-0", "null", "true", "{\"a\":", "[[[[", "\"\""]
        ) {
            texts(
                #"{"a":[1,-2.5e3,"x\n\u00e9\ud83d\ude00",null,true,{}],"b":{"c":9223372036854775807}}"#, "[[[[]]]]", "0"
            )
        } run: { bytes throws(Violation) in
            guard let value = try? JSONValue(parsing: bytes) else { return }
            let written = value.serialized()
            let again = try? JSONValue(parsing: written)
            try expect(again == value, "what was read and written is read differently")
        },
        FuzzTarget(
            "yaml", dictionary: ["&a ", "*a", "!!", "<<: ", "---\n", "...\n", "|\n", ">-\n", "? ", "- ", ": ", "\t"]
        ) {
            texts(
                "a: &x {b: [1, 2.5, yes, ~]}\nc: *x\n---\n- |\n  text\n- >-\n  folded\n- 'single'\n- \"double\\n\"\n",
                "apiVersion: v1\nkind: List\nitems:\n- metadata: {name: a}\n")
        } run: { bytes throws(Violation) in
            guard let values = try? YAMLDocuments.parse(bytes) else { return }
            for value in values {
                let again = try? YAMLDocuments.parse(Array(YAMLWriter.text(of: value).utf8))
                try expect(again == [value], "what was read and written is read differently")
            }
        },
        FuzzTarget(
            "pem",
            dictionary: ["-----BEGIN ", "-----END ", "-----", "CERTIFICATE", "\r\n", "=", "Proc-Type: 4,ENCRYPTED"]
        ) {
            texts(
                PEM.encode("CERTIFICATE", [UInt8](0..<100)),
                "text\n-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END A-----\n"
                    + PEM.encode("PRIVATE KEY", []))
        } run: { bytes throws(Violation) in
            guard let blocks = try? PEM.parse(bytes) else { return }
            for block in blocks where block.headers.isEmpty {
                let again = try? PEM.parse(Array(PEM.encode(block).utf8))
                try expect(again == [block], "what was read and written is read differently")
            }
        },
        FuzzTarget(
            "duration", dictionary: ["h", "m", "s", "ms", "us", "µs", "ns", ".", "-", "+", "9223372036854775807"]
        ) {
            texts("2160h", "1h30m15.5s", "-1.5ms", "0", "1us2ns", "2562047h47m16.854775807s")
        } run: { bytes throws(Violation) in
            guard let duration = GoDuration(String(decoding: bytes, as: UTF8.self)) else { return }
            try expect(GoDuration(duration.description) == duration, "\(duration) is read differently")
        },
        FuzzTarget("times", dictionary: ["T", "Z", "+23:59", "-00:00", ".999999999", "GMT", "2024-02-29", "9999"]) {
            texts(
                "2026-11-25T22:28:00Z", "2024-02-29T23:59:60.123456789+01:00", "Sun, 06 Nov 1994 08:49:37 GMT",
                "Sunday, 06-Nov-94 08:49:37 GMT")
        } run: { bytes throws(Violation) in
            let text = String(decoding: bytes, as: UTF8.self)
            _ = Timestamp(httpDate: text)
            guard let time = Timestamp(rfc3339: text) else { return }
            try expect(Timestamp(rfc3339: time.rfc3339) != nil, "\(time.rfc3339) cannot be read")
        },
        FuzzTarget("base64", dictionary: ["=", "==", "-", "_", "+", "/", "\n"]) {
            texts("AAECAwQF", "_-8=", "Zg", "+/+/")
        } run: { bytes throws(Violation) in
            let text = String(decoding: bytes, as: UTF8.self)
            _ = Hex.decode(text)
            if let read = Base64.decode(text) {
                try expect(Base64.decode(Base64.encode(read)) == read, "base64 is read differently")
            }
            if let read = Base64.decodeURL(text, padding: .allowed) {
                try expect(Base64.decodeURL(Base64.encodeURL(read)) == read, "base64url is read differently")
            }
        },
    ]

    static func texts(_ texts: String...) -> [[UInt8]] { texts.map { Array($0.utf8) } }
}
