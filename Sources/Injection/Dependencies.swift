package import KubeModel
import Synchronization

/// Which targets were made from which sources, so that a change of a source finds its targets. It grows with the
/// targets, never with the Secrets of the cluster.
package final class Dependencies: Sendable {
    private struct Table {
        var sources: [ObjectKey: Set<InjectionSource>] = [:]
        var targets: [InjectionSource: Set<ObjectKey>] = [:]
    }

    private let table = Mutex(Table())

    package init() {}

    package func add(_ source: InjectionSource, to target: ObjectKey) {
        table.withLock { table in
            table.sources[target, default: []].insert(source)
            table.targets[source, default: []].insert(target)
        }
    }

    /// Leaves `target` with no source but these.
    package func keep(_ sources: Set<InjectionSource>, of target: ObjectKey) {
        table.withLock { table in
            let dropped = (table.sources[target] ?? []).subtracting(sources)
            for source in dropped {
                table.targets[source]?.remove(target)
                if table.targets[source]?.isEmpty == true { table.targets[source] = nil }
            }
            let kept = (table.sources[target] ?? []).subtracting(dropped)
            table.sources[target] = kept.isEmpty ? nil : kept
        }
    }

    package func targets(of source: InjectionSource) -> Set<ObjectKey> {
        table.withLock { $0.targets[source] ?? [] }
    }
}
