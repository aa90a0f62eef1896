/// One reader of untrusted bytes, and what must hold of it whatever it is given.
struct FuzzTarget: Sendable {
    /// A property that did not hold: the reader neither refused the input nor made sense of it.
    struct Violation: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    let name: String
    /// Well-formed inputs; the mutations start from them and from the kept corpus.
    let seeds: @Sendable () -> [[UInt8]]
    /// Words of the format, which chance would not find.
    let dictionary: [[UInt8]]
    /// Gives the input to the reader. A refusal is an answer like any other and is not thrown on.
    let run: @Sendable ([UInt8]) throws(Violation) -> Void

    init(
        _ name: String, dictionary: [String] = [], seeds: @escaping @Sendable () -> [[UInt8]],
        run: @escaping @Sendable ([UInt8]) throws(Violation) -> Void
    ) {
        self.name = name
        self.seeds = seeds
        self.dictionary = dictionary.map { Array($0.utf8) }
        self.run = run
    }

    static let all: [FuzzTarget] =
        formats + calendars + certificates + keystores + protocols + objects + admissions

    static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }
}

func expect(_ holds: Bool, _ what: @autoclosure () -> String) throws(FuzzTarget.Violation) {
    if !holds { throw FuzzTarget.Violation(what()) }
}
