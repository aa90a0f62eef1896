import Operations
import Testing

@Suite("Prometheus text")
struct MetricFamilyTests {
    @Test("families are sorted, labels keep their order and are escaped, whole numbers have no fraction")
    func rendering() {
        let families = [
            MetricFamily("b_seconds", .gauge, help: "Two\nlines \\ here.", samples: [.init(1.5), .init(2)]),
            MetricFamily(
                "a_total", .counter, help: "One.",
                samples: [.init(3, labels: [(name: "z", value: "quo\"te"), (name: "a", value: "x\\y\nz")])]),
            MetricFamily("c_empty", .gauge, help: "Nothing yet."),
        ]
        #expect(
            MetricFamily.text(of: families) == """
                # HELP a_total One.
                # TYPE a_total counter
                a_total{z="quo\\"te",a="x\\\\y\\nz"} 3
                # HELP b_seconds Two\\nlines \\\\ here.
                # TYPE b_seconds gauge
                b_seconds 1.5
                b_seconds 2

                """)
    }

    @Test("the buckets of a histogram hold all that lies below their bounds")
    func histogram() {
        let histogram = Histogram("took_seconds", help: "Took.", bounds: [0.5, 1])
        for value in [0.25, 0.5, 0.75, 2] { histogram.observe(value) }
        #expect(
            MetricFamily.text(of: [histogram.family]) == """
                # HELP took_seconds Took.
                # TYPE took_seconds histogram
                took_seconds_bucket{le="0.5"} 2
                took_seconds_bucket{le="1"} 3
                took_seconds_bucket{le="+Inf"} 4
                took_seconds_sum 3.5
                took_seconds_count 4

                """)
    }

    @Test("a labelled counter and summary add up by their label values")
    func counters() {
        let counter = LabelledCounter("calls_total", help: "Calls.", labels: ["controller"])
        counter.add(1, ["orders"])
        counter.add(1, ["orders"])
        counter.add(1, ["challenges"])
        #expect(
            counter.family.samples == [
                .init(1, labels: [(name: "controller", value: "challenges")]),
                .init(2, labels: [(name: "controller", value: "orders")]),
            ])
        let summary = LabelledSummary("took_seconds", help: "Took.", labels: ["verb"])
        summary.observe(0.5, ["get"])
        summary.observe(1, ["get"])
        let labels = [(name: "verb", value: "get")]
        #expect(
            summary.family.samples == [
                .init(1.5, labels: labels, suffix: "_sum"), .init(2, labels: labels, suffix: "_count"),
            ])
    }

    @Test("the process metrics are there and positive")
    func process() {
        let families = ProcessMetrics.families()
        #expect(
            families.map(\.name) == [
                "process_cpu_seconds_total", "process_virtual_memory_bytes", "process_resident_memory_bytes",
                "process_open_fds", "process_max_fds", "process_start_time_seconds",
            ])
        #expect(families.allSatisfy { ($0.samples.first?.value ?? 0) > 0 })
    }

    @Test("health names the check that fails and stays readable when all is well")
    func health() {
        let health = Health()
        health.add("ping") { nil }
        #expect(health.report() == .init(isHealthy: true, text: "[+]ping ok\nok\n"))
        health.add("lease") { "The lease was last renewed 80 s ago." }
        #expect(
            health.report()
                == .init(
                    isHealthy: false,
                    text: "[+]ping ok\n[-]lease failed: The lease was last renewed 80 s ago.\ncheck failed\n"))
    }
}
