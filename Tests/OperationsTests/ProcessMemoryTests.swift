import Foundation
import Testing

@testable import Operations

@Suite("Memory given back")
struct ProcessMemoryTests {
    @Test("code of files is told from all other mappings")
    func lines() {
        let code = "7f12a0000000-7f12a0021000 r-xp 00001000 fe:00 1234                       /usr/lib/libcurl.so.4"
        #expect(ProgramText.range(ofLine: code) == 0x7f12_a000_0000..<0x7f12_a002_1000)
        for other in [
            "7f12a0000000-7f12a0021000 r--p 00001000 fe:00 1234                       /usr/lib/libcurl.so.4",
            "7f12a0000000-7f12a0021000 rw-p 00001000 fe:00 1234                       /usr/lib/libcurl.so.4",
            "7ffd0b5f2000-7ffd0b5f4000 r-xp 00000000 00:00 0                          [vdso]",
            "7f12a0000000-7f12a0021000 r-xp 00000000 00:00 0 ",
            "7f12a0021000-7f12a0021000 r-xp 00001000 fe:00 1234                       /usr/lib/libcurl.so.4",
            "7f12a0021000 r-xp 00001000 fe:00 1234 7 /usr/lib/libcurl.so.4", "-7f r-xp 0 0 0 /x", "",
            "the end of a long path",
        ] {
            #expect(ProgramText.range(ofLine: other) == nil, "\(other)")
        }
    }

    @Test("this very code is among what is given back, and goes on to run")
    func ownCode() {
        let own = UInt(bitPattern: dlsym(nil, "malloc"))
        #expect(ProgramText.ranges().contains { $0.contains(own) })
        ProcessMemory.trim()
        #expect(ProgramText.ranges().contains { $0.contains(own) })
    }

    @Test("pages of code leave this process's memory, and can be read again")
    func unmapping() throws {
        let pages = 16
        let size = pages * Int(getpagesize())
        let path = FileManager.default.temporaryDirectory.appending(path: "code-\(UUID().uuidString)").path
        try Data(repeating: 0x90, count: size).write(to: URL(filePath: path))
        defer { unlink(path) }
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        let address = try #require(mmap(nil, size, PROT_READ | PROT_EXEC, MAP_PRIVATE, descriptor, 0))
        try #require(address != MAP_FAILED)
        defer { munmap(address, size) }
        let bytes = UnsafeRawBufferPointer(start: address, count: size)
        #expect(bytes.allSatisfy { $0 == 0x90 })
        #expect(try residentKiB(at: address) == size / 1024)

        let range = try #require(ProgramText.ranges().first { $0.lowerBound == UInt(bitPattern: address) })
        ProgramText.unmap(range)
        #expect(try residentKiB(at: address) == 0)
        #expect(bytes.allSatisfy { $0 == 0x90 })
    }

    /// What `/proc/self/smaps` says of the mapping that begins at `address`.
    private func residentKiB(at address: UnsafeMutableRawPointer) throws -> Int {
        let start = String(UInt(bitPattern: address), radix: 16) + "-"
        let handle = try FileHandle(forReadingFrom: URL(filePath: "/proc/self/smaps"))
        let text = String(decoding: try handle.readToEnd() ?? Data(), as: UTF8.self)
        let lines = text.split(separator: "\n").drop { !$0.hasPrefix(start) }
        let line = try #require(lines.first { $0.hasPrefix("Rss:") })
        return try #require(line.split(separator: " ").dropFirst().first.flatMap { Int($0) })
    }

    @Test(
        "a process is tidied once it rests after work, and not again before it has worked anew",
        arguments: [
            // works, rests, goes on resting until that has added up, works, rests
            (0.1, [2.1, 2.2, 2.21, 2.24, 2.26, 9, 9.1], [false, true, false, false, true, false, true]),
            // the start itself was work
            (0.25, [0.26], [true]),
            (0.02, [0.03], [false]),
        ])
    func resting(start: Double, readings: [Double], expected: [Bool]) {
        var watch = RestWatch(cpuSeconds: start)
        var answers: [Bool] = []
        for reading in readings { answers.append(watch.observed(cpuSeconds: reading)) }
        #expect(answers == expected)
    }
}
