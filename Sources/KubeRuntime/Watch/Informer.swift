package import KubeClient
package import KubeModel
package import Logging
package import Wire

/// Keeps a cache true: lists everything in pages, then watches, and begins again where that is called for.
package struct Informer<Object: KubeObject>: Sendable {
    /// Makes an object from what the API server sent; nil leaves it out of the cache. For caches that keep less than
    /// the whole, such as facts about Secrets.
    package typealias Transform = @Sendable (JSONValue) throws -> Object?

    private let client: KubeClient
    private let cache: Cache<Object>
    private let options: ListOptions
    private let reader: ObjectReader<Object>
    private let onMalformed: (@Sendable (MalformedObject) -> Void)?
    private let pageLimit: Int
    private let firstLists: ListTurn?
    private let time: any TimeSource
    private let logger: Logger
    private let counts: InformerCounts

    /// - Parameters:
    ///   - name: what the counters and log lines call it; the resource, unless several informers read the same.
    ///   - onMalformed: told of each object that cannot be read, at every list and event that brings it. The cache
    ///     keeps its last good version, or nothing.
    ///   - firstLists: whose turn it is to be read among the first lists of the informers that share it.
    package init(
        client: KubeClient, cache: Cache<Object>, options: ListOptions = ListOptions(), name: String? = nil,
        transform: Transform? = nil, onMalformed: (@Sendable (MalformedObject) -> Void)? = nil, pageLimit: Int = 500,
        firstLists: ListTurn? = nil, time: any TimeSource = SystemTime(), counters: Counters, logger: Logger
    ) {
        let name = name ?? Object.resource.plural
        self.client = client
        self.cache = cache
        self.options = options
        reader = ObjectReader(transform: transform)
        self.onMalformed = onMalformed
        self.pageLimit = pageLimit
        self.firstLists = firstLists
        self.time = time
        var logger = logger
        logger[metadataKey: "resource"] = "\(name)"
        self.logger = logger
        counts = InformerCounts(name, counters)
    }

    /// Works until cancelled, through every failure.
    package func run() async throws {
        var machine = WatchMachine(
            backoff: Backoff(minimum: .milliseconds(500), maximum: .seconds(20)), jitter: .seeded())
        var step = machine.started()
        while !Task.isCancelled {
            do throws(KubeError) {
                switch step {
                case .list(let token): step = try await list(token, &machine)
                case .watch(let version, let seconds): step = try await watch(from: version, seconds, &machine)
                case .wait(let delay): step = try await wait(delay, &machine)
                }
            } catch {
                return  // cancelled; every other error is a step of the machine
            }
        }
    }

    // MARK: Steps

    private func list(_ token: String?, _ machine: inout WatchMachine) async throws(KubeError) -> WatchMachine.Step {
        if token == nil {
            counts.lists.add()
            cache.listStarted()
        }
        do throws(KubeError) {
            let end = try await client.streamPage(
                Object.resource, options, limit: pageLimit, continueToken: token,
                resourceVersion: token == nil ? firstVersion : nil, turn: cache.isSynced ? nil : firstLists
            ) { take($0, tooDeep: $1) }
            cache.serverAnswered()
            if end.continueToken == nil { cache.listEnded(version: end.resourceVersion) }
            counts.objects.set(cache.count)
            return machine.pageArrived(version: end.resourceVersion, continue: end.continueToken)
        } catch {
            guard let failure = WatchMachine.Failure(error) else { throw error }
            cache.serverFailed("\(error)")
            logger.warning("Listing failed and will be tried again", metadata: ["error": "\(error)"])
            return machine.listFailed(failure)
        }
    }

    /// The first list may be as old as what the server has in memory, which costs it a fifth. A later one is as new as can
    /// be (nil), so that the cache never goes back.
    private var firstVersion: String? { cache.isSynced ? nil : "0" }

    private func watch(
        from version: String, _ timeoutSeconds: Int, _ machine: inout WatchMachine
    ) async throws(KubeError) -> WatchMachine.Step {
        counts.watches.add()
        let began = time.elapsed()
        var failure: WatchMachine.Failure?
        do throws(KubeError) {
            try await client.watch(
                Object.resource, options, from: version, timeoutSeconds: timeoutSeconds,
                onOpen: { cache.serverAnswered() },
                onMalformed: { error in
                    counts.malformed.add()
                    logger.error("A line of the watch cannot be read", metadata: ["error": "\(error)"])
                },
                take: { event in try take(event, &machine) })
            logger.debug("The watch ended and is opened again")
        } catch {
            failure = WatchMachine.Failure(error)
            guard let failure else { throw error }
            if failure != .gone { cache.serverFailed("\(error)") }
            log(failure, error)
        }
        return machine.watchEnded(failure, lasted: time.elapsed() - began)
    }

    private func wait(_ delay: Duration, _ machine: inout WatchMachine) async throws(KubeError) -> WatchMachine.Step {
        do {
            try await time.sleep(for: delay)
        } catch {
            throw .cancelled
        }
        return machine.waited()
    }

    // MARK: What arrives

    private func take(_ items: [JSONValue], tooDeep: [JSONValue]) {
        var objects: [Object] = []
        var unreadable: [ObjectKey] = []
        objects.reserveCapacity(items.count)
        for item in items {
            switch reader.read(item) {
            case .object(let object): objects.append(object)
            case .unwanted: break
            case .malformed(let malformed):
                report(malformed)
                if let key = malformed.key { unreadable.append(key) }
            }
        }
        for item in tooDeep {
            let malformed = reader.malformed(item, ValueDecodingError(path: "", reason: KubeClient.tooDeepProblem))
            report(malformed)
            if let key = malformed.key { unreadable.append(key) }
        }
        cache.pageArrived(objects, unreadable: unreadable)
    }

    private func take(_ event: WatchEvent, _ machine: inout WatchMachine) throws(KubeError) {
        switch event {
        case .added(let value), .modified(let value):
            if let identity = reader.identity(value), cache.echoArrived(identity) { return arrived(value, &machine) }
            switch reader.read(value) {
            case .object(let object): cache.eventArrived(object)
            case .unwanted(let identity): cache.deletionArrived(identity)
            case .malformed(let malformed): report(malformed)
            }
            arrived(value, &machine)
        case .deleted(let value):
            if let identity = reader.identity(value) { cache.deletionArrived(identity) }
            arrived(value, &machine)
        case .bookmark(let version):
            cache.bookmarkArrived(version: version)
            machine.eventArrived(version: version)
        case .error(let status):
            throw .status(status, retryAfter: status.details?.retryAfterSeconds.map { .seconds($0) })
        }
    }

    private func arrived(_ value: JSONValue, _ machine: inout WatchMachine) {
        counts.events.add()
        counts.objects.set(cache.count)
        guard let version = value["metadata"]?["resourceVersion"]?.stringValue else { return }
        machine.eventArrived(version: version)
    }

    private func report(_ malformed: MalformedObject) {
        counts.malformed.add()
        logger.error(
            "An object cannot be read; its last good version stays",
            metadata: [
                "namespace": "\(malformed.key?.namespace ?? "")", "name": "\(malformed.key?.name ?? "")",
                "error": "\(malformed.problem)",
            ])
        onMalformed?(malformed)
    }

    private func log(_ failure: WatchMachine.Failure, _ reason: some CustomStringConvertible) {
        let metadata: Logger.Metadata = ["error": "\(reason)"]
        switch failure {
        case .gone: logger.debug("The watch fell behind; everything is listed again", metadata: metadata)
        case .throttled, .refused, .unreachable: logger.warning("The watch failed", metadata: metadata)
        }
    }
}

extension WatchMachine.Failure {
    /// nil for a cancellation.
    init?(_ error: KubeError) {
        switch error {
        case .cancelled: return nil
        case .status(let status, let retryAfter):
            if error.isGone {
                self = .gone
            } else if status.code == 429 || retryAfter != nil {
                self = .throttled(retryAfter: retryAfter)
            } else {
                self = .refused
            }
        case .transport, .credentials: self = .unreachable
        case .decoding, .encoding, .fenced: self = .refused
        }
    }
}

/// The numbers of one informer.
private struct InformerCounts: Sendable {
    let objects: Counters.Counter
    let lists: Counters.Counter
    let watches: Counters.Counter
    let events: Counters.Counter
    let malformed: Counters.Counter

    init(_ name: String, _ counters: Counters) {
        objects = counters.counter(.cacheObjects, of: name)
        lists = counters.counter(.cacheListCount, of: name)
        watches = counters.counter(.cacheWatchCount, of: name)
        events = counters.counter(.cacheEventCount, of: name)
        malformed = counters.counter(.cacheMalformedCount, of: name)
    }
}
