import Synchronization

/// What `/livez` and `/readyz` answer: named checks, each a sentence when something is wrong.
package final class Health: Sendable {
    /// `nil` when all is well, otherwise a sentence that says what is not.
    package typealias Check = @Sendable () -> String?

    private let checks = Mutex<[(name: String, check: Check)]>([])

    package init() {}

    package func add(_ name: String, _ check: @escaping Check) {
        checks.withLock { $0.append((name, check)) }
    }

    package struct Report: Sendable, Equatable {
        package var isHealthy: Bool
        /// In the form of the API server's own `/readyz?verbose`.
        package var text: String

        package init(isHealthy: Bool, text: String) {
            self.isHealthy = isHealthy
            self.text = text
        }
    }

    package func report() -> Report {
        let current = checks.withLock { $0 }
        var healthy = true
        var text = ""
        for (name, check) in current {
            if let problem = check() {
                healthy = false
                text += "[-]\(name) failed: \(problem)\n"
            } else {
                text += "[+]\(name) ok\n"
            }
        }
        return Report(isHealthy: healthy, text: text + (healthy ? "ok\n" : "check failed\n"))
    }
}
