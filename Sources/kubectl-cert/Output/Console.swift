import Diagnosis
import SystemPackage
import Wire
import YAML

/// Where answers go: results to standard output, everything else to standard error.
struct Console: Sendable {
    let format: OutputFormat
    let usesColours: Bool

    init(_ flags: OutputFlags) {
        format = flags.output
        usesColours = Self.colours(
            flags.color, isTerminal: ProcessSettings.isTerminal(1), environment: { ProcessSettings.environment($0) })
    }

    static func colours(_ choice: ColourChoice, isTerminal: Bool, environment: (String) -> String?) -> Bool {
        switch choice {
        case .always: true
        case .never: false
        case .auto: isTerminal && (environment("NO_COLOR") ?? "").isEmpty && environment("TERM") != "dumb"
        }
    }

    func paint(_ text: String, _ mood: StatusNode.Mood) -> String {
        guard usesColours else { return text }
        switch mood {
        case .good: return "\u{1B}[32m\(text)\u{1B}[0m"
        case .bad: return "\u{1B}[31m\(text)\u{1B}[0m"
        case .waiting: return "\u{1B}[33m\(text)\u{1B}[0m"
        case .plain: return text
        }
    }

    func bold(_ text: String) -> String { usesColours ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
    func dim(_ text: String) -> String { usesColours ? "\u{1B}[2m\(text)\u{1B}[0m" : text }

    /// Prints the value where the format is one for programs; says whether it did.
    func printed(_ value: @autoclosure () -> JSONValue) -> Bool {
        switch format {
        case .json: Self.write(String(decoding: value().serialized(pretty: true), as: UTF8.self))
        case .yaml: Self.write(YAMLWriter.text(of: value()))
        case .table, .wide, .name: return false
        }
        return true
    }

    static func yaml(_ value: JSONValue) -> String { YAMLWriter.text(of: value) }

    func say(_ line: String) { Self.write(line + "\n") }

    static func write(_ text: String) { send(text, to: .standardOutput) }
    static func complain(_ text: String) { send("error: \(text)\n", to: .standardError) }
    static func note(_ text: String) { send(text + "\n", to: .standardError) }

    /// Somebody who no longer reads (`| head`) is no reason to fail.
    private static func send(_ text: String, to descriptor: FileDescriptor) {
        _ = try? descriptor.writeAll(Array(text.utf8))
    }
}

/// Rows under headings, in columns as wide as what stands in them.
struct Table {
    struct Cell {
        var text: String
        var mood = StatusNode.Mood.plain

        init(_ text: String, _ mood: StatusNode.Mood = .plain) {
            self.text = text
            self.mood = mood
        }
    }

    var headings: [String]
    var rows: [[Cell]] = []

    func lines(_ console: Console) -> [String] {
        var widths = headings.map(\.count)
        for row in rows {
            for (index, cell) in row.enumerated() where index < widths.count {
                widths[index] = max(widths[index], cell.text.count)
            }
        }
        func line(_ cells: [Cell], isHeading: Bool = false) -> String {
            cells.enumerated().map { index, cell in
                let isLast = index == cells.count - 1
                let space = isLast ? "" : String(repeating: " ", count: max(0, widths[index] - cell.text.count) + 3)
                return (isHeading ? console.bold(cell.text) : console.paint(cell.text, cell.mood)) + space
            }.joined()
        }
        return [line(headings.map { Cell($0) }, isHeading: true)] + rows.map { line($0) }
    }
}
