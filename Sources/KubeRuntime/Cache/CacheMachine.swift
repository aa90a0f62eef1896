import KubeModel

/// Everything a cache knows, and how lists, watch events and our own writes change it.
///
/// A watch tells the truth late. So what this process wrote is remembered (`pending`) until the watch has caught up
/// with it, and events from before it are dropped: they would roll the cache back, or bring a deleted object back.
/// Versions are compared as numbers, which Kubernetes promises within one resource type since 1.35 (KEP-5504) and has
/// always kept; where one is not a number, the event counts.
struct CacheMachine<Object: KubeObject> {
    /// One object's change as the handlers see it.
    struct Change: Sendable {
        var old: Object?
        var new: Object?
    }

    /// Names one object as a watch event does.
    struct Identity: Sendable, Equatable {
        var key: ObjectKey
        var uid: String?
        var version: UInt64?
    }

    /// A write of ours that no list or event has confirmed yet.
    private struct Pending {
        enum Kind {
            case written
            case deleted(uid: String?)
        }
        var kind: Kind
        var version: UInt64?
        /// The list that was the latest when it was made. A later one has seen the write.
        var list: UInt32
        var order: UInt64
    }

    /// More unconfirmed writes than this, and the older half is forgotten: the watch is then seconds behind anyway.
    static var pendingLimit: Int { 16_384 }

    private(set) var store: ObjectStore<Object>
    private var pending: [ObjectKey: Pending] = [:]
    private var latestList: UInt32 = 0
    /// How far the list and the watch have come; a write up to here has been seen already.
    private(set) var seenVersion: UInt64 = 0
    private var writes: UInt64 = 0
    private(set) var isSynced = false
    private let accepts: (@Sendable (Object) -> Bool)?

    init(indexes: [String: @Sendable (Object) -> [String]], accepts: (@Sendable (Object) -> Bool)?) {
        store = ObjectStore(indexes: indexes)
        self.accepts = accepts
    }

    var pendingCount: Int { pending.count }

    // MARK: Lists

    mutating func listStarted() {
        latestList &+= 1
    }

    /// A page of the list: its objects, and the names of those that are there but could not be read, whose last good
    /// version stays.
    mutating func pageArrived(_ objects: [Object], unreadable: [ObjectKey] = []) -> [Change] {
        for key in unreadable { store.mark(key, list: latestList) }
        return objects.compactMap { object in
            let identity = Identity(object)
            guard isCurrent(identity, fromList: true) else {
                store.mark(identity.key, list: latestList)
                return nil
            }
            return put(object)
        }
    }

    /// The last page of the list, which shows the cluster at `version`, has arrived: what it did not name is gone.
    mutating func listEnded(version: String) -> [Change] {
        let version = UInt64(version)
        seenVersion = version ?? 0
        let kept = pending.filter { _, write in
            guard write.list == latestList, let listed = version, let own = write.version else { return false }
            return own > listed
        }
        let missing = store.unmarked(list: latestList).filter { kept[$0] == nil }
        pending = pending.filter { kept[$0.key] != nil || isTombstoneSinceList($0.value) }
        isSynced = true
        return missing.compactMap { remove($0) }
    }

    // MARK: Events

    mutating func eventArrived(_ object: Object) -> Change? {
        let identity = Identity(object)
        bookmarkArrived(version: identity.version)
        guard isCurrent(identity, fromList: false) else { return nil }
        return put(object)
    }

    /// Whether an event about an object tells nothing new, because that very version is known: nearly always the echo of
    /// our own write. It then counts as arrived, and need not be decoded. For an event that is none, call `eventArrived`.
    mutating func echoArrived(_ identity: Identity) -> Bool {
        guard let version = identity.version else { return false }
        guard isCurrent(identity, fromList: false) else {
            bookmarkArrived(version: version)
            return true
        }
        guard let known = store[identity.key].map(Identity.init), known.uid == identity.uid, known.version == version
        else { return false }
        bookmarkArrived(version: version)
        store.mark(identity.key, list: latestList)
        return true
    }

    /// The object was deleted, or no longer belongs here.
    mutating func deletionArrived(_ identity: Identity) -> Change? {
        bookmarkArrived(version: identity.version)
        guard isCurrent(identity, fromList: false, isDeletion: true) else { return nil }
        return remove(identity.key)
    }

    /// The watch has shown everything up to `version`.
    mutating func bookmarkArrived(version: UInt64?) {
        if let version { seenVersion = max(seenVersion, version) }
    }

    // MARK: Our own writes

    /// The server answered a write of ours with `object`.
    mutating func recorded(_ object: Object) -> Change? {
        let identity = Identity(object)
        if let own = identity.version {
            // The watch has shown this write, or what became of it since.
            if own <= seenVersion { return nil }
            if let known = store[identity.key].map(Identity.init)?.version, known >= own { return nil }
        }
        if case .deleted(let uid?)? = pending[identity.key]?.kind, uid == identity.uid { return nil }
        remember(identity, .written)
        return put(object, isListed: false)
    }

    /// The server said that `object` is deleted.
    mutating func deletionRecorded(_ object: Object) -> Change? {
        let identity = Identity(object)
        let known = store[identity.key].map(Identity.init)
        // Another object of the name has come since.
        if let known, known.uid != identity.uid, let seen = known.version, let gone = identity.version, seen > gone {
            return nil
        }
        // Not there although the watch has come past its last version: the watch has shown the deletion, too.
        if known == nil, let last = identity.version, last <= seenVersion { return nil }
        remember(identity, .deleted(uid: identity.uid))
        return remove(identity.key)
    }

    // MARK: Inside

    /// Whether what a list or event says of an object may be believed; forgets our write when it is confirmed.
    private mutating func isCurrent(_ identity: Identity, fromList: Bool, isDeletion: Bool = false) -> Bool {
        guard let write = pending[identity.key] else { return true }
        if fromList && write.list != latestList {
            pending[identity.key] = nil
            return true
        }
        let isOlder = identity.version.flatMap { seen in write.version.map { seen < $0 } } ?? false
        switch write.kind {
        case .written:
            if isOlder { return false }
        case .deleted(let uid):
            let isSame = uid == nil || identity.uid == nil || uid == identity.uid
            if isSame && !isDeletion || !isSame && isOlder { return false }
        }
        pending[identity.key] = nil
        return true
    }

    private func isTombstoneSinceList(_ write: Pending) -> Bool {
        guard case .deleted = write.kind else { return false }
        return write.list == latestList
    }

    /// What only our own write named (`isListed` false) must be named by the list that is being read, or it is gone.
    private mutating func put(_ object: Object, isListed: Bool = true) -> Change? {
        if let accepts, !accepts(object) { return remove(ObjectKey(object)) }
        let old = store.put(object, list: isListed ? latestList : nil)
        if let old, let version = old.metadata.resourceVersion, version == object.metadata.resourceVersion {
            return nil
        }
        return Change(old: old, new: object)
    }

    private mutating func remove(_ key: ObjectKey) -> Change? {
        store.remove(key).map { Change(old: $0, new: nil) }
    }

    private mutating func remember(_ identity: Identity, _ kind: Pending.Kind) {
        writes += 1
        pending[identity.key] = Pending(kind: kind, version: identity.version, list: latestList, order: writes)
        guard pending.count > Self.pendingLimit else { return }
        let median = pending.values.map(\.order).sorted()[pending.count / 2]
        pending = pending.filter { $0.value.order >= median }
    }
}

extension CacheMachine.Identity {
    init(_ object: Object) {
        key = ObjectKey(object)
        uid = object.metadata.uid
        version = object.metadata.resourceVersion.flatMap { UInt64($0) }
    }
}
