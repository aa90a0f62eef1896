#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// The mappings of this process that hold machine code of files: never written to, so the kernel can always read them anew.
enum ProgramText {
    /// From `/proc/self/maps` (proc(5)); none where that cannot be read.
    static func ranges() -> [Range<UInt>] {
        guard let file = fopen("/proc/self/maps", "r") else { return [] }
        defer { fclose(file) }
        var ranges: [Range<UInt>] = []
        var line = [CChar](repeating: 0, count: 512)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if let range = range(ofLine: text) { ranges.append(range) }
        }
        return ranges
    }

    /// The addresses of a line such as `7f00-7fff r-xp 00001000 fe:00 1234   /usr/lib/libcurl.so.4`; nil unless it is code of a file.
    static func range(ofLine line: String) -> Range<UInt>? {
        let fields = line.split(separator: " ", omittingEmptySubsequences: true)
        guard fields.count >= 6, fields[1] == "r-xp", fields[5].hasPrefix("/") else { return nil }
        let ends = fields[0].split(separator: "-")
        guard ends.count == 2, let lower = UInt(ends[0], radix: 16), let upper = UInt(ends[1], radix: 16), lower < upper
        else { return nil }
        return lower..<upper
    }

    /// Takes the pages out of this process's memory (madvise(2), MADV_DONTNEED); a failure only means that they stay.
    static func unmap(_ range: Range<UInt>) {
        _ = madvise(UnsafeMutableRawPointer(bitPattern: range.lowerBound), range.count, MADV_DONTNEED)
    }
}
