import ArgumentParser
import Wire

/// Flags that every program of ours takes because those before it did, and that change nothing here.
struct CommonCompatibilityFlags: ParsableArguments {
    @Flag(inversion: .prefixedNo, help: "Accepted; there is no profiler to serve. /metrics and perf(1) show the same.")
    var enableProfiling = false

    @Option(help: "Accepted, as --enable-profiling is.")
    var profilerAddress: String?

    @Option(help: "Accepted; the level of single files cannot be set. Use --v.")
    var vmodule: String?

    @Option(help: "Accepted; every line is written at once.")
    var logFlushFrequency: GoDuration?

    /// What to say in the log at start, for each that was given.
    var notices: [String] {
        var notices: [String] = []
        if enableProfiling || profilerAddress != nil {
            notices.append(
                "--enable-profiling and --profiler-address do nothing here: /metrics tells of CPU and memory, and "
                    + "perf(1) profiles a running process.")
        }
        if vmodule != nil { notices.append("--vmodule does nothing here: set the level of all files with --v.") }
        if logFlushFrequency != nil {
            notices.append("--log-flush-frequency does nothing here: every line is written at once.")
        }
        return notices
    }
}

/// The same for the controller.
struct ControllerCompatibilityFlags: ParsableArguments {
    @OptionGroup var common: CommonCompatibilityFlags

    @Option(help: "Accepted; requests are not throttled here, the API server's priority and fairness does it.")
    var kubeApiQps: Double?

    @Option(help: "Accepted, as --kube-api-qps is.")
    var kubeApiBurst: Int?

    func validate() throws {
        let (qps, burst) = (kubeApiQps ?? 20, kubeApiBurst ?? 50)
        guard qps >= -1, qps.isFinite, burst >= -1 else {
            throw ValidationError("--kube-api-qps and --kube-api-burst must be -1 or more.")
        }
        guard Double(burst) >= qps || burst < 0 else {
            throw ValidationError("--kube-api-burst must be at least --kube-api-qps.")
        }
    }

    var notices: [String] {
        var notices = common.notices
        if kubeApiQps != nil || kubeApiBurst != nil {
            notices.append(
                "--kube-api-qps and --kube-api-burst do nothing here: requests are bounded by --concurrent-workers, and "
                    + "the API server's priority and fairness shares out its time.")
        }
        return notices
    }
}
