import Diagnosis
import Wire

/// A tree of objects as indented text.
enum TreeText {
    /// `isWide` shows everything; else what is good is told in one line.
    static func lines(_ node: StatusNode, _ console: Console, now: Timestamp, isWide: Bool) -> [String] {
        lines(node, console, now, isWide, first: "", rest: "")
    }

    private static func lines(
        _ node: StatusNode, _ console: Console, _ now: Timestamp, _ isWide: Bool, first: String, rest: String
    ) -> [String] {
        let age = node.createdAt.map { console.dim("  \(HumanDuration.age($0, now)) old") } ?? ""
        var result = ["\(first)\(node.kind) \(console.bold(node.name))  \(console.paint(node.state, node.mood))\(age)"]
        let indent = rest + (node.children.isEmpty ? "   " : "│  ")
        let width = (node.lines + node.events).map(\.label.count).max() ?? 0
        func detail(_ line: StatusNode.Line) -> String {
            let pad = String(repeating: " ", count: max(0, width - line.label.count) + 2)
            return "\(indent)\(line.label)\(pad)\(console.paint(line.text, line.mood))"
        }
        let isTop = rest.isEmpty
        let shown = node.lines.filter { isWide || isTop || node.mood != .good || $0.mood == .bad }
        result += shown.map(detail)
        let events = node.events.filter { isWide || $0.mood == .bad }
        if !events.isEmpty { result += ["\(indent)Events"] + events.map(detail) }
        for (index, child) in node.children.enumerated() {
            let isLast = index == node.children.count - 1
            result += lines(
                child, console, now, isWide, first: rest + (isLast ? "└─ " : "├─ "),
                rest: rest + (isLast ? "   " : "│  "))
        }
        return result
    }
}
