package import Logging
package import Wire

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// How a log line is written.
package enum LogFormat: String, Sendable, CaseIterable {
    /// One line for people: time, level, sentence, then `key=value` pairs sorted by key.
    case text
    /// One JSON object a line, for log collectors: `ts`, `level`, `msg`, then the metadata.
    case json
}

/// Writes log events as whole lines through `write`, in one of two formats.
///
/// Metadata values are written as they are: callers keep secrets out of them (`Redacted` prints as `redacted`).
package struct StructuredLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let format: LogFormat
    private let time: any TimeSource
    private let write: @Sendable ([UInt8]) -> Void

    package init(
        label: String, format: LogFormat, level: Logger.Level, time: any TimeSource = SystemTime(),
        write: @escaping @Sendable ([UInt8]) -> Void = StandardError.write
    ) {
        self.label = label
        self.format = format
        self.logLevel = level
        self.time = time
        self.write = write
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { _, new in new } }
        if let own = event.metadata { all.merge(own) { _, new in new } }
        let fields = all.map { ($0.key, $0.value.plainText) }.sorted { $0.0 < $1.0 }
        switch format {
        case .text: write(textLine(event, fields))
        case .json: write(jsonLine(event, fields))
        }
    }

    private func textLine(_ event: LogEvent, _ fields: [(String, String)]) -> [UInt8] {
        var line = "\(time.now().rfc3339) \(event.level.fixedWidth) \(event.message.description.onOneLine)"
        for (key, value) in fields { line += " \(key)=\(value.quotedIfNeeded)" }
        return Array((line + "\n").utf8)
    }

    private func jsonLine(_ event: LogEvent, _ fields: [(String, String)]) -> [UInt8] {
        var object = JSONObject()
        object["ts"] = .string(time.now().rfc3339)
        object["level"] = .string(event.level.rawValue)
        object["logger"] = .string(label)
        object["msg"] = .string(event.message.description)
        for (key, value) in fields { object[key] = .string(value) }
        return JSONValue.object(object).serialized() + [UInt8(ascii: "\n")]
    }
}

/// The process's standard error, one `write(2)` a line so that lines of several threads never mix.
package enum StandardError {
    @Sendable package static func write(_ line: [UInt8]) {
        var rest = line[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            guard written > 0 else { return }  // a closed standard error must not stop the controller
            rest = rest.dropFirst(written)
        }
    }
}

extension Logger.Level {
    /// The level that `--v` asks for: 0 to 2 what changed, 3 and 4 also why, 5 and up everything.
    package init(verbosity: Int) {
        switch verbosity {
        case ...2: self = .info
        case 3...4: self = .debug
        default: self = .trace
        }
    }

    fileprivate var fixedWidth: String {
        let name = rawValue
        return name.count < 8 ? name + String(repeating: " ", count: 8 - name.count) : name
    }
}

extension Logger.MetadataValue {
    fileprivate var plainText: String {
        switch self {
        case .string(let text): text
        case .stringConvertible(let value): value.description
        case .array(let values): values.map(\.plainText).joined(separator: ",")
        case .dictionary(let values):
            values.map { "\($0.key)=\($0.value.plainText)" }.sorted().joined(separator: ",")
        }
    }
}

extension String {
    /// Control characters escaped, so that a hostile name cannot forge a log line.
    fileprivate var onOneLine: String {
        guard unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) else { return self }
        return unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar {
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            case "\r": text += "\\r"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f: text += "\\u{\(String(scalar.value, radix: 16))}"
            default: text.unicodeScalars.append(scalar)
            }
        }
    }

    fileprivate var quotedIfNeeded: String {
        let plain =
            !isEmpty && unicodeScalars.allSatisfy { $0.value > 0x20 && $0 != "\"" && $0 != "=" && $0.value != 0x7f }
        if plain { return self }
        let escaped = reduce(into: "") { text, character in
            if character == "\"" || character == "\\" { text += "\\" }
            text.append(character)
        }
        return "\"\(escaped.onOneLine)\""
    }
}
