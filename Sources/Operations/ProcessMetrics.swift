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
        if let pages = residentPages() {
            families.append(
                MetricFamily(
                    "process_resident_memory_bytes", .gauge, help: "Resident memory size in bytes.",
                    samples: [.init(Double(pages) * Double(sysconf(Int32(_SC_PAGESIZE))))]))
        }
        return families
    }

    private static func cpuSeconds() -> Double? {
        var usage = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return nil }
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1_000_000 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    /// The second number of `/proc/self/statm` (proc(5)).
    private static func residentPages() -> Int? {
        guard let file = fopen("/proc/self/statm", "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, Int32(line.count), file) != nil else { return nil }
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let fields = text.split(separator: " ")
        return fields.count > 1 ? Int(fields[1]) : nil
    }
}
