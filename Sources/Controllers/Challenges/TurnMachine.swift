import KubeModel

/// Whose turn it is among the Challenges: only so many work at once, in the order in which they came.
struct TurnMachine {
    private let limit: Int
    private var holders: Set<ObjectKey> = []
    private var line: [ObjectKey] = []
    private var isInLine: Set<ObjectKey> = []

    init(limit: Int) { self.limit = max(limit, 1) }

    /// Whether this one may work now; otherwise it gets into the line.
    mutating func asked(_ key: ObjectKey) -> Bool {
        if holders.contains(key) { return true }
        if holders.count < limit, line.isEmpty || line.first == key {
            if !line.isEmpty {
                line.removeFirst()
                isInLine.remove(key)
            }
            holders.insert(key)
            return true
        }
        if isInLine.insert(key).inserted { line.append(key) }
        return false
    }

    /// It works no longer, or is gone. Answers who is to ask now.
    mutating func released(_ key: ObjectKey) -> [ObjectKey] {
        if isInLine.remove(key) != nil { line.removeAll { $0 == key } }
        holders.remove(key)
        return Array(line.prefix(max(0, limit - holders.count)))
    }
}
