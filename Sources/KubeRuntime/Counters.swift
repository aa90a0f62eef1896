import Synchronization

/// The numbers that the machinery keeps about itself, by name and by whom they are about; read for `/metrics`.
package final class Counters: Sendable {
    /// One number that any thread may change.
    package final class Counter: Sendable {
        private let number = Atomic<Int>(0)

        package var value: Int { number.load(ordering: .relaxed) }

        package func add(_ amount: Int = 1) {
            number.add(amount, ordering: .relaxed)
        }

        package func set(_ value: Int) {
            number.store(value, ordering: .relaxed)
        }
    }

    package enum Name: String, Sendable, CaseIterable {
        /// Reconciles run, failed ones included.
        case controllerSyncCallCount = "controller_sync_call_count"
        case controllerSyncErrorCount = "controller_sync_error_count"
        /// How long all reconciles took together, in microseconds.
        case controllerSyncDuration = "controller_sync_duration_seconds_total"
        /// Keys that could run now, were there a free worker.
        case controllerQueueDepth = "controller_queue_depth"
        /// Reconciles running now.
        case controllerRunning = "controller_running"
        /// Objects in a cache.
        case cacheObjects = "cache_objects"
        /// Lists begun, watches opened, watch events read.
        case cacheListCount = "cache_list_count"
        case cacheWatchCount = "cache_watch_count"
        case cacheEventCount = "cache_event_count"
        /// Objects or events that could not be read.
        case cacheMalformedCount = "cache_malformed_count"
        /// Kubernetes Events written, and given up.
        case eventSentCount = "event_sent_count"
        case eventDroppedCount = "event_dropped_count"
    }

    package struct Reading: Sendable, Equatable {
        package var name: Name
        package var subject: String
        package var value: Int
    }

    private struct Label: Hashable {
        var name: Name
        var subject: String
    }

    private let counters = Mutex<[Label: Counter]>([:])

    package init() {}

    /// The counter of that name for `subject` (a controller, a resource), made at the first call.
    package func counter(_ name: Name, of subject: String) -> Counter {
        counters.withLock { counters in
            let label = Label(name: name, subject: subject)
            if let counter = counters[label] { return counter }
            let counter = Counter()
            counters[label] = counter
            return counter
        }
    }

    /// Every counter now, ordered by name, then subject.
    package func readings() -> [Reading] {
        counters.withLock { $0 }
            .map { Reading(name: $0.key.name, subject: $0.key.subject, value: $0.value.value) }
            .sorted { ($0.name.rawValue, $0.subject) < ($1.name.rawValue, $1.subject) }
    }
}
