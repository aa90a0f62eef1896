import Diagnosis
import KubeModel
import Wire

/// A finding for people and for programs.
enum FindingText {
    static func lines(_ finding: Finding, of key: ObjectKey, _ console: Console) -> [String] {
        switch finding {
        case .well(let sentence, let warning):
            let head = "\(console.paint("Nothing is wrong", .good)) with Certificate \(key). \(sentence)"
            guard let warning else { return [head] }
            return [head, "", console.paint("But the next renewal will fail:", .bad)] + lines(warning, console)
        case .underWay(let sentence): return ["\(console.paint("Under way", .waiting)): \(sentence)"]
        case .cause(let cause):
            return ["\(console.paint("Certificate \(key) is held up.", .bad))", ""] + lines(cause, console)
        }
    }

    private static func lines(_ cause: Cause, _ console: Console) -> [String] {
        [
            "\(console.bold("Cause"))     \(cause.sentence)", "\(console.bold("Where"))     \(cause.object)",
        ]
            + cause.evidence.enumerated().map { index, text in
                "\(index == 0 ? console.bold("Evidence") + "  " : "          ")\(text)"
            } + [
                "\(console.bold("Mend"))      \(cause.remedy)",
                console.dim("          docs/troubleshoot.md#\(cause.kind.rawValue.lowercased())"),
            ]
    }

    static func json(_ finding: Finding, of key: ObjectKey) -> JSONValue {
        var value: JSONValue = ["namespace": .string(key.namespace), "certificate": .string(key.name)]
        switch finding {
        case .well(let sentence, let warning):
            value["finding"] = "well"
            value["message"] = .string(sentence)
            if let warning { value["warning"] = json(warning) }
        case .underWay(let sentence):
            value["finding"] = "underWay"
            value["message"] = .string(sentence)
        case .cause(let cause):
            value["finding"] = "cause"
            value["cause"] = json(cause)
        }
        return value
    }

    private static func json(_ cause: Cause) -> JSONValue {
        [
            "kind": .string(cause.kind.rawValue), "object": .string(cause.object), "message": .string(cause.sentence),
            "evidence": .array(cause.evidence.map { .string($0) }), "remedy": .string(cause.remedy),
        ]
    }
}
