/// One rule that an object breaks, told as the API server tells it (`k8s.io/apimachinery/pkg/util/validation/field`).
package struct FieldProblem: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// Nothing is there and something must be.
        case required(String)
        /// `value` is shown as it would stand in JSON.
        case invalid(value: String, String)
        /// The value is none of those listed.
        case notSupported(value: String, supported: [String])
        /// The value may not be set, at all or along with another.
        case forbidden(String)
        case tooLong(maximumBytes: Int)
        case duplicate(value: String)
    }

    package let path: FieldPath
    package let kind: Kind

    package init(_ path: FieldPath, _ kind: Kind) {
        self.path = path
        self.kind = kind
    }

    package static func required(_ path: FieldPath, _ detail: String = "") -> FieldProblem {
        FieldProblem(path, .required(detail))
    }
    package static func invalid(_ path: FieldPath, _ value: String, _ detail: String) -> FieldProblem {
        FieldProblem(path, .invalid(value: quoted(value), detail))
    }
    package static func invalid(_ path: FieldPath, _ value: Int, _ detail: String) -> FieldProblem {
        FieldProblem(path, .invalid(value: String(value), detail))
    }
    package static func notSupported(_ path: FieldPath, _ value: String, _ supported: [String]) -> FieldProblem {
        FieldProblem(path, .notSupported(value: quoted(value), supported: supported))
    }
    package static func forbidden(_ path: FieldPath, _ detail: String) -> FieldProblem {
        FieldProblem(path, .forbidden(detail))
    }
    package static func tooLong(_ path: FieldPath, maximumBytes: Int) -> FieldProblem {
        FieldProblem(path, .tooLong(maximumBytes: maximumBytes))
    }
    package static func duplicate(_ path: FieldPath, _ value: String) -> FieldProblem {
        FieldProblem(path, .duplicate(value: quoted(value)))
    }

    package var description: String {
        switch kind {
        case .required(let detail): "\(path): Required value" + (detail.isEmpty ? "" : ": \(detail)")
        case .invalid(let value, let detail): "\(path): Invalid value: \(value): \(detail)"
        case .notSupported(let value, let supported):
            "\(path): Unsupported value: \(value): supported values: "
                + supported.map(Self.quoted).joined(separator: ", ")
        case .forbidden(let detail): "\(path): Forbidden: \(detail)"
        case .tooLong(let maximum): "\(path): Too long: may not be more than \(maximum) bytes"
        case .duplicate(let value): "\(path): Duplicate value: \(value)"
        }
    }

    /// In double quotes, with what would break a line or the quotes escaped.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f:
                result += "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

/// Every rule an object breaks: never empty.
package struct FieldProblems: Error, Sendable, Hashable, CustomStringConvertible {
    package let problems: [FieldProblem]

    /// Nil when there is none.
    package init?(_ problems: [FieldProblem]) {
        guard !problems.isEmpty else { return nil }
        self.problems = problems
    }

    package init(_ problem: FieldProblem) {
        problems = [problem]
    }

    package var description: String { problems.map(\.description).joined(separator: "; ") }
}
