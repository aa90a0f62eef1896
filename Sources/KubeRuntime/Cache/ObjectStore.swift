import KubeModel

/// Objects by namespace and name, and by any number of indexes, in little memory: per object one box and one small
/// entry, and one more small entry per index value.
///
/// A box is never shared with the outside and changes in place, so that an index that points to it need not change
/// when the object does. The owner sees to it that one thread at a time is here.
struct ObjectStore<Object: KubeObject> {
    private final class Box {
        var object: Object
        /// The last list that named it; 0 for none.
        var list: UInt32
        /// Whether it was here at the last `markPresent`.
        var isMarked = false

        init(_ object: Object, list: UInt32) {
            self.object = object
            self.list = list
        }
    }

    /// Nearly every index value has one object, which then costs no collection of its own.
    private enum Posting {
        case one(Box)
        case many([ObjectIdentifier: Box])
    }

    private struct Index {
        let name: String
        let values: @Sendable (Object) -> [String]
        var postings: [String: Posting] = [:]
    }

    private var boxes: [String: [String: Box]] = [:]
    private var indexes: [Index]
    private(set) var count = 0

    init(indexes: [String: @Sendable (Object) -> [String]]) {
        self.indexes = indexes.map { Index(name: $0.key, values: $0.value) }
    }

    // MARK: Reading

    subscript(key: ObjectKey) -> Object? {
        boxes[key.namespace]?[key.name]?.object
    }

    func all() -> [Object] {
        var objects: [Object] = []
        objects.reserveCapacity(count)
        for space in boxes.values {
            for box in space.values { objects.append(box.object) }
        }
        return objects
    }

    func inNamespace(_ namespace: String) -> [Object] {
        boxes[namespace]?.values.map(\.object) ?? []
    }

    func matching(index name: String, value: String) -> [Object] {
        switch posting(name, value) {
        case nil: []
        case .one(let box): [box.object]
        case .many(let boxes): boxes.values.map(\.object)
        }
    }

    func count(index name: String, value: String) -> Int {
        switch posting(name, value) {
        case nil: 0
        case .one: 1
        case .many(let boxes): boxes.count
        }
    }

    private func posting(_ name: String, _ value: String) -> Posting? {
        guard let index = indexes.first(where: { $0.name == name }) else {
            preconditionFailure("no index \(name)")
        }
        return index.postings[value]
    }

    func isMarked(_ key: ObjectKey) -> Bool {
        boxes[key.namespace]?[key.name]?.isMarked ?? false
    }

    /// The objects that `list` did not name.
    func unmarked(list: UInt32) -> [ObjectKey] {
        var keys: [ObjectKey] = []
        for (namespace, space) in boxes {
            for (name, box) in space where box.list != list { keys.append(ObjectKey(namespace: namespace, name: name)) }
        }
        return keys
    }

    // MARK: Changing

    /// Stores the object, unless it is the version that is there; answers what was there. Without a `list` it is
    /// named by the lists that named it before.
    mutating func put(_ object: Object, list: UInt32?) -> Object? {
        let key = ObjectKey(object)
        guard let box = boxes[key.namespace]?[key.name] else {
            let box = Box(object, list: list ?? 0)
            boxes[key.namespace, default: [:]][key.name] = box
            count += 1
            for position in indexes.indices {
                for value in indexes[position].values(object) { add(box, to: value, at: position) }
            }
            return nil
        }
        let old = box.object
        if let list { box.list = list }
        if let version = old.metadata.resourceVersion, version == object.metadata.resourceVersion { return old }
        box.object = object
        reindex(box, from: old)
        return old
    }

    mutating func remove(_ key: ObjectKey) -> Object? {
        guard let box = boxes[key.namespace]?.removeValue(forKey: key.name) else { return nil }
        if boxes[key.namespace]?.isEmpty == true { boxes[key.namespace] = nil }
        count -= 1
        for position in indexes.indices {
            for value in indexes[position].values(box.object) { drop(box, from: value, at: position) }
        }
        return box.object
    }

    /// Notes that `list` named the object, whatever it said of it.
    mutating func mark(_ key: ObjectKey, list: UInt32) {
        boxes[key.namespace]?[key.name]?.list = list
    }

    func markPresent() {
        for space in boxes.values {
            for box in space.values { box.isMarked = true }
        }
    }

    // MARK: Inside

    private mutating func reindex(_ box: Box, from old: Object) {
        for position in indexes.indices {
            let before = indexes[position].values(old)
            let after = indexes[position].values(box.object)
            if before == after { continue }
            for value in before where !after.contains(value) { drop(box, from: value, at: position) }
            for value in after where !before.contains(value) { add(box, to: value, at: position) }
        }
    }

    private mutating func add(_ box: Box, to value: String, at position: Int) {
        switch indexes[position].postings[value] {
        case nil:
            indexes[position].postings[value] = .one(box)
        case .one(let other):
            guard other !== box else { return }
            indexes[position].postings[value] = .many([ObjectIdentifier(other): other, ObjectIdentifier(box): box])
        case .many(var boxes):
            indexes[position].postings[value] = nil  // else the dictionary below is copied
            boxes[ObjectIdentifier(box)] = box
            indexes[position].postings[value] = .many(boxes)
        }
    }

    private mutating func drop(_ box: Box, from value: String, at position: Int) {
        switch indexes[position].postings[value] {
        case .one(let other) where other === box:
            indexes[position].postings[value] = nil
        case .many(var boxes):
            indexes[position].postings[value] = nil
            boxes[ObjectIdentifier(box)] = nil
            guard let first = boxes.first else { return }
            indexes[position].postings[value] = boxes.count == 1 ? .one(first.value) : .many(boxes)
        case nil, .one:
            return
        }
    }
}
