#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// The `process_*` metrics that Prometheus clients agree on, read from `/proc/self` at each scrape.
package enum ProcessMetrics {
    package static func families() -> [MetricFamily] {
        var families: [MetricFamily] = []
        if let usage = cpuSeconds() {
            families.append(
                MetricFamily(
                    "process_cpu_seconds_total", .counter, help: "Total user and system CPU time spent in seconds.",
                    samples: [.init(usage)]))
        }
        let page = Double(sysconf(Int32(_SC_PAGESIZE)))
        if let pages = pages() {
            add(&families, "process_virtual_memory_bytes", "Virtual memory size in bytes.", Double(pages.total) * page)
            add(
                &families, "process_resident_memory_bytes", "Resident memory size in bytes.",
                Double(pages.resident) * page)
        }
        if let count = openFiles() {
            add(&families, "process_open_fds", "Number of open file descriptors.", Double(count))
        }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            add(&families, "process_max_fds", "Maximum number of open file descriptors.", Double(limit.rlim_cur))
        }
        add(
            &families, "process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
            startTime)
        return families
    }

    static func cpuSeconds() -> Double? {
        var usage = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return nil }
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1_000_000 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    /// When the metrics were first asked for would be too late: a program calls this first thing.
    package static func begin() { _ = startTime }

    private static let startTime: Double = {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }()

    private static func add(_ families: inout [MetricFamily], _ name: String, _ help: String, _ value: Double) {
        families.append(MetricFamily(name, .gauge, help: help, samples: [.init(value)]))
    }

    /// The first two numbers of `/proc/self/statm` (proc(5)).
    private static func pages() -> (total: Int, resident: Int)? {
        guard let file = fopen("/proc/self/statm", "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, Int32(line.count), file) != nil else { return nil }
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let fields = text.split(separator: " ").prefix(2).compactMap { Int($0) }
        return fields.count == 2 ? (fields[0], fields[1]) : nil
    }

    /// The entries of `/proc/self/fd`, but for "." and ".." and the one that reads them.
    private static func openFiles() -> Int? {
        guard let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        return max(count - 3, 0)
    }
}
