import KubeModel
import Wire

/// What services say in their errors, made fit for a status: one line, no credential, the same at every try.
enum ServiceText {
    private static let longest = 300

    /// The sentence in the body of an error, wherever JSON interfaces keep it; nil where there is none.
    static func message(in body: [UInt8]) -> String? {
        // What is no JSON says nothing that is worth repeating, such as the HTML page of a proxy.
        guard let json = try? JSONValue(parsing: body, limits: JSONLimits(bytes: 1 << 20, depth: 32)) else {
            return nil
        }
        return message(in: json, depth: 0)
    }

    private static let keys = [
        "message", "Message", "error_description", "detail", "errorMessage", "reason", "error", "errors", "title",
        "msg",
        "description", "non_field_errors", "text", "code",
    ]

    private static func message(in json: JSONValue, depth: Int) -> String? {
        guard depth < 6 else { return nil }
        switch json {
        case .string(let text): return text.isEmpty ? nil : text
        case .array(let elements):
            let texts = elements.prefix(3).compactMap { message(in: $0, depth: depth + 1) }
            return texts.isEmpty ? nil : texts.joined(separator: "; ")
        case .object(let object):
            for key in keys {
                if let value = object[key], let text = message(in: value, depth: depth + 1) { return text }
            }
            return object.lazy.compactMap { $0.value.arrayValue.flatMap { message(in: .array($0), depth: depth + 1) } }
                .first
        default: return nil
        }
    }

    /// `secrets` are struck out however the service spells them, request ids are left out, and the rest is cut short.
    static func clean(_ text: String, hiding secrets: [Redacted<String>]) -> String {
        var text = text
        for secret in secrets.map({ $0.reveal() }).filter({ $0.utf8.count >= 4 }) {
            for form in [secret, secret.escapedForPath, Base64.encode(Array(secret.utf8))] {
                text = text.replacing(form, with: "redacted")
            }
        }
        let words = text.split { $0.isWhitespace || ($0.unicodeScalars.first?.value ?? 0) < 0x20 }
        let line = words.map { isRequestID($0) ? "…" : String($0) }.joined(separator: " ")
        let cut = line.count > longest ? String(line.prefix(longest)) + "…" : line
        return cut.hasSuffix(".") ? String(cut.dropLast()) : cut
    }

    /// Long words of hexadecimal digits and dashes differ at every request.
    private static func isRequestID(_ word: Substring) -> Bool {
        let core = word.utf8.filter { !"[](){}:;,.\"'".utf8.contains($0) }
        guard core.count >= 16 else { return false }
        return core.allSatisfy { octet in
            switch octet {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
                UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
    }
}
