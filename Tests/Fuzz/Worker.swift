import Glibc

/// Runs inputs in this process, which a trap, a hang or too much memory ends; `progress` outlives it and says where.
struct Worker {
    /// What an input may cost. A hang is measured in processor time, so that a busy machine decides nothing.
    static let secondsOfCPU = 1
    static let bytesOfMemory = 100 << 20

    let target: FuzzTarget
    let mutator: Mutator

    func run(_ numbers: Range<Int>, progress: borrowing Progress) -> Int32 {
        try? target.run([])
        Self.limitMemory()
        for number in numbers {
            progress.number = number
            let input = mutator.input(number)
            Self.limitTime()
            do throws(FuzzTarget.Violation) {
                try target.run(input)
            } catch {
                say("\(target.name): input \(number): \(error)")
                return 3
            }
        }
        return 0
    }

    /// The kernel ends this process when it uses more (setitimer(2), ITIMER_PROF and SIGPROF).
    private static func limitTime() {
        var timer = itimerval(it_interval: timeval(), it_value: timeval(tv_sec: secondsOfCPU, tv_usec: 0))
        setitimer(__itimer_which_t(ITIMER_PROF.rawValue), &timer, nil)
    }

    /// What is in use now, and so much more (getrlimit(2), RLIMIT_DATA counts private anonymous memory).
    private static func limitMemory() {
        guard let file = fopen("/proc/self/statm", "r") else { return }
        defer { fclose(file) }
        var fields = [Int](repeating: 0, count: 6)
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, 256, file) != nil else { return }
        let words = line.prefix { $0 != 0 }.split(separator: CChar(UInt8(ascii: " ")))
        for (index, word) in words.prefix(6).enumerated() {
            fields[index] = Int(String(decoding: word.map { UInt8(bitPattern: $0) }, as: UTF8.self)) ?? 0
        }
        let bytes = fields[5] * sysconf(Int32(_SC_PAGESIZE)) + bytesOfMemory
        var limit = rlimit(rlim_cur: rlim_t(bytes), rlim_max: rlim_t(bytes))
        setrlimit(__rlimit_resource_t(2), &limit)  // RLIMIT_DATA
    }
}

/// To the standard error output.
func say(_ line: String) {
    let bytes = Array("\(line)\n".utf8)
    _ = bytes.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
}

/// The number of the input that is being run, in a file that the parent shares.
struct Progress: ~Copyable {
    private let word: UnsafeMutablePointer<Int>

    init?(path: String) {
        let file = open(path, O_RDWR | O_CREAT, 0o600)
        guard file >= 0, ftruncate(file, 8) == 0,
            let map = mmap(nil, 8, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), map != MAP_FAILED
        else { return nil }
        close(file)
        word = map.assumingMemoryBound(to: Int.self)
    }

    deinit { munmap(word, 8) }

    var number: Int {
        get { word.pointee }
        nonmutating set { word.pointee = newValue }
    }
}
